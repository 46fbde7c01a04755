"""Advice by bills that are known already: as from usage, and plans without a bill are out, with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from common_utils.errors import DataError
from planrec.advice import Advice, advise
from planrec.advice.plan_bills import PlanBills
from planrec.advice.ranking import AdvicePolicy, decide
from planrec.billing import Catalogue, Usage, bill_totals
from planrec.months import month_index
from planrec.outlook import History
from planrec.rules import ExclusionCode, Facts, built_in_rules

DECEMBER = month_index("2025-12")
NONE, NOT_SOLD = int(ExclusionCode.NONE), int(ExclusionCode.NOT_SOLD)
DETAIL = int(ExclusionCode.NEEDS_USAGE_DETAIL)
POLICY = AdvicePolicy(min_gain_cents=100)


def _history(n: int) -> History:
    rng = np.random.default_rng(5)
    shape = (n, 6)
    usage = Usage(rng.uniform(0, 900, shape), rng.integers(0, 90, shape).astype(float), rng.uniform(0, 3e4, shape))
    return History(usage, np.arange(6) < rng.integers(1, 7, (n, 1)))


def _decided(past: History, catalogue: Catalogue, closed: np.ndarray | None, current: np.ndarray) -> Advice:
    bills = PlanBills(bill_totals(past.usage, catalogue), past.known, closed)
    return decide(bills, catalogue, POLICY, rules=built_in_rules(), facts=Facts.of(DECEMBER, current))


@pytest.mark.parametrize("closed", [False, True])
def test_bills_decide_as_the_usage_they_were_rated_from(catalogue: Catalogue, closed: bool) -> None:
    past, k = _history(200), len(catalogue.plans)
    facts = Facts.of(DECEMBER, np.random.default_rng(6).integers(-1, k, 200), age=30.0)
    whole = advise(past, catalogue, POLICY, rules=built_in_rules(), facts=facts)
    bills = PlanBills(bill_totals(past.usage, catalogue), past.known, np.zeros((200, k), int) if closed else None)
    found = decide(bills, catalogue, POLICY, rules=built_in_rules(), facts=facts)
    for name in Advice.__slots__:
        assert np.array_equal(getattr(whole, name), getattr(found, name), equal_nan=name.endswith(("cents", "more")))


def test_a_plan_without_a_bill_is_neither_ranked_nor_compared_with(megaline: Catalogue) -> None:
    past = History(Usage.of([[100.0]] * 3, [[0.0]] * 3, [[0.0]] * 3), np.ones((3, 1), dtype=bool))
    closed = np.array([[NOT_SOLD, NONE], [NONE, DETAIL], [NONE, DETAIL]])
    advice = _decided(past, megaline, closed, np.array([1, 1, 0]))
    assert advice.order.tolist() == [[1, -1], [0, -1], [0, -1]]
    assert advice.excluded.tolist() == closed.tolist()
    # The second holds the plan without a bill, so nothing is known of a saving; the others keep what they have.
    assert np.array_equal(advice.saving_cents, [[np.nan, 0.0], [np.nan, np.nan], [0.0, np.nan]], equal_nan=True)
    assert np.array_equal(advice.expected_cents, [[np.nan, 7000.0], [2000.0, np.nan], [2000.0, np.nan]], equal_nan=True)
    assert [ExclusionCode(code).name for code in advice.stay_reason] == ["NOT_SOLD", "NONE", "NEEDS_USAGE_DETAIL"]
    assert advice.stay.tolist() == [True, False, True]


def test_who_has_no_bill_at_all_has_no_plan(megaline: Catalogue) -> None:
    past = History(Usage.of([[100.0]], [[0.0]], [[0.0]]), np.ones((1, 1), dtype=bool))
    advice = _decided(past, megaline, np.array([[NOT_SOLD, NOT_SOLD]]), np.array([1]))
    assert (advice.order.tolist(), advice.stay.tolist()) == ([[-1, -1]], [True])
    assert advice.stay_reason.tolist() == [NOT_SOLD]


def test_bills_of_no_month_are_refused(megaline: Catalogue) -> None:
    past = History(Usage.of([[0.0]], [[0.0]], [[0.0]]), np.zeros((1, 1), dtype=bool))
    with pytest.raises(DataError, match="1 subscriber"):
        _decided(past, megaline, None, np.array([0]))
