"""Exact money: the rate card and what usage months cost on each of its plans."""
