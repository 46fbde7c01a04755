"""The HTTP service of BankChurn."""
