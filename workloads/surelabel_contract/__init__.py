"""What operator, stages and portal agree on; imports nothing of ours, no Ray, Kopf or NumPy."""
