"""Units of the columns of a table: which there are, and amounts that are unlikely in the unit they should have."""
