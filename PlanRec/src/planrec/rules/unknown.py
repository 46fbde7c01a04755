"""What the rules ask about a subscriber and nobody said: all of it at once, so that it is asked for once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from planrec.billing import Catalogue
from planrec.columns import AGE, CONSENT, CONTACTS_90D, CONTRACT_LEFT, CURRENT_PLAN, HOLDOUT
from planrec.rules.facts import Facts, Known
from planrec.rules.rulebook import Mode, Rules

__all__ = ["asked_facts", "unknown_facts"]


def asked_facts(rules: Rules, catalogue: Catalogue, mode: Mode, current: int) -> tuple[str, ...]:
    """Return the facts that rules and rate card ask about, by the names of their columns.

    Parameters
    ----------
    rules : Rules
    catalogue : Catalogue
    mode : {"advice", "offer"}
        Advice asks for nothing but the age, where a plan has a limit.
    current : int
        Index of the plan held, -1 where unknown; one without a minimum term cannot bind.

    Examples
    --------
    >>> from planrec.rules import built_in_rules
    >>> asked_facts(built_in_rules(), megaline, "offer", 0)
    ('current_plan', 'holdout', 'consent', 'contacts_90d')
    >>> asked_facts(built_in_rules(), megaline, "advice", 0)
    ()
    """
    limits = [plan.eligibility for plan in catalogue.plans]
    asked = {AGE: any(limit.min_age is not None or limit.max_age is not None for limit in limits)}
    if mode == "offer":
        offers = rules.offers
        asked |= {
            CURRENT_PLAN: True,
            CONTRACT_LEFT: current < 0 or catalogue.plans[current].contract_months > 0,
            HOLDOUT: offers.respect_holdout,
            CONSENT: offers.consent_required,
            CONTACTS_90D: offers.max_contacts_90d is not None,
        }
    order = (CURRENT_PLAN, AGE, CONTRACT_LEFT, HOLDOUT, CONSENT, CONTACTS_90D)
    return tuple(name for name in order if asked.get(name))


def unknown_facts(rules: Rules, catalogue: Catalogue, facts: Facts, mode: Mode) -> list[tuple[str, ...]]:
    """Return what is asked about each subscriber and not known.

    Returns
    -------
    list of tuple of str
        n entries, each in the order of `asked_facts`.

    Examples
    --------
    >>> from planrec.rules import built_in_rules
    >>> facts = Facts.of(24227, np.array([0, 0]), consent=[1, -1], holdout=[0, -1], contacts_90d=0.0)
    >>> unknown_facts(built_in_rules(), megaline, facts, "offer")
    [(), ('holdout', 'consent')]
    """
    missing: Mapping[str, NDArray[np.bool_]] = {
        CURRENT_PLAN: facts.current < 0,
        AGE: np.isnan(facts.age),
        CONTRACT_LEFT: np.isnan(facts.contract_months_left),
        HOLDOUT: facts.holdout == Known.UNKNOWN,
        CONSENT: facts.consent == Known.UNKNOWN,
        CONTACTS_90D: np.isnan(facts.contacts_90d),
    }
    held = facts.current.tolist()
    asked = {plan: asked_facts(rules, catalogue, mode, plan) for plan in set(held)}
    lacking = {name: where.tolist() for name, where in missing.items()}
    return [tuple(name for name in asked[plan] if lacking[name][row]) for row, plan in enumerate(held)]
