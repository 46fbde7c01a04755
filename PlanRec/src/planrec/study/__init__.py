"""Promises measured on simulated operators whose truth is known."""
