"""Snapshots: the tables a bundle was trained on, named by their content, kept, compared and withdrawn."""
