"""The bound on leaving, held against log rows that did not choose it.

Subscribers are dealt into folds. What an offer does is predicted for each fold by models fitted on the others, and the
rules' bound picks the offers that it would let pass. Those of them that the campaign made by its lot are compared with
the hold-out, which is never contacted: how much oftener than predicted of somebody left alone each of the two left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray
from common_utils.errors import DataError
from common_utils.evaluation.intervals import group_codes
from planrec.billing import Catalogue
from planrec.campaigns.exposure import Exposure
from planrec.campaigns.moments import OfferRows
from planrec.campaigns.uplift import TwoModelUplift
from planrec.rules import Rules

__all__ = ["TOLERATED", "BoundCheck", "check_bound"]

TOLERATED = 0.005  # rise of the chance of leaving within three months that no offer policy may exceed
_FEWEST = 20  # on each side; the standard error of fewer says nothing
_ONE_SIDED = 1.645  # standard errors of a 95 % bound on one side


@dataclass(frozen=True, slots=True)
class BoundCheck:
    """What the log says of offers that pass the bound.

    Attributes
    ----------
    offers, held_out : int
        Offers that were made and pass; moments of the hold-out at which an offer would pass.
    change : float
        By how much the offers raise the chance of leaving within three months; NaN where there are too few.
    error : float
        Its standard error, by subscriber.
    predicted : float
        What the models said of the same offers.
    """

    offers: int
    held_out: int
    change: float
    error: float
    predicted: float

    @property
    def harmful(self) -> bool:
        """Whether the log shows that these offers drive people away: by more than is tolerated, with 95 % confidence.

        Examples
        --------
        >>> BoundCheck(400, 300, 0.08, 0.02, -0.01).harmful, BoundCheck(40, 300, 0.08, 0.06, -0.01).harmful
        (True, False)
        """
        return self.change - _ONE_SIDED * self.error > TOLERATED

    def text(self) -> str:
        """Return what is said of it, in points.

        Examples
        --------
        >>> BoundCheck(40, 300, 0.012, 0.06, -0.01).text()
        '40 logged offers pass, 3-month churn +1.2 points (se 6.0, predicted -1.0)'
        """
        if np.isnan(self.change):
            return f"{self.offers} logged offers pass, too few to compare"
        return (
            f"{self.offers} logged offers pass, 3-month churn {100 * self.change:+z.1f} points "
            f"(se {100 * self.error:z.1f}, predicted {100 * self.predicted:+z.1f})"
        )


def check_bound(
    rows: OfferRows, months: Exposure, catalogue: Catalogue, rules: Rules, *, folds: int = 4, seed: int = 0
) -> BoundCheck:
    """Return what the log says of the offers that the rules' bound lets pass.

    Parameters
    ----------
    rows : OfferRows
        Moments of the campaign.
    months : Exposure
        Of the same subscribers.
    catalogue : Catalogue
    rules : Rules
        Bound and minimum gain; the gain is that of the bills expected.
    folds : int
        Parts of the subscribers, >= 2.
    seed : int
        Of who is in which part.

    Raises
    ------
    DataError
        As `TwoModelUplift.fit`, if a part leaves too little to learn from.
    """
    if folds < 2:
        raise DataError(f"folds is {folds}; at least 2 parts are needed, so that some subscribers judge the others.")
    names = np.unique(np.concatenate([rows.subscribers, months.subscribers]))
    part = np.random.default_rng(seed).integers(0, folds, len(names))
    of_rows = part[np.searchsorted(names, rows.subscribers)]
    of_months = part[np.searchsorted(names, months.subscribers)]
    passes = np.zeros(rows.standing.bill.shape, dtype=np.bool_)
    predicted, alone = np.full(passes.shape, np.nan), np.full(len(passes), np.nan)
    for fold in range(folds):
        here = of_rows == fold
        if not here.any():
            continue
        model = TwoModelUplift(catalogue).fit(rows.at(~here), months.at(of_months != fold))
        judged = rows.at(here)
        found = model.change(judged)
        passes[here] = _let_pass(judged, found.bound(rules.offers.churn_errors), rules)
        predicted[here] = found.change
        alone[here] = model.leaving_.chances(judged.standing, catalogue).alone
    return _compared(rows, passes, predicted, alone)


def _let_pass(rows: OfferRows, bound: FloatArray, rules: Rules) -> BoolArray:
    bills = rows.standing.bill if rows.standing.expected is None else rows.standing.expected
    gain = 100 * (bills[np.arange(len(bills)), rows.standing.current][:, None] - bills)
    enough = (gain > 0) & (gain >= rules.min_gain_cents("offer"))
    return rows.standing.offerable & enough & (bound <= -rules.offers.min_churn_fall)


def _compared(rows: OfferRows, passes: BoolArray, predicted: FloatArray, alone: FloatArray) -> BoundCheck:
    at, offered = np.arange(len(passes)), np.maximum(rows.contacts.offered, 0)
    known = ~np.isnan(rows.left)
    made = known & rows.contacts.made & passes[at, offered]
    held_out = known & rows.contacts.holdout & passes.any(axis=1)
    beyond = np.nan_to_num(rows.left) - alone
    if min(made.sum(), held_out.sum()) < _FEWEST:
        return BoundCheck(int(made.sum()), int(held_out.sum()), np.nan, np.nan, np.nan)
    (ours, our_error), (theirs, their_error) = (
        _mean_by_subscriber(beyond[some], rows.subscribers[some]) for some in (made, held_out)
    )
    return BoundCheck(
        offers=int(made.sum()),
        held_out=int(held_out.sum()),
        change=ours - theirs,
        error=float(np.hypot(our_error, their_error)),
        predicted=float(predicted[at, offered][made].mean()),
    )


def _mean_by_subscriber(values: FloatArray, subscribers: NDArray[np.object_]) -> tuple[float, float]:
    """Return a mean and its standard error; the rows of a subscriber count as one observation."""
    mean = float(values.mean())
    codes, groups = group_codes(subscribers, len(values), at_least=1)
    sums = np.bincount(codes, weights=values - mean, minlength=groups)
    return mean, float(np.sqrt(groups / max(groups - 1, 1) * (sums @ sums))) / len(values)
