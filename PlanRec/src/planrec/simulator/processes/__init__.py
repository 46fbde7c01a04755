"""Further ways simulated subscribers choose, outside the family of the choice model: truths it does not know."""
