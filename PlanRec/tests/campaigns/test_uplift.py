from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.campaigns.moments import ContactRows, OfferRows
from planrec.campaigns.uplift import TwoModelUplift, UpliftModel
from planrec.offers import Standing


def rows_of(n: int, seed: int = 0) -> OfferRows:
    """Megaline's two plans: contact drives those away who overpay, acceptance keeps everybody."""
    rng = np.random.default_rng(seed)
    overpaid = rng.choice([0.0, 20.0], n)
    holdout = rng.random(n) < 0.4
    accepted = ~holdout & (rng.random(n) < np.where(overpaid > 0, 0.3, 0.6))
    chance = 0.1 + np.where(holdout | accepted, 0.0, overpaid / 50) - 0.08 * accepted
    return OfferRows(
        subscribers=np.arange(n).astype(str).astype(object),
        month=np.zeros(n, dtype=np.int64),
        standing=Standing(
            current=np.zeros(n, dtype=np.int64),
            bill=np.column_stack([50 + overpaid, np.where(overpaid > 0, 50.0, 60.0)]),
            offerable=np.tile([False, True], (n, 1)),
            rise=np.zeros(n),
            tenure_years=rng.random(n),
        ),
        spread=np.zeros((n, 2)),
        seen=np.zeros((n, 2)),
        alternatives=np.stack([np.zeros((n, 8)), -np.tile(overpaid[:, None], 8)], axis=1),
        contacts=ContactRows(
            selected=np.full(n, True),
            holdout=holdout,
            offered=np.where(holdout, -1, 1),
            propensity=np.where(holdout, np.nan, 1.0),
            accepted=accepted,
            before=np.zeros(n),
        ),
        left=(rng.random(n) < chance).astype(np.float64),
    )


def test_overpayment_is_against_the_cheapest_plan_that_may_be_held() -> None:
    standing = replace(
        rows_of(2).standing,
        bill=np.array([[30.0, 20.0], [30.0, 20.0]]),
        offerable=np.array([[False, True], [False, False]]),
    )
    assert standing.overpaid.tolist() == [[10, 0], [0, 0]]  # the second may not hold the cheaper plan


def test_two_models_find_whom_an_offer_keeps_and_whom_it_drives_away(megaline: Catalogue) -> None:
    model: UpliftModel = TwoModelUplift(megaline)
    rows = rows_of(20_000)
    effect = model.fit(rows).effect(rows)
    overpays = rows.standing.bill[:, 0] > 55
    assert np.isnan(effect[:, 0]).all()  # the plan held is not an offer
    assert effect[~overpays, 1].mean() == pytest.approx(-0.6 * 0.08, abs=0.015)
    assert effect[overpays, 1].mean() == pytest.approx(0.7 * 0.4 - 0.3 * 0.08, abs=0.04)


def test_acceptance_is_that_of_the_log(megaline: Catalogue) -> None:
    rows = rows_of(20_000)
    accept = TwoModelUplift(megaline).fit(rows).acceptance(rows)
    overpays = rows.standing.bill[:, 0] > 55
    assert accept[overpays, 1].mean() == pytest.approx(0.3, abs=0.02)
    assert accept[~overpays, 1].mean() == pytest.approx(0.6, abs=0.02)


def test_effect_reads_nothing_that_happens_after_the_moment(megaline: Catalogue) -> None:
    model, rows = TwoModelUplift(megaline).fit(rows_of(2000)), rows_of(50, seed=1)
    before = model.effect(rows)
    nothing = ContactRows(
        selected=np.full(50, False),
        holdout=np.full(50, False),
        offered=np.full(50, -1),
        propensity=np.full(50, np.nan),
        accepted=np.full(50, False),
        before=rows.contacts.before,
    )
    later = replace(rows, contacts=nothing, left=np.full(50, np.nan))
    assert (model.effect(later)[:, 1] == before[:, 1]).all()
    assert model.effect(rows.at(np.arange(0))).shape == (0, 2)


def test_fit_leaves_out_windows_that_have_not_ended(megaline: Catalogue) -> None:
    rows = rows_of(2000)
    ended = np.arange(2000) < 1500
    cut = replace(rows, left=np.where(ended, rows.left, np.nan))
    whole, part = TwoModelUplift(megaline).fit(cut), TwoModelUplift(megaline).fit(rows.at(ended))
    assert (whole.effect(rows)[:, 1] == part.effect(rows)[:, 1]).all()


def test_fit_says_what_is_missing_to_learn_from(megaline: Catalogue) -> None:
    rows = rows_of(200)
    everybody = replace(rows, contacts=replace(rows.contacts, holdout=np.full(200, False)))
    with pytest.raises(DataError, match="no row of the hold-out has a whole window; without people never contacted"):
        TwoModelUplift(megaline).fit(everybody)
    nobody = replace(rows.contacts, accepted=np.full(200, False))
    with pytest.raises(DataError, match="every answer is the same, so nothing can be learnt"):
        TwoModelUplift(megaline).fit(replace(rows, contacts=nobody))
    with pytest.raises(DataError, match="every outcome is the same, so nothing can be learnt"):
        TwoModelUplift(megaline).fit(replace(rows, left=np.zeros(200)))


def test_effect_before_fit_is_refused(megaline: Catalogue) -> None:
    with pytest.raises(NotFittedError):
        TwoModelUplift(megaline).effect(rows_of(5))


def test_leaving_is_learnt_from_the_hold_out_too(megaline: Catalogue) -> None:
    # Overpaying drives away only who is contacted: 20 overpaid lift P(leaving) from .1 to .5, ln(9) / 20 a unit.
    # Without the hold-out everybody is contacted, and the two features would share that between them.
    weights = TwoModelUplift(megaline).fit(rows_of(20_000)).leaving_.to_dict()["weights"]
    assert isinstance(weights, dict)
    assert weights["overpaid_when_contacted"] == pytest.approx(np.log(9) / 20, abs=0.015)
    assert weights["overpaid"] == pytest.approx(0, abs=0.01)
