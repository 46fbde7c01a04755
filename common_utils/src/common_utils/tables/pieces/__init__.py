"""Large tables piece by piece: decided for the whole before the first piece, checked as a table read at once."""
