"""Compile a fitted pipeline to plain arrays, and prove that both give the same."""
