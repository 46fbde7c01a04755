from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.billing import Catalogue
from planrec.decisions import alternative_features
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES, CONTEXT_FEATURES, context_features
from planrec.outlook import History, history_of


def past(minutes: list[float], messages: list[float] | None = None, megabytes: list[float] | None = None) -> History:
    """One subscriber's months, most recent first."""
    n = len(minutes)
    parts = {"minutes": minutes, "messages": messages or [0.0] * n, "megabytes": megabytes or [0.0] * n}
    return history_of({f"{s}_{k + 1}": np.array([v[k]]) for s, v in parts.items() for k in range(n)}, n)


def named(row: np.ndarray, names: tuple[str, ...] = ALTERNATIVE_FEATURES) -> dict[str, float]:
    return dict(zip(names, row.tolist(), strict=True))


def test_expected_bills_are_those_of_the_months(megaline: Catalogue) -> None:
    # Surf: 20.00 and 35.00, 500 minutes over at 3 cents. Ultimate: 70.00 in both.
    surf, ultimate = alternative_features(past([0.0, 1000.0]), megaline, np.array([0]))[0]
    assert named(surf)["expected_bill"] == 0  # the cheapest
    assert named(surf)["bill_spread"] == pytest.approx(7.5, rel=1e-12)
    assert named(ultimate)["expected_bill"] == 70 - 27.5
    assert named(ultimate)["bill_spread"] == 0


def test_recent_bills_are_those_of_the_last_three_months(megaline: Catalogue) -> None:
    # Surf, most recent first: 35.00, 20.00, 20.00 and, no longer remembered, 110.00. Mean 25.00, and of all 46.25.
    # Ultimate: 70.00 three times and, 500 minutes over at 1 cent, 75.00.
    surf, ultimate = map(named, alternative_features(past([1000.0, 0.0, 0.0, 3500.0]), megaline, np.array([0]))[0])
    assert (surf["recent_bill"], ultimate["recent_bill"]) == (0, 70 - 25)
    assert surf["recent_spread"] == pytest.approx(np.std([35, 20, 20]), rel=1e-12)
    assert ultimate["expected_bill"] == 71.25 - 46.25
    assert surf["bill_spread"] == pytest.approx(np.std([35, 20, 20, 110]), rel=1e-12)


def test_other_months_may_be_remembered(megaline: Catalogue) -> None:
    months = [0.0, 0.0, 0.0, 4000.0]
    assert named(alternative_features(past(months), megaline, np.array([0]))[0, 1])["recent_bill"] == 50
    all_four = named(alternative_features(past(months), megaline, np.array([0]), recent_months=4)[0, 1])
    assert all_four["recent_bill"] == all_four["expected_bill"] == 72.5 - 46.25


def test_all_months_are_remembered_where_no_recent_one_is_known(megaline: Catalogue) -> None:
    unknown = [np.nan] * 3
    history = past([*unknown, 1000.0], [*unknown, 0.0], [*unknown, 0.0])
    _, ultimate = map(named, alternative_features(history, megaline, np.array([0]))[0])
    assert ultimate["recent_bill"] == ultimate["expected_bill"] == 35


def test_months_that_are_not_known_count_for_nothing(megaline: Catalogue) -> None:
    one = alternative_features(past([1000.0]), megaline, np.array([0]))
    padded = alternative_features(
        past([1000.0, np.nan, np.nan], [0, np.nan, np.nan], [0, np.nan, np.nan]), megaline, np.array([0])
    )
    np.testing.assert_array_equal(one, padded)


def test_held_plan_binds_no_new_contract(catalogue: Catalogue) -> None:
    held = catalogue.index("family-40")
    rows = alternative_features(past([100.0]), catalogue, np.array([held]))[0]
    family, unlimited, voice = (named(rows[catalogue.index(p)]) for p in ("family-40", "unlimited", "voice-free"))
    assert (family["is_current"], unlimited["is_current"]) == (1, 0)
    assert (family["new_contract_years"], unlimited["new_contract_years"], voice["new_contract_years"]) == (0, 2, 1)
    assert (family["perks"], unlimited["perks"], voice["perks"]) == (2, 3, 1)
    shares = [plan["unlimited_share"] for plan in (family, unlimited, voice)]
    assert shares == [0, 1, pytest.approx(2 / 3)]


def test_nothing_is_held_where_the_plan_is_unknown(catalogue: Catalogue) -> None:
    rows = alternative_features(past([100.0]), catalogue, np.array([-1]))[0]
    assert not rows[:, ALTERNATIVE_FEATURES.index("is_current")].any()
    years = rows[:, ALTERNATIVE_FEATURES.index("new_contract_years")]
    assert years.tolist() == catalogue.contract_years.tolist()


def test_context_compares_with_the_plan_held(catalogue: Catalogue) -> None:
    current = np.array([catalogue.index("voice-free")])
    features = alternative_features(past([500.0], [10.0], [4000.0]), catalogue, current)
    rows = context_features(features, catalogue, current)[0]
    bills = features[0, :, 0]
    found = named(rows[catalogue.index("unlimited")], CONTEXT_FEATURES)
    assert found["fee_distance"] == pytest.approx(np.log(49.90 / 29.90))
    assert found["current_above_cheapest"] == bills[current[0]]
    assert found["current_unlimited_share"] == pytest.approx(2 / 3)
    assert found["current_perks"] == 1
    assert found["current_contract_years"] == 1
    own = named(rows[current[0]], CONTEXT_FEATURES)
    assert own["fee_distance"] == 0


def test_context_is_missing_where_the_plan_held_is_unknown(megaline: Catalogue) -> None:
    history = history_of({"minutes_1": [10.0] * 2, "messages_1": [0.0] * 2, "megabytes_1": [0.0] * 2}, 1)
    current = np.array([-1, 1])
    rows = context_features(alternative_features(history, megaline, current), megaline, current)
    assert np.isnan(rows[0]).all()
    assert np.isfinite(rows[1]).all()
    assert rows[1, 0, 1] == 50  # surf against ultimate


usage = st.tuples(st.floats(0, 5000), st.floats(0, 500), st.floats(0, 60_000))


@given(st.lists(usage, min_size=1, max_size=4), st.randoms(use_true_random=False), st.integers(-1, 11))
@settings(deadline=None, max_examples=40)
def test_another_order_of_the_plans_gives_the_same_features_in_that_order(
    catalogue: Catalogue, months: list[tuple[float, float, float]], random: object, held: int
) -> None:
    order = list(range(len(catalogue.plans)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = dataclasses.replace(catalogue, plans=tuple(catalogue.plans[i] for i in order))
    history = past(*[[m[i] for m in months] for i in range(3)])
    current, moved = np.array([held]), np.array([order.index(held) if held >= 0 else -1])
    first, second = (alternative_features(history, c, at) for c, at in ((catalogue, current), (shuffled, moved)))
    np.testing.assert_array_equal(second, first[:, order])
    first, second = context_features(first, catalogue, current), context_features(second, shuffled, moved)
    np.testing.assert_array_equal(second, first[:, order])


def test_features_leave_their_input_alone(megaline: Catalogue) -> None:
    history, current = past([10.0, 20.0]), np.array([-1])
    features = alternative_features(history, megaline, current)
    before = features.copy()
    context_features(features, megaline, current)
    np.testing.assert_array_equal(features, before)
    assert history.usage.minutes.tolist() == [[10.0, 20.0]]
    assert current.tolist() == [-1]
