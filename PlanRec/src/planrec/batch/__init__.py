"""Answers for whole tables: rank, write, account for each row."""
