"""What a reader of any figure or answer of this project must know; the CLI, the service and the cards show it."""

__all__ = ["CAVEAT"]

CAVEAT = (
    "The rows are months of about 500 people whose ids were removed, so every random split has the same person on both "
    "sides: these figures are for a new month of a known customer and too kind for a new one. The answer is the plan "
    "held, not the best plan; for advice use PlanRec."
)
