"""Which plan and options cost least: every permitted combination is billed whole, ties are settled by rule."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import ConfigError
from planrec.billing.cards import Choose, FullCard
from planrec.billing.rating.holdings import account_holds

__all__ = ["Candidate", "candidate_sets", "least"]

_MOST = 100_000


@dataclass(frozen=True)
class Candidate:
    """A plan and options; `rank` orders ties: fewer options, the plan's place, the options' places."""

    plan: int
    held: BoolArray
    rank: tuple[int, int, tuple[int, ...]]
    text: str


def candidate_sets(card: FullCard, choose: Choose) -> list[Candidate]:
    """Return every permitted plan with every permitted set of options.

    Raises
    ------
    ConfigError
        If a name is not in the card, or there are too many combinations.
    """
    plans = {p.plan_id: i for i, p in enumerate(card.plans)}
    options = {o.option_id: i for i, o in enumerate(card.options)}
    unknown = [n for n in choose.plans if n not in plans] + [n for n in choose.options if n not in options]
    if unknown:
        raise ConfigError(f"choose: {unknown[0]!r} is not in the card.")
    if len(choose.plans) * 2 ** len(choose.options) > _MOST:
        raise ConfigError(f"choose: more than {_MOST:,} combinations; name fewer options.")
    found: list[Candidate] = []
    for place, plan in enumerate(choose.plans):
        for size in range(len(choose.options) + 1):
            for chosen in combinations(range(len(choose.options)), size):
                held = np.zeros(len(options), dtype=bool)
                held[[options[choose.options[i]] for i in chosen]] = True
                if account_holds(card, plans[plan], held):
                    continue
                text = f"plan={plan} options={'+'.join(choose.options[i] for i in chosen)}"
                found.append(Candidate(plans[plan], held, (size, place, chosen), text))
    return found


def least(sums: IntArray, candidates: list[Candidate]) -> int:
    """Return the position of the candidate with the least sum."""
    return min(range(len(candidates)), key=lambda i: (int(sums[i]), candidates[i].rank))
