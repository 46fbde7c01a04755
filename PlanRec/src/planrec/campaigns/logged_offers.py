"""Offers as the decision log exports them: what was offered, with which chance, and what came of it.

Only entries with a propensity count: where the answer was deterministic no other policy can be judged, and such entries
are refused by name. A policy that would do what the log never did is refused, too, with the share it concerns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.campaigns.off_policy import (
    PolicyValue,
    doubly_robust,
    effective_sample_size,
    importance_weights,
    inverse_propensity,
    self_normalised,
)
from planrec.offers.exploration import Exploration, offer_chances

__all__ = ["LoggedOffers", "LoggedPolicy", "PolicyReport", "evaluate_policy", "logged_offers", "policy_chances"]

LoggedPolicy = Literal["logged", "best", "accept", "uniform"]
"""`best`: the plan of the highest value; `accept`: of the highest chance to be accepted; `uniform`: any, evenly."""

_LEAST_EFFECTIVE = 30.0
_SUPPORT = 1e-6


@dataclass(frozen=True, slots=True)
class LoggedOffers:
    """n offers with what is known of each.

    Attributes
    ----------
    events : tuple of str
    groups : sequence of str, or array of shape (n,)
        Keyed subject of each; the event where none was named.
    offered : int64 array of shape (n,)
        Place of the plan offered in the row.
    offerable : bool array of shape (n, m)
        Places that hold a plan; m is the most plans any row could be offered.
    p_accept, saving_cents, value_cents : float64 arrays of shape (n, m)
    propensity, accepted : float64 arrays of shape (n,)
    without_outcome : int
        Offers that are left out because nothing was told of them.
    """

    events: tuple[str, ...]
    groups: Sequence[str] | NDArray[np.generic]
    offered: IntArray
    offerable: BoolArray
    p_accept: FloatArray
    saving_cents: FloatArray
    value_cents: FloatArray
    propensity: FloatArray
    accepted: FloatArray
    without_outcome: int = 0


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """What another policy would have brought, accepted saving in cents a month per offer.

    Attributes
    ----------
    ips, snips, dr : PolicyValue
    overlap : float
        Mean chance that the policy makes the offer that was logged.
    effective_sample_size : float
    support : float
        Share of what the policy would offer that the log could offer, 0 to 1; below 1 it is refused.
    logged_value : float
        What the logged offers brought.
    cost_cents : float
        What the exploration gave away of the objective, cents an offer: value of the best plan less that of the
        offered one, in the mean.
    without_outcome : int
        Offers that were left out because nothing was told of them.
    """

    ips: PolicyValue
    snips: PolicyValue
    dr: PolicyValue
    overlap: float
    effective_sample_size: float
    support: float
    logged_value: float
    cost_cents: float
    without_outcome: int = 0


def logged_offers(rows: Sequence[Mapping[str, Any]]) -> LoggedOffers:
    """Return the offers of an export.

    Parameters
    ----------
    rows : sequence of mapping
        Decisions of the mode "offer" with `answer`, `propensity`, `subject` and the outcome `accepted`; those whose
        answer was "stay" because nothing could be offered are left out.

    Raises
    ------
    DataError
        If an offer has no propensity (naming some), none has an outcome, or only acceptances were told.
    """
    without = 0
    kept: list[tuple[Mapping[str, Any], list[Mapping[str, Any]], int]] = []
    nulls: list[str] = []
    for row in rows:
        answer = json.loads(row["answer"]) if isinstance(row["answer"], str) else row["answer"]
        plans = list(answer.get("offerable", ()))
        names = [plan["plan_id"] for plan in plans]
        if not plans or row.get("mode") != "offer":
            continue
        if _missing(row.get("propensity")):
            nulls.append(str(row["event"]))
        elif _missing(row.get("accepted")):
            without += 1
        elif answer["plans"][0]["plan_id"] in names:
            kept.append((row, plans, names.index(answer["plans"][0]["plan_id"])))
    if nulls:
        raise DataError(
            f"propensity is null in {len(nulls)} offer(s), such as {', '.join(nulls[:3])}: no other policy can "
            "be judged by deterministic offers. Declare offers.exploration, and select decisions made since."
        )
    if not kept and not without:
        raise DataError(
            f"none of the {len(rows)} decision(s) is an offer that could have been another: export those of "
            "--mode offer, of days on which plans could be offered."
        )
    if not kept:
        raise DataError("no offer has a propensity and a mature outcome `accepted`; read outcomes first.")
    offers = replace(_arrays(kept), without_outcome=without)
    if without and offers.accepted.all():
        raise DataError(
            f"all {len(kept)} outcomes say accepted, and {without} offer(s) have none: a policy can be judged only if "
            "declined offers are told as well; add rows `accepted`, false."
        )
    return offers


def _arrays(kept: Sequence[tuple[Mapping[str, Any], list[Mapping[str, Any]], int]]) -> LoggedOffers:
    n, most = len(kept), max(len(plans) for _, plans, _ in kept)
    offerable = np.zeros((n, most), dtype=np.bool_)
    p_accept, saving, value = (np.zeros((n, most)) for _ in range(3))
    for at, (_, plans, _) in enumerate(kept):
        offerable[at, : len(plans)] = True
        for name, values in (("p_accept", p_accept), ("saving_cents", saving), ("value_cents", value)):
            values[at, : len(plans)] = [plan[name] for plan in plans]
    return LoggedOffers(
        events=tuple(str(row["event"]) for row, _, _ in kept),
        groups=tuple(str(row.get("subject") or row["event"]) for row, _, _ in kept),
        offered=np.array([place for _, _, place in kept], dtype=np.int64),
        offerable=offerable,
        propensity=np.array([float(row["propensity"]) for row, _, _ in kept]),
        accepted=np.array([_yes(row["accepted"]) for row, _, _ in kept]),
        p_accept=p_accept,
        saving_cents=saving,
        value_cents=value,
    )


def policy_chances(offers: LoggedOffers, policy: LoggedPolicy, exploration: Exploration) -> FloatArray:
    """Return the chance of each plan under a policy, shape (n, m).

    Parameters
    ----------
    offers : LoggedOffers
    policy : LoggedPolicy
        `logged` explores as `exploration` says, the others are as their names.
    exploration : Exploration
    """
    if policy == "uniform":
        return offers.offerable / offers.offerable.sum(axis=1, keepdims=True)
    score = offers.p_accept if policy == "accept" else offers.value_cents
    best = np.where(offers.offerable, score, -np.inf).argmax(axis=1)
    return offer_chances(best, offers.offerable, exploration if policy == "logged" else Exploration())


def evaluate_policy(offers: LoggedOffers, target: FloatArray, *, level: float = 0.95) -> PolicyReport:
    """Return what a policy would have brought; the reward of an offer is its saving where it was accepted, else 0.

    The outcome model of the doubly robust estimate is the P(accept) that was logged with each plan, so it was not
    fitted on these outcomes.

    Parameters
    ----------
    offers : LoggedOffers
    target : float64 array of shape (n, m)
        Chances of the policy; rows add up to 1.
    level : float

    Raises
    ------
    DataError
        If the policy makes offers that were never possible in the log, or so rarely that nothing can be said.
    """
    rows = np.arange(len(offers.events))
    outside = float(np.where(offers.offerable, 0.0, target).sum(axis=1).mean())
    if outside > _SUPPORT:
        raise DataError(
            f"no support: {outside:z.1%} of what this policy would offer could never be offered in the log."
        )
    wanted = target[rows, offers.offered]
    effective = effective_sample_size(importance_weights(offers.propensity, wanted))
    if effective < _LEAST_EFFECTIVE:
        raise DataError(
            f"no support: this policy made too few of the logged offers (effective sample size {effective:z.1f} of "
            f"{len(rows)}, at least {_LEAST_EFFECTIVE:z.0f} are needed). Explore more, or log longer."
        )
    expected = offers.p_accept * offers.saving_cents
    rewards = offers.accepted * offers.saving_cents[rows, offers.offered]
    log = (rewards, offers.propensity, wanted)
    groups = np.array(offers.groups)
    return PolicyReport(
        ips=inverse_propensity(*log, groups=groups, level=level),
        snips=self_normalised(*log, groups=groups, level=level),
        dr=doubly_robust(
            *log, expected[rows, offers.offered], (target * expected).sum(axis=1), groups=groups, level=level
        ),
        overlap=float(wanted.mean()),
        effective_sample_size=effective,
        support=1 - outside,
        logged_value=float(rewards.mean()),
        cost_cents=float((_best_value(offers) - offers.value_cents[rows, offers.offered]).mean()),
        without_outcome=offers.without_outcome,
    )


def _best_value(offers: LoggedOffers) -> FloatArray:
    return np.where(offers.offerable, offers.value_cents, -np.inf).max(axis=1)


def _missing(value: Any) -> bool:
    return value is None or value != value or value == ""


def _yes(value: Any) -> float:
    return float(value in (True, 1, "True", "true", "1"))
