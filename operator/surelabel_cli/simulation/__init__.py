"""``surelabel simulate``: what a job would have cost, over many repetitions and settings."""
