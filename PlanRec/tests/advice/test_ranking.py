from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.advice import advise
from planrec.advice.ranking import AdvicePolicy, rank_plans, switch_gain
from planrec.advice.reasons import Against, MeanBill, line_item_means, reasons, sentence
from planrec.billing import Catalogue, Usage
from planrec.months import month_index
from planrec.outlook import History
from planrec.rules import ExclusionCode, Facts, built_in_rules, exclusions

DECEMBER = month_index("2025-12")


def history(minutes: list[float], megabytes: list[float] | None = None) -> History:
    data = [0.0] * len(minutes) if megabytes is None else megabytes
    return History(Usage.of([minutes], [[0.0] * len(minutes)], [data]), np.ones((1, len(minutes)), dtype=bool))


def advise_one(past: History, catalogue: Catalogue, *, current: int = -1, **policy: float):  # type: ignore[no-untyped-def]
    return advise(
        past,
        catalogue,
        AdvicePolicy(**policy),  # type: ignore[arg-type]
        rules=built_in_rules(),
        facts=Facts.of(DECEMBER, np.array([current])),
    )


def test_advice_switches_to_the_cheaper_plan_and_states_the_saving(megaline: Catalogue) -> None:
    advice = advise_one(history([100, 200]), megaline, current=1)
    assert advice.order.tolist() == [[0, 1]]
    assert advice.stay.tolist() == [False]
    assert advice.saving_cents.tolist() == [[5000.0, 0.0]]
    assert advice.p_pay_more.tolist() == [[0.0, 0.0]]


def test_advice_stays_where_nothing_is_gained(megaline: Catalogue) -> None:
    advice = advise_one(history([100, 200]), megaline, current=0)
    assert advice.stay.tolist() == [True]
    assert advice.order.tolist() == [[0, 1]]


def test_stay_puts_the_current_plan_first_and_the_others_in_their_order(catalogue: Catalogue) -> None:
    adjusted = np.array([[30.0, 10.0, 20.0, 40.0]])
    order, stay = rank_plans(adjusted, np.zeros((1, 4), dtype=np.int64), np.array([0]), min_gain_cents=21)
    assert order.tolist() == [[0, 1, 2, 3]]
    assert stay.tolist() == [True]


def test_risk_weight_prefers_the_steadier_bill(megaline: Catalogue) -> None:
    # Surf: 20 and 110 (9 further GB), mean 65, standard deviation 45; Ultimate: 70 each month.
    past = history([0, 0], [0.0, 24 * 1024.0])
    plain = advise_one(past, megaline, risk_weight=0.0)
    careful = advise_one(past, megaline, risk_weight=0.5)
    assert plain.order.tolist() == [[0, 1]]
    assert careful.order.tolist() == [[1, 0]]
    assert careful.spread_cents.tolist() == [[4500.0, 0.0]]


def test_unknown_current_plan_leaves_saving_empty_and_never_stays(megaline: Catalogue) -> None:
    advice = advise_one(history([100]), megaline)
    assert np.isnan(advice.saving_cents).all()
    assert np.isnan(advice.p_pay_more).all()
    assert advice.stay.tolist() == [False]


def test_excluded_plans_are_not_ranked_and_carry_their_code(catalogue: Catalogue) -> None:
    advice = advise_one(history([100]), catalogue)
    offered = [catalogue.plan_ids[i] for i in advice.order[0] if i >= 0]
    codes = {p: ExclusionCode(c).name for p, c in zip(catalogue.plan_ids, advice.excluded[0], strict=True) if c}
    assert codes == {"flex-5": "NO_LONGER_SOLD", "young-10": "AGE_UNKNOWN", "senior-talk": "AGE_UNKNOWN"}
    assert len(offered) == 10
    assert not set(offered) & set(codes)


@pytest.mark.parametrize(
    ("plan", "month", "age", "code"),
    [
        pytest.param("flex-5", "2025-09", 40, "NONE", id="last-month-on-sale"),
        pytest.param("flex-5", "2025-10", 40, "NO_LONGER_SOLD", id="withdrawn"),
        pytest.param("max-voice", "2025-09", 40, "NOT_YET_ON_SALE", id="not-launched"),
        pytest.param("max-voice", "2025-10", 40, "NONE", id="launch-month"),
        pytest.param("young-10", "2025-10", 27, "NONE", id="oldest-age"),
        pytest.param("young-10", "2025-10", 28, "ABOVE_MAXIMUM_AGE", id="too-old"),
        pytest.param("senior-talk", "2025-10", 59, "BELOW_MINIMUM_AGE", id="too-young"),
        pytest.param("senior-talk", "2025-10", np.nan, "AGE_UNKNOWN", id="age-unknown"),
    ],
)
def test_exclusion_codes(catalogue: Catalogue, plan: str, month: str, age: float, code: str) -> None:
    codes = exclusions(catalogue, month_index(month), np.array([-1]), np.array([float(age)]))
    assert ExclusionCode(codes[0, catalogue.index(plan)]).name == code


def test_plan_held_is_never_excluded(catalogue: Catalogue) -> None:
    held = catalogue.index("flex-5")
    codes = exclusions(catalogue, DECEMBER, np.array([held]), np.array([40.0]))
    assert codes[0, held] == ExclusionCode.NONE


def test_advice_refuses_a_subscriber_without_usage(megaline: Catalogue) -> None:
    empty = History(Usage.of([[0.0]], [[0.0]], [[0.0]]), np.zeros((1, 1), dtype=bool))
    with pytest.raises(DataError, match=r"1 subscriber\(s\) have no usage month"):
        advise_one(empty, megaline)


def test_reasons_are_the_line_items_and_add_up(megaline: Catalogue) -> None:
    past = history([510, 490], [16 * 1024.0, 0.0])

    def say(plan: int, current: int) -> str:
        items = line_item_means(past, megaline, np.array([current]))
        return reasons(items, megaline, row=0, plan=plan, current=current)

    assert say(plan=0, current=1) == (
        "With the usage of the 2 months known, Surf would have cost 25.15 USD a month "
        "(fee 20.00, minutes 0.15, messages 0.00, data 5.00): 44.85 less than Ultimate."
    )
    assert say(plan=1, current=0).endswith("44.85 more than Surf, and more in each of the 2 months.")
    assert say(plan=1, current=1).startswith(
        "With the usage of the 2 months known, Ultimate, the plan held today, would have cost 70.00"
    )
    assert say(plan=1, current=-1).endswith("data 0.00).")


def test_line_items_leave_unknown_months_out_and_add_up_to_the_expected_bill(catalogue: Catalogue) -> None:
    known = np.array([[True, True, False]])
    past = History(Usage.of([[300, 500, 0]], [[10, 90, 0]], [[4000, 9000, 0]]), known)
    advice = advise_one(past, catalogue, current=3)
    items = line_item_means(past, catalogue, np.array([3]))
    total = items.fee_cents + items.minutes_cents + items.messages_cents + items.data_cents
    np.testing.assert_allclose(total, advice.expected_cents, rtol=0, atol=1e-9)
    assert items.months.tolist() == [2]


def test_advice_does_not_change_its_input(catalogue: Catalogue) -> None:
    past = history([100, 200])
    before = past.usage.minutes.copy()
    advise_one(past, catalogue, current=3)
    np.testing.assert_array_equal(past.usage.minutes, before)


def test_where_nothing_is_offered_and_nothing_held_the_answer_is_stay() -> None:
    order, stay = rank_plans(np.array([[2000.0, 2100.0]]), np.ones((1, 2), dtype=np.int64), np.array([-1]), 0)
    assert order.tolist() == [[-1, -1]]
    assert stay.all()


def test_nobody_is_sent_to_a_plan_that_is_dearer_in_expectation() -> None:
    # The second plan varies less, the third is cheaper by 50 cents, the fourth by 400.
    mean, spread = np.array([[2000.0, 2100.0, 1950.0, 1600.0]]), np.array([[2000.0, 0.0, 1500.0, 1900.0]])
    adjusted, current = mean + 0.5 * spread, np.array([0])
    gain = switch_gain(adjusted, mean, current)
    assert gain.tolist() == [[0.0, -100.0, 50.0, 400.0]]
    for least, expected in ((0, [3, 2, 1, 0]), (100, [3, 1, 2, 0]), (401, [0, 1, 3, 2])):
        order, stay = rank_plans(adjusted, np.zeros((1, 4), dtype=np.int64), current, least, gain_cents=gain)
        assert (order[0].tolist(), bool(stay[0])) == (expected, expected[0] == 0)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(0, 500))
def test_a_switch_gains_enough_in_the_mean_and_in_the_adjusted_bill(seed: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    mean, spread = rng.integers(1000, 2000, (20, 5)).astype(float), rng.integers(0, 2000, (20, 5)).astype(float)
    current, excluded = rng.integers(-1, 5, 20), (rng.random((20, 5)) < 0.3).astype(np.int64)
    excluded[np.arange(20)[current >= 0], current[current >= 0]] = 0
    adjusted = mean + 0.5 * spread
    order, stay = rank_plans(adjusted, excluded, current, least, gain_cents=switch_gain(adjusted, mean, current))
    for row in np.flatnonzero(current >= 0):
        held, open_ = current[row], np.flatnonzero(excluded[row] == 0)
        falls = {
            plan: min(adjusted[row, held] - adjusted[row, plan], mean[row, held] - mean[row, plan]) for plan in open_
        }
        enough = [plan for plan, fall in falls.items() if fall > 0 and fall >= least]
        assert stay[row] == (not enough)
        assert order[row, 0] == (min(enough, key=lambda plan: adjusted[row, plan]) if enough else held)
        assert sorted(order[row][order[row] >= 0]) == open_.tolist()


@pytest.mark.parametrize(
    ("fee", "dearer", "ending"),
    [
        (2700.0, 2, "): 3.00 less than Smart 25, but more in 2 of the 6 months."),
        (3000.0, 0, "): as much as Smart 25."),
        (3300.0, 4, "): 3.00 more than Smart 25, and more in 4 of the 6 months."),
        (3300.0, 6, "): 3.00 more than Smart 25, and more in each of the 6 months."),
    ],
)
def test_a_sentence_can_be_read_aloud(fee: float, dearer: int, ending: str) -> None:
    held = Against("Smart 25", 3000, dearer, same=False)
    said = sentence("Basic 6", "EUR", 6, MeanBill(fee, 0.0, 0.0, 0.0), held)
    assert said.startswith(f"With the usage of the 6 months known, Basic 6 would have cost {fee / 100:.2f} EUR a month")
    assert said.endswith(ending)


def test_a_sentence_says_what_is_expected_of_the_plan_held() -> None:
    held = Against("Flex 5", 991, 0, same=True)
    assert sentence("Flex 5", "EUR", 1, MeanBill(990.0, 1.0, 0.0, 0.0), held, (1003.4, 1003.4)) == (
        "With the usage of the one month known, Flex 5, the plan held today, would have cost 9.91 EUR a month "
        "(fee 9.90, minutes 0.01, messages 0.00, data 0.00). Expected from now on: 10.03 EUR a month."
    )


def test_subscribers_without_a_month_are_counted(megaline: Catalogue) -> None:
    two = History(Usage(*(np.zeros((3, 1)) for _ in range(3))), np.array([[True], [False], [True]]))
    facts = Facts.of(DECEMBER, np.array([0, 0, 1]))
    with pytest.raises(DataError, match=r"advice: 1 subscriber\(s\) have no usage month"):
        advise(two, megaline, AdvicePolicy(), rules=built_in_rules(), facts=facts)


def test_line_items_are_means_over_the_months_known(megaline: Catalogue) -> None:
    # Minutes 600, 510 and an unknown month of 9,999: 3.00 and 0.30 on surf, 1.65 on average.
    usage = Usage.of([[600.0, 510.0, 9999.0]], [[0.0] * 3], [[0.0] * 3])
    items = line_item_means(History(usage, np.array([[True, True, False]])), megaline, np.array([1]))
    assert items.minutes_cents.tolist() == [[165, 0]]
    assert items.fee_cents.tolist() == [[2000, 7000]]
    assert (items.months.tolist(), items.months_dearer.tolist()) == ([2], [[0, 0]])


def test_a_sentence_compares_with_the_plan_held_even_if_it_is_the_first(megaline: Catalogue) -> None:
    items = line_item_means(history([400]), megaline, np.array([0]))
    said = reasons(items, megaline, row=0, plan=1, current=0, expected_cents=np.array([[2100.0, 7000.0]]))
    assert "50.00 more than Surf" in said
    assert said.endswith("70.00 USD a month, 49.00 more than Surf.")


def test_one_dearer_month_is_said_once() -> None:
    held = Against("Smart 25", 3000, 1, same=False)
    assert sentence("Basic 6", "EUR", 1, MeanBill(3300.0, 0.0, 0.0, 0.0), held).endswith("): 3.00 more than Smart 25.")


def test_every_line_item_is_in_the_total() -> None:
    assert MeanBill(1000.0, 200.0, 30.0, 4.0).total == 1234
