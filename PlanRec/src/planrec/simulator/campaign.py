"""The simulated operator's campaign: who is held out, which plan is offered with which chance, who accepts.

Everybody in the hold-out is never contacted; whether somebody is in it depends on the id and the seed alone. The logged
policy favours plans that would have saved money, and leaves every plan a floor of chance, so that what other policies
would have brought can be estimated from its log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import ConfigError
from planrec.simulator.config import OffersConfig

__all__ = ["OfferLog", "OfferMoments", "acceptance", "in_holdout", "joined", "offer_propensities"]


@dataclass(frozen=True, slots=True)
class OfferLog:
    """What the campaign did: one entry per selected subscriber and month, ordered by month; q entries.

    Attributes
    ----------
    who, month, current : int64 arrays of shape (q,)
        Subscriber, month of the table, plan held before.
    offered : int64 array of shape (q,)
        Plan offered, -1 for the hold-out.
    propensity : float64 array of shape (q,)
        Chance with which that plan was offered; NaN for the hold-out.
    accepted, holdout : bool arrays of shape (q,)
    contacts : int64 array of shape (q,)
        Contacts in the three months before.
    """

    who: IntArray
    month: IntArray
    current: IntArray
    offered: IntArray
    propensity: FloatArray
    accepted: BoolArray
    holdout: BoolArray
    contacts: IntArray


@dataclass(frozen=True, slots=True)
class OfferMoments:
    """What an offer would have done: one entry per decision of a plan holder and per subscriber selected for an offer.

    Attributes
    ----------
    who, month : int64 arrays of shape (q,)
        Ordered by month.
    accept : float64 array of shape (q, n_plans)
        Chance that the offer of each plan is accepted; NaN for the current plan and outside the choice set.
    leave : float64 array of shape (q,)
        Chance of leaving within three months without a contact, the plan held throughout.
    leave_declined : float64 array of shape (q,)
        Likewise, contacted but staying on the plan.
    leave_offered : float64 array of shape (q, n_plans)
        Likewise, offered each plan: accept x (leaving having accepted) + (1 - accept) x `leave_declined`.
    """

    who: IntArray
    month: IntArray
    accept: FloatArray
    leave: FloatArray
    leave_declined: FloatArray
    leave_offered: FloatArray


T = TypeVar("T", OfferLog, OfferMoments)


def joined(kind: type[T], parts: Sequence[T]) -> T:
    """Return the parts, one per month, as one; there is at least one."""
    return kind(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(kind)})


def in_holdout(subscriber_ids: Iterable[str], *, share: float, seed: int) -> BoolArray:
    """Return who is in the permanent hold-out: a hash of seed and id below the share.

    Parameters
    ----------
    subscriber_ids : iterable of str
    share : float
        0 to 1. Raising it keeps everybody in who was in.
    seed : int

    Returns
    -------
    bool array of shape (n,)

    Examples
    --------
    >>> in_holdout(["S1", "S2", "S3"], share=0.5, seed=7).tolist()
    [False, True, True]
    """
    drawn = [
        int.from_bytes(hashlib.sha256(f"{seed}:{subscriber}".encode()).digest()[:8], "big")
        for subscriber in subscriber_ids
    ]
    return np.array(drawn, dtype=np.float64) < share * 2.0**64


def offer_propensities(saving: FloatArray, offerable: BoolArray, rules: OffersConfig) -> FloatArray:
    """Return the chance with which each plan is offered to somebody contacted.

    Parameters
    ----------
    saving : float64 array of shape (n, n_plans)
        What the plan would have saved a month, in currency.
    offerable : bool array of shape (n, n_plans)
        At least one plan in each row.
    rules : OffersConfig

    Returns
    -------
    float64 array of shape (n, n_plans)
        At least `min_propensity` where offerable, else 0; rows add up to 1.

    Raises
    ------
    ConfigError
        If there are so many plans that the floors add up to more than 1.

    Examples
    --------
    >>> rules = OffersConfig(min_propensity=0.1)
    >>> offer_propensities(np.zeros((1, 3)), np.array([[True, True, False]]), rules).tolist()
    [[0.5, 0.5, 0.0]]
    """
    count = offerable.sum(axis=1, keepdims=True)
    if len(count) and count.max() * rules.min_propensity > 1:
        raise ConfigError(
            f"offers.min_propensity {rules.min_propensity:g}: {int(count.max())} plans to offer would need more than "
            "a chance of 1; lower it."
        )
    score = np.where(offerable, saving / rules.temperature, -np.inf)
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    share = weight / weight.sum(axis=1, keepdims=True)
    return np.where(offerable, rules.min_propensity + (1 - rules.min_propensity * count) * share, 0.0)


def acceptance(
    value: FloatArray, current: IntArray, inertia: FloatArray, contacts: IntArray, rules: OffersConfig
) -> FloatArray:
    """Return the chance that an offer is accepted, for every plan that can be offered.

    sigma(base + utility x (V_j - V_current without inertia) - inertia x own inertia - fatigue x contacts).

    Parameters
    ----------
    value : float64 array of shape (n, n_plans)
        Utilities, the inertia of the current plan in them; -inf outside the choice set.
    current : int64 array of shape (n,)
        Position of the current plan.
    inertia : float64 array of shape (n,)
    contacts : int64 array of shape (n,)
        Contacts in the three months before.
    rules : OffersConfig

    Returns
    -------
    float64 array of shape (n, n_plans)
        NaN for the current plan and outside the choice set.

    Examples
    --------
    >>> rules = OffersConfig(accept_base=0, accept_utility=1, accept_inertia=0, accept_fatigue=0)
    >>> acceptance(np.array([[2.0, 1.0]]), np.array([0]), np.array([1.0]), np.array([0]), rules).tolist()
    [[nan, 0.5]]
    """
    rows = np.arange(len(current))
    today = value[rows, current] - inertia
    logit = rules.accept_base + rules.accept_utility * (value - today[:, None])
    logit -= (rules.accept_inertia * inertia + rules.accept_fatigue * contacts)[:, None]
    chance = np.where(np.isfinite(value), 1 / (1 + np.exp(-logit)), np.nan)
    chance[rows, current] = np.nan
    return chance
