"""Random cases made milder, so that many of their plans are order-free."""

from __future__ import annotations

import random
from typing import Any

__all__ = ["ease"]


def ease(dice: random.Random, tree: Any) -> None:
    """Take out of a case most of what makes every card order-dependent, so that many are not."""
    for key in ("rounding", "band_rule", "choose"):
        tree.pop(key, None)
    for owner in (*tree.get("plans", {}).values(), *tree.get("options", {}).values()):
        owner.pop("passes", None)
        finite = dice.random() < 0.2
        owner["allowances"] = [a for a in owner.get("allowances", ()) if finite or a["amount"] == "unlimited"]
        for row in owner["allowances"]:
            row.pop("numbers", None)
            row.pop("per_week_max", None)
        owner["caps"] = [
            {**cap, "items": cap["items"][:1], "mode": "free"} for cap in owner.get("caps", ()) if dice.random() < 0.3
        ]
        for rate in owner.get("rates", ()):
            rate.pop("minimum", None)
            rate.pop("day_minimum", None)
            if rate.get("rounded") == "day":
                rate["rounded"] = "period"
            if rate.pop("day_fee", None) is not None:
                rate.pop("includes_mb", None)
                rate.pop("beyond", None)
                rate["per_mb"] = "0.7"
