from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.campaigns import leaving
from planrec.campaigns.exposure import Exposure
from planrec.campaigns.leaving import fit_leaving
from planrec.campaigns.moments import ContactRows, OfferRows
from planrec.campaigns.uplift import TwoModelUplift, UpliftModel
from planrec.offers import Standing
from tests.campaigns.months_of import ALONE, months_of


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
            bill=np.column_stack([50 + overpaid, np.full(n, 50.0)]),
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
    effect = model.fit(rows, months_of(20_000)).effect(rows)
    overpays = rows.standing.bill[:, 0] > 55
    assert np.isnan(effect[:, 0]).all()  # the plan held is not an offer
    # Three months of 5 % a month alone, 2 % having accepted, 5 % or 30 % having declined.
    alone, accepted, reminded = (1 - (1 - h) ** 3 for h in (0.05, 0.02, 0.3))
    assert effect[~overpays, 1].mean() == pytest.approx(0.6 * (accepted - alone), abs=0.02)
    assert effect[overpays, 1].mean() == pytest.approx(0.7 * (reminded - alone) + 0.3 * (accepted - alone), abs=0.05)


def test_acceptance_is_that_of_the_log(megaline: Catalogue) -> None:
    rows = rows_of(20_000)
    accept = TwoModelUplift(megaline).fit(rows, months_of(500)).acceptance(rows)
    overpays = rows.standing.bill[:, 0] > 55
    assert accept[overpays, 1].mean() == pytest.approx(0.3, abs=0.02)
    assert accept[~overpays, 1].mean() == pytest.approx(0.6, abs=0.02)


def test_the_error_of_a_change_falls_with_the_log(megaline: Catalogue) -> None:
    asked = rows_of(200, seed=1)
    few, many = (
        TwoModelUplift(megaline).fit(rows_of(n), months_of(n)).change(asked).error[:, 1] for n in (1_000, 16_000)
    )
    assert 2 < float(np.median(few / many)) < 8  # 4, were the features drawn alike


def test_effect_reads_nothing_that_happens_after_the_moment(megaline: Catalogue) -> None:
    model, rows = TwoModelUplift(megaline).fit(rows_of(2000), months_of(2000)), rows_of(50, seed=1)
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


def test_fit_says_what_is_missing_to_learn_from(megaline: Catalogue) -> None:
    rows, months = rows_of(200), months_of(200)
    everybody = replace(rows, contacts=replace(rows.contacts, holdout=np.full(200, False)))
    with pytest.raises(DataError, match="no row of the hold-out; without people never contacted"):
        TwoModelUplift(megaline).fit(everybody, months)
    nobody = replace(rows.contacts, accepted=np.full(200, False))
    with pytest.raises(DataError, match="every answer is the same, so nothing can be learnt"):
        TwoModelUplift(megaline).fit(replace(rows, contacts=nobody), months)
    with pytest.raises(DataError, match="every outcome is the same, so nothing can be learnt"):
        TwoModelUplift(megaline).fit(rows, replace(months, left=np.zeros_like(months.left)))
    with pytest.raises(DataError, match=r"0 subscriber month\(s\) have 3 months in a row and another plan to take"):
        TwoModelUplift(megaline).fit(rows, months.at(months.month < 2))


def test_effect_before_fit_is_refused(megaline: Catalogue) -> None:
    with pytest.raises(NotFittedError):
        TwoModelUplift(megaline).effect(rows_of(5))


def test_a_contact_drives_away_until_the_log_shows_otherwise(megaline: Catalogue) -> None:
    """Months in which contacts do nothing at all: few of them do not make a contact harmless, many do."""

    def harm(n: int) -> float:
        months = months_of(n)
        rng = np.random.default_rng(1)
        alike = replace(months, accepted=np.zeros_like(months.accepted), left=rng.random(len(months.left)) < ALONE)
        model = fit_leaving(alike, megaline)
        chances = model.chances(rows_of(200, seed=1).standing, megaline)
        return float((chances.declined - chances.alone).mean())

    few, many = harm(150), harm(20_000)
    assert few > 0.03
    assert abs(many) < 0.01


def test_cheap_plans_are_gone_through_oftener_and_never_the_one_held() -> None:
    n = 4000
    none, always = np.zeros(n, dtype=np.bool_), np.ones((n, 3), dtype=np.bool_)
    dear = np.tile([0.0, 3 * np.log(3), 0.0], (n, 1))  # the second plan is three times as rare as the first
    who, month = np.arange(n).astype(str).astype(object), np.full(n, 24_216)
    held = np.full(n, 2)
    rows = Exposure(who, month, held, dear, dear, dear, always, np.zeros(n), none, none, none, none)
    taken = leaving._some_plan(rows, np.arange(n), np.random.default_rng(0))
    assert np.bincount(taken, minlength=3)[2] == 0
    assert (taken == 0).mean() == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / n) ** 0.5)


def test_a_contact_is_presumed_to_raise_leaving_from_6_to_10_in_100() -> None:
    assert 1 / (1 + np.exp(-(np.log(0.06 / 0.94) + leaving._HARM))) == pytest.approx(0.10)
