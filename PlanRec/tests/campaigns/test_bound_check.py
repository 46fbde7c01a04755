"""The bound on leaving against log rows that did not choose it: harm that is in the log is found, and chance is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.campaigns import bound_check
from planrec.campaigns.bound_check import BoundCheck, check_bound
from planrec.campaigns.exposure import Exposure
from planrec.campaigns.moments import OfferRows
from planrec.campaigns.uplift import TwoModelUplift
from planrec.rules import Rules, built_in_rules
from tests.campaigns.months_of import months_of
from tests.campaigns.test_uplift import rows_of

N = 2500


def rules(errors: float = 0.0) -> Rules:
    usual = built_in_rules()
    return usual.model_copy(update={"offers": usual.offers.model_copy(update={"churn_errors": errors})})


def gaining(rows: OfferRows) -> OfferRows:
    """Megaline's second plan costs everybody 1.00 less: each offer gains enough, and a contact reminds of little."""
    bill = rows.standing.bill.copy()
    bill[:, 1] = bill[:, 0] - 1
    return replace(rows, standing=replace(rows.standing, bill=bill))


@pytest.fixture(scope="module")
def log() -> tuple[OfferRows, Exposure]:
    return gaining(rows_of(N)), months_of(N)


def with_leaving(rows: OfferRows, contacted: float, alone: float) -> OfferRows:
    rng = np.random.default_rng(5)
    chance = np.where(rows.contacts.made, contacted, alone)
    return replace(rows, left=(rng.random(len(chance)) < chance).astype(np.float64))


def test_harm_in_the_log_is_found_though_the_months_deny_it(
    log: tuple[OfferRows, Exposure], megaline: Catalogue
) -> None:
    rows, months = log
    harmful = check_bound(with_leaving(rows, 0.25, 0.10), months, megaline, rules())
    assert harmful.offers > 300
    assert harmful.change == pytest.approx(0.15, abs=0.04)
    assert 0.005 < harmful.error < 0.03
    assert harmful.predicted <= 0  # what passed was promised to keep people
    assert harmful.harmful
    fine = check_bound(with_leaving(rows, 0.10, 0.10), months, megaline, rules())
    assert fine.change == pytest.approx(0, abs=0.04)
    assert not fine.harmful


def test_nobody_is_judged_by_a_model_that_saw_them(
    log: tuple[OfferRows, Exposure], megaline: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, months = log
    learnt: list[set[object]] = []
    judged: list[set[object]] = []

    class Watched(TwoModelUplift):
        def fit(self, rows: OfferRows, months: Exposure) -> Watched:
            learnt.append({*rows.subscribers, *months.subscribers})
            super().fit(rows, months)
            return self

        def change(self, rows: OfferRows) -> object:
            judged.append(set(rows.subscribers))
            return super().change(rows)

    monkeypatch.setattr(bound_check, "TwoModelUplift", Watched)
    check_bound(rows, months, megaline, rules())
    assert len(learnt) == len(judged) == 4
    assert not any(fitted & asked for fitted, asked in zip(learnt, judged, strict=True))
    assert set().union(*judged) == set(rows.subscribers)


def test_a_stricter_bound_lets_fewer_pass_and_the_gain_counts(
    log: tuple[OfferRows, Exposure], megaline: Catalogue
) -> None:
    rows, months = log
    usual = check_bound(rows, months, megaline, rules()).offers
    assert check_bound(rows, months, megaline, rules(errors=3)).offers < usual
    far = rules().model_copy(update={"minimum_gain": rules().minimum_gain.model_copy(update={"offer_cents": 101})})
    nothing = check_bound(rows, months, megaline, far)
    assert (nothing.offers, nothing.held_out) == (0, 0)
    assert nothing.text() == "0 logged offers pass, too few to compare"
    assert not nothing.harmful
    asked = far.model_copy(update={"minimum_gain": far.minimum_gain.model_copy(update={"offer_cents": 100})})
    assert check_bound(rows, months, megaline, asked).offers == usual


def test_unknown_ends_do_not_count_and_the_hold_out_alone_is_compared(
    log: tuple[OfferRows, Exposure], megaline: Catalogue
) -> None:
    rows, months = log
    usual = check_bound(rows, months, megaline, rules())
    unknown = np.where(np.arange(N) < N // 2, np.nan, rows.left)
    half = check_bound(replace(rows, left=unknown), months, megaline, rules())
    assert half.offers < 0.7 * usual.offers
    # Whoever was not drawn and is not in the hold-out may be contacted later: they are no comparison.
    few = rows.contacts.holdout & (np.arange(N) < N // 4)
    fewer = check_bound(replace(rows, contacts=replace(rows.contacts, holdout=few)), months, megaline, rules())
    assert fewer.held_out < 0.5 * usual.held_out


def test_two_rows_of_a_subscriber_are_one_observation() -> None:
    once = BoundCheck(400, 400, 0.05, 0.02, -0.01)
    assert once.harmful
    assert not replace(once, error=0.03).harmful
    values, people = np.array([1.0, 0, 1, 0]), np.array(["a", "b", "c", "d"], dtype=object)
    mean, error = bound_check._mean_by_subscriber(values, people)
    twice, same = bound_check._mean_by_subscriber(np.repeat(values, 2), np.repeat(people, 2))
    assert (mean, twice) == (0.5, 0.5)
    assert same == pytest.approx(error)


def test_one_part_is_refused(log: tuple[OfferRows, Exposure], megaline: Catalogue) -> None:
    with pytest.raises(DataError, match="at least 2 parts are needed"):
        check_bound(*log, megaline, rules(), folds=1)
    assert check_bound(*log, megaline, rules(), folds=2).offers > 0
