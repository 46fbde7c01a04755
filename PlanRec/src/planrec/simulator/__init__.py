"""A mobile operator with known truth: usage, prices, choices, campaigns, drift."""
