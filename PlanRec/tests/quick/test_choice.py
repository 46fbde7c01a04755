"""One record is expected to choose what a table of one row is, to the last bit, whatever is known of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.bundle import Bundle
from common_utils.errors import DataError
from planrec.bundle import NextChoice, PlanRecBundle
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.quick import RowChoice
from planrec.rules import Rules
from planrec.rules.rulebook import ContractRule, PlanRule

amounts = st.one_of(st.just(0.0), st.integers(0, 1000).map(float), st.floats(0, 3e4), st.just(1e8))
known = st.one_of(st.none(), st.integers(0, 120), st.floats(0, 120))
plans = st.sampled_from([None, "basic-6", "unlimited", "smart-25", "flex-5", "young-10"])

OURS = Rules(
    version="ours",
    contract=ContractRule(while_bound="allow_dearer"),
    plans=(
        PlanRule(plans=("smart-12",), why="sold out"),
        PlanRule(plans=("unlimited",), holders_of=("basic-6",), why="no upgrade"),
        PlanRule(plans=("data-20",), modes=("offer",), why="on request"),
    ),
)


@st.composite
def records(draw: st.DrawFn) -> SubscriberRecord:
    months = draw(st.lists(st.integers(24_290, 24_309), min_size=1, max_size=12, unique=True))
    usage = [UsageMonth(month, draw(amounts), draw(amounts), draw(amounts)) for month in months]
    return SubscriberRecord(usage, draw(plans), draw(known), draw(known), draw(known))


@pytest.fixture(scope="module")
def choices(bundle: Bundle) -> list[NextChoice]:
    """The trained model and its logit alone, by the bundle's rules and by others."""
    opened = PlanRecBundle.open(bundle.path)
    logit = replace(opened.choice, trees=None, temperature=1.25)
    without_plan = replace(opened.choice, with_current_plan=False)
    return [NextChoice(opened.choice, OURS), NextChoice(logit, opened.rules), NextChoice(without_plan, OURS)]


@given(record=records(), month=st.integers(24_309, 24_320))
@settings(max_examples=150, deadline=None)
def test_row_equals_the_table_to_the_last_bit(choices: list[NextChoice], record: SubscriberRecord, month: int) -> None:
    for choice in choices:
        expected = choice.of_records([record], [month])
        found = RowChoice(choice.model, choice.rules)(record, month)
        if found is not None:
            assert found == (expected.p_take[0].tolist(), int(expected.decides_from[0]))
        else:
            assert not expected.p_take.any() or max(max(used[1:]) for used in record.months) > 2000


def test_one_table_of_open_plans_serves_many_records(choices: list[NextChoice]) -> None:
    quick = RowChoice(choices[0].model, choices[0].rules)
    usage = [UsageMonth(24_309, 100, 5, 3000)]
    asked = [SubscriberRecord(usage, plan, age) for plan in (None, "basic-6") for age in (None, 17, 18, 27, 28, 70)]
    for month in (24_300, 24_308, 24_309, 24_320):
        for record in asked:
            found, expected = quick(record, month), choices[0].of_records([record], [month])
            assert found is not None
            assert found[0] == expected.p_take[0].tolist()


def test_row_refuses_a_month_that_stands_twice(choices: list[NextChoice]) -> None:
    twice = SubscriberRecord([UsageMonth(24_216, 1, 0, 0), UsageMonth(24_216, 2, 0, 0)])
    with pytest.raises(DataError, match="a month stands twice"):
        RowChoice(choices[0].model, choices[0].rules)(twice, 24_216)
