"""Is the data sane: what no model should learn from."""
