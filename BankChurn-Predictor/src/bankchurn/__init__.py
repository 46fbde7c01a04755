"""Which bank customers will leave, and which of them are worth contacting."""

__all__ = ["QUESTION"]

QUESTION = "Which bank customers will leave, and which of them are worth contacting?"
