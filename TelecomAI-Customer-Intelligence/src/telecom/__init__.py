"""Smart or Ultra: the plan a month of usage was on, as the public table says it."""

__all__ = ["QUESTION"]

QUESTION = "Which of two plans is a month of usage on? It predicts the plan held, not the best plan."
