"""Letters before a contract or a price ends: when they are due, what they say, how they are verified."""
