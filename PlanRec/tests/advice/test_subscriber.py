from __future__ import annotations

from dataclasses import replace

import pytest

from common_utils.errors import DataError
from planrec.advice.ranking import AdvicePolicy
from planrec.advice.subscriber import advise_subscriber
from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.months import month_index
from planrec.rules import built_in_rules

MONTH = month_index("2018-06")
RULES = built_in_rules()


def record(plan: str | None, megabytes: float = 0.0) -> SubscriberRecord:
    return SubscriberRecord([UsageMonth(MONTH, 510, 0, megabytes)], plan)


def test_advice_carries_line_items_saving_and_a_sentence(megaline: Catalogue) -> None:
    advice = advise_subscriber(
        record("ultimate"), megaline, AdvicePolicy(), RULES, month=MONTH, history_months=6, top_k=5
    )
    best, held = advice.plans
    assert (best.rank, best.plan.plan_id, best.is_current) == (1, "surf", False)
    assert best.line_items_cents == (2000.0, 30.0, 0.0, 0.0)
    assert (best.saving_cents, best.p_pay_more) == (4970.0, 0.0)
    assert "49.70 less than Ultimate" in best.reason
    assert (held.rank, held.is_current) == (2, True)
    assert advice.months_used == 1


def test_stay_is_rank_one_below_the_minimum_gain(megaline: Catalogue) -> None:
    policy = AdvicePolicy(min_gain_cents=5000)
    advice = advise_subscriber(record("ultimate"), megaline, policy, RULES, month=MONTH, history_months=6, top_k=1)
    assert [(p.plan.plan_id, p.is_current) for p in advice.plans] == [("ultimate", True)]


def test_stay_says_why(megaline: Catalogue) -> None:
    policy = AdvicePolicy(min_gain_cents=5000)
    advice = advise_subscriber(record("ultimate"), megaline, policy, RULES, month=MONTH, history_months=6, top_k=2)
    assert advice.stay_reason == "BELOW_MINIMUM_GAIN"
    assert advice.earliest_change is None
    assert advice.plans[0].reason.endswith(" Stay: no other plan open to the subscriber gains enough.")
    assert "Stay" not in advice.plans[1].reason


def test_a_contract_that_binds_keeps_the_subscriber_until_its_end(megaline: Catalogue) -> None:
    bound = replace(record("ultimate"), contract_months_left=2)
    advice = advise_subscriber(bound, megaline, AdvicePolicy(), RULES, month=MONTH, history_months=6, top_k=5)
    assert [(p.plan.plan_id, p.is_current) for p in advice.plans] == [("ultimate", True)]
    assert advice.excluded == {"surf": "CONTRACT_BINDS"}
    assert advice.stay_reason == "CONTRACT_BINDS"
    assert advice.earliest_change == month_index("2018-09")
    assert advice.plans[0].reason.endswith("a change can take effect from 2018-09-01.")


def test_a_switch_has_no_reason_to_stay(megaline: Catalogue) -> None:
    free = replace(record("ultimate"), contract_months_left=0)
    advice = advise_subscriber(free, megaline, AdvicePolicy(), RULES, month=MONTH, history_months=6, top_k=1)
    assert (advice.stay_reason, advice.earliest_change) == (None, None)


def test_unknown_current_plan_is_refused_by_name_of_the_field_only(megaline: Catalogue) -> None:
    with pytest.raises(DataError, match=r"current_plan is not a plan of this catalogue") as caught:
        advise_subscriber(
            record("secret-plan"), megaline, AdvicePolicy(), RULES, month=MONTH, history_months=6, top_k=1
        )
    assert "secret-plan" not in str(caught.value)


def test_without_a_current_plan_saving_is_none_and_exclusions_are_named(catalogue: Catalogue) -> None:
    advice = advise_subscriber(record(None), catalogue, AdvicePolicy(), RULES, month=MONTH, history_months=6, top_k=50)
    assert all(p.saving_cents is None and p.p_pay_more is None for p in advice.plans)
    assert advice.excluded == {
        "young-10": "AGE_UNKNOWN",
        "senior-talk": "AGE_UNKNOWN",
        "max-voice": "NOT_YET_ON_SALE",
    }
