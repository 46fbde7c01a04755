"""Charges of events and periods: prices of rates, calls split at bands, spending caps, sums of line items."""
