"""Boosted forests: fitted, calibrated, kept as plain arrays."""
