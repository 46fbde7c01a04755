"""What is asked about a subscriber, and what of it is not known."""

from __future__ import annotations

import dataclasses

import numpy as np

from planrec.billing import Catalogue
from planrec.billing.catalogue import Eligibility
from planrec.rules import Facts, Rules, asked_facts, built_in_rules, unknown_facts
from planrec.rules.rulebook import OfferRules

MONTH = 24227
ALL = ("current_plan", "age", "contract_months_left", "holdout", "consent", "contacts_90d")


def with_limit(megaline: Catalogue, **limit: int) -> Catalogue:
    """Megaline, whose second plan has a limit of age."""
    first, second = megaline.plans
    return dataclasses.replace(megaline, plans=(first, second.model_copy(update={"eligibility": Eligibility(**limit)})))


def test_the_age_is_asked_where_any_plan_has_a_limit(megaline: Catalogue) -> None:
    assert asked_facts(built_in_rules(), megaline, "advice", 0) == ()
    assert asked_facts(built_in_rules(), with_limit(megaline, min_age=60), "advice", 0) == ("age",)
    assert asked_facts(built_in_rules(), with_limit(megaline, max_age=27), "advice", 0) == ("age",)


def test_an_offer_asks_for_what_its_rules_look_at(catalogue: Catalogue) -> None:
    bound, free = catalogue.index("smart-12"), catalogue.index("basic-6")
    assert asked_facts(built_in_rules(), catalogue, "offer", bound) == ALL
    assert asked_facts(built_in_rules(), catalogue, "offer", -1) == ALL  # who knows whether that plan binds
    assert "contract_months_left" not in asked_facts(built_in_rules(), catalogue, "offer", free)
    none = OfferRules(respect_holdout=False, consent_required=False, max_contacts_90d=None)
    asked = asked_facts(Rules(version="x", offers=none), catalogue, "offer", bound)
    assert asked == ("current_plan", "age", "contract_months_left")


def test_each_fact_that_is_not_known_is_named_for_its_subscriber(catalogue: Catalogue) -> None:
    known = {"age": 40.0, "contract_months_left": 0.0, "holdout": 0, "consent": 1, "contacts_90d": 0.0}
    missing = {"age": np.nan, "contract_months_left": np.nan, "holdout": -1, "consent": -1, "contacts_90d": np.nan}
    n = len(known) + 2
    columns = {name: np.full(n, value) for name, value in known.items()}
    for row, name in enumerate(missing):
        columns[name][row] = missing[name]
    current = np.full(n, catalogue.index("smart-12"))
    current[n - 2] = -1
    current[n - 1] = 0  # the first plan of the rate card is a plan
    found = unknown_facts(built_in_rules(), catalogue, Facts.of(MONTH, current, **columns), "offer")
    assert found == [*((name,) for name in missing), ("current_plan",), ()]
