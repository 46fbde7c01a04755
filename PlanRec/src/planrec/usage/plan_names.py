"""Names of plans as tables write them: which plan of the rate card is meant, and which are near."""

from __future__ import annotations

from difflib import SequenceMatcher

import pandas as pd

from planrec.billing import Catalogue

__all__ = ["nearest_plans", "spelt_otherwise", "with_nearest"]

_NEAR = 0.6  # difflib's usual cut-off of its close matches


def spelt_otherwise(held: pd.Series, catalogue: Catalogue) -> dict[str, str]:
    """Return the values that differ from a plan's id or name in letter case, blanks and dashes alone."""
    known: dict[str, set[str]] = {}
    for plan in catalogue.plans:
        for word in (plan.plan_id, plan.name):
            known.setdefault(_letters(word), set()).add(plan.plan_id)
    known_ids = {*catalogue.plan_ids, *catalogue.detailed_ids}
    foreign = [str(value) for value in held.dropna().unique() if value not in known_ids]
    found = {value: known.get(_letters(value), set()) for value in foreign}
    return {value: next(iter(plans)) for value, plans in found.items() if len(plans) == 1}


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word.casefold()))


def nearest_plans(plan: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the plans whose id or name is nearest to a word, equally near ones together; none where none is near.

    A plan of the card that three totals of a month do not price is none of the others, whatever its name is near to.

    Examples
    --------
    >>> nearest_plans("surf2", megaline), nearest_plans("ULTIMATE plus", megaline), nearest_plans("ghost", megaline)
    (('surf',), ('ultimate',), ())
    """
    if plan in catalogue.detailed_ids:
        return ()
    asked = SequenceMatcher(None, b=_letters(plan))
    nearness: dict[str, float] = {}
    for known in catalogue.plans:
        for word in (known.plan_id, known.name):
            asked.set_seq1(_letters(word))
            nearness[known.plan_id] = max(asked.ratio(), nearness.get(known.plan_id, 0.0))
    most = max(nearness.values())
    return tuple(plan_id for plan_id, near in nearness.items() if near == most >= _NEAR)


def with_nearest(plan: str, catalogue: Catalogue) -> str:
    """Return a word in quotation marks, with the plans whose names are near."""
    near = nearest_plans(plan, catalogue)
    return f"{plan!r} (nearest: {' or '.join(map(repr, near))})" if near else repr(plan)
