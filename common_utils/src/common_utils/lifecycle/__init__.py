"""The next bundle: why to train again, what the new one must prove against the live one, and the record of each day."""
