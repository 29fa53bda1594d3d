"""The ``surelabel`` command; it may import everything of ours and is imported by nothing."""
