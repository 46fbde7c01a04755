"""Monitoring of a project on one table: what a table of records shows, and the `monitor` and `bias` commands."""
