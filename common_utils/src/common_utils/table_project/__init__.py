"""A whole project on one table: source, training, cards, commands, service."""
