"""Worlds whose drift, offers and outcomes are known, for tests, gates and benchmarks of monitoring."""
