"""Months rated on all plans at once are rated as by the reference, to the last bit, or left to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.advice.reasons import line_item_means
from planrec.billing import MAX_USAGE, Catalogue, Usage, bill_totals
from planrec.outlook import History, bill_outlook, saving_outlook, share_above
from planrec.outlook.forecast import SCENARIOS
from planrec.quick.rated_months import RatedMonths


def months_of(ahead: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What `RatedMonths` takes: by service, then a row of ones."""
    usage = np.concatenate((ahead, known), axis=1)
    return np.concatenate((usage, np.ones((1, usage.shape[1]))))


amounts = st.one_of(
    st.just(0.0),
    st.floats(0, 3000),
    st.floats(0, MAX_USAGE),
    st.sampled_from([500.0, 1e-6, 4e-7, 6e-7, 15360.0, 15360.000001, 15360.0000004, 999_999_999.9999]),
)


def past(usage: np.ndarray) -> History:
    return History(Usage(*usage[:, None, :]), np.ones((1, usage.shape[1]), dtype=bool))


@given(
    data=st.data(),
    recorded=st.integers(1, 7),
    current=st.integers(-1, 12),
    small=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_months_are_rated_as_by_the_reference(
    catalogue: Catalogue, megaline: Catalogue, data: st.DataObject, recorded: int, current: int, small: bool
) -> None:
    card = megaline if small else catalogue
    current = min(current, len(card.plans) - 1)
    level = data.draw(st.sampled_from([1.0, 1e-3]))
    drawn = data.draw(st.lists(amounts, min_size=3 * (3 + recorded), max_size=3 * (3 + recorded)))
    few = np.array(drawn).reshape(3, -1) * level
    ahead, known = few[:, np.arange(SCENARIOS) % 3], few[:, 3:]
    totals, held = bill_totals(past(ahead).usage, card), np.array([current])
    found = RatedMonths(card)(months_of(ahead, known), current)
    if totals.max() >= 2**19 or bill_totals(past(known).usage, card).max() >= 2**19:
        assert found is None or totals.max() < 2**19
        return
    assert found is not None
    outlook, parts, own = (
        bill_outlook(totals, past(ahead).known),
        line_item_means(past(ahead), card, held),
        line_item_means(past(known), card, held),
    )
    assert found.mean == outlook.mean_cents[0].tolist()
    assert found.spread == outlook.spread_cents[0].tolist()
    assert found.items == [p[0].tolist() for p in (parts.minutes_cents, parts.messages_cents, parts.data_cents)]
    past_items = [[item / recorded for item in items] for items in found.past_items]
    assert past_items == [p[0].tolist() for p in (own.minutes_cents, own.messages_cents, own.data_cents)]
    if current < 0:
        assert found.dearer is found.past_dearer is None
    else:
        assert found.dearer == share_above(totals, past(ahead).known, held)[0].tolist()
        assert found.past_dearer == own.months_dearer[0].tolist()
    if current >= 0:
        n = len(card.plans)
        mean, spread = saving_outlook(
            totals, past(ahead).known, np.zeros(n, dtype=int), np.arange(n), np.full(n, current)
        )
        assert [found.saving(plan, current) for plan in range(n)] == list(
            zip(mean.tolist(), spread.tolist(), strict=True)
        )


@pytest.mark.parametrize("megabytes", [1e6, 1e9])
def test_bills_too_large_for_exact_squares_are_left_to_the_reference(megaline: Catalogue, megabytes: float) -> None:
    # 10.00 for each started gigabyte beyond 15: 1,000,000 MB cost more than 5,242.88.
    assert RatedMonths(megaline)(np.full((4, SCENARIOS + 1), [[0.0], [0.0], [megabytes], [1.0]]), 0) is None
    assert RatedMonths(megaline)(np.full((4, SCENARIOS + 1), [[0.0], [0.0], [5e5], [1.0]]), 0) is not None


# A bill times 32 scenarios stays below 2**53 up to 281,474 cents a minute, with 10**9 minutes.
@pytest.mark.parametrize(("cents", "exact"), [(10_000_000, False), (290_000, False), (270_000, True)])
def test_a_card_too_dear_for_whole_cents_is_left_to_the_reference(
    megaline: Catalogue, cents: int, *, exact: bool
) -> None:
    surf = megaline.plans[0]
    dear = surf.model_copy(update={"overage": surf.overage.model_copy(update={"cents_per_minute": cents})})
    card = replace(megaline, plans=(dear, *megaline.plans[1:]))
    assert (RatedMonths(card)(months_of(np.zeros((3, SCENARIOS)), np.zeros((3, 1))), 0) is not None) == exact


def test_how_dear_a_card_is_counts_all_services(megaline: Catalogue) -> None:
    # Each service alone would leave room; a month may use all three.
    surf = megaline.plans[0]
    prices = {"cents_per_minute": 100_000, "cents_per_message": 100_000, "cents_per_data_unit": 100_000}
    dear = surf.model_copy(update={"overage": surf.overage.model_copy(update=prices)})
    card = replace(megaline, plans=(dear, *megaline.plans[1:]))
    assert RatedMonths(card)(months_of(np.zeros((3, SCENARIOS)), np.zeros((3, 1))), 0) is None
