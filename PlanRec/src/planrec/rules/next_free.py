"""What a subscriber may choose from when next free to decide: the plans open then, and from which month that is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from common_utils.array_types import IntArray
from planrec.billing import Catalogue
from planrec.rules.apply import apply_rules
from planrec.rules.facts import Facts
from planrec.rules.rulebook import Rules

__all__ = ["OpenPlans", "open_plans"]


@dataclass(frozen=True, slots=True)
class OpenPlans:
    """The next decision of n subscribers.

    Attributes
    ----------
    codes : int64 array of shape (n, n_plans)
        `ExclusionCode`, NONE where the plan may be held from that month on; the plan held always may.
    decides_from : int64 array of shape (n,)
        Month index of the first month without the contract; the month after the one asked about where nothing binds,
        or where that is not known.
    """

    codes: IntArray
    decides_from: IntArray


def open_plans(rules: Rules, catalogue: Catalogue, facts: Facts) -> OpenPlans:
    """Return which plans each subscriber may take when next free to decide.

    The rules are those of advice, because nobody has to be contacted for a decision of one's own. A plan must be on
    sale in the month of the decision. The age is the one known today.

    Parameters
    ----------
    rules : Rules
        They name only plans of the catalogue.
    catalogue : Catalogue
    facts : Facts
        n subscribers.

    Examples
    --------
    >>> from planrec.months import month_index, month_text
    >>> from planrec.rules.codes import ExclusionCode
    >>> from planrec.rules.rulebook import built_in_rules
    >>> held = np.array([card.index("smart-12")] * 2)
    >>> facts = Facts.of(month_index("2025-05"), held, age=40.0, contract_months_left=[4.0, 0.0])
    >>> found = open_plans(built_in_rules(), card, facts)
    >>> [month_text(month) for month in found.decides_from]
    ['2025-10', '2025-06']
    >>> [ExclusionCode(code).name for code in found.codes[:, card.index("flex-5")]]
    ['NO_LONGER_SOLD', 'NONE']
    """
    free = replace(facts, change_month=facts.free_from, contract_months_left=np.zeros(len(facts.current)))
    return OpenPlans(apply_rules(rules, catalogue, free, "advice").codes, free.change_month)
