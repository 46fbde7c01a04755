"""Policies compared on past months: regret, curves, back-tests."""
