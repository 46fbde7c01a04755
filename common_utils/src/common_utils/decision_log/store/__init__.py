"""The store of decisions, outcomes and the record of what was done with them, in SQLite or PostgreSQL."""
