"""What is this used car worth, how sure is that, and what does the market do."""

__all__ = ["QUESTION"]

QUESTION = "What is this used car worth, and how sure are we?"
