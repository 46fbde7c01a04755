"""Does the interval of a policy judged by logged offers hold the true value as often as it says? Known on a simulator.

The function behind the service answers each moment of contact once, with the exploration declared; the operator's truth
says how likely each offer is accepted. So the value of a policy is known: the mean over the moments of chance under the
policy x P(accept) x saving. Each run draws subscribers with all their moments, explores anew, and has the offers
answered anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.advice import AnswerPolicy, Engine, Request, recommend_subscriber
from planrec.advice.subscriber import SubscriberAdvice
from planrec.campaigns.logged_offers import LoggedOffers, LoggedPolicy, evaluate_policy, policy_chances
from planrec.campaigns.moments import OfferRows, offer_rows
from planrec.columns import AGE, MEGABYTES, MESSAGES, MINUTES, MONTH, SUBSCRIBER, TENURE
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.months import month_indices, month_text
from planrec.offers.exploration import Exploration, draw_offers, offer_chances
from planrec.simulator.simulation import Simulation
from planrec.study.truth import truth_at

__all__ = [
    "AskedMoments",
    "PolicyCoverage",
    "asked_moments",
    "http_body",
    "logged_rows",
    "offered",
    "policy_coverage",
]


@dataclass(frozen=True, slots=True)
class AskedMoments:
    """Moments of contact at which something may be offered, and what is true of them; n rows by subscriber.

    Attributes
    ----------
    records : tuple of SubscriberRecord
    requests : tuple of Request
        Without exploration.
    subscribers : object array of shape (n,)
    offerable : bool array of shape (n, n_plans)
    p_accept, saving_cents, value_cents : float64 arrays of shape (n, n_plans)
        As the answer says; 0 where the plan may not be offered.
    truth : float64 array of shape (n, n_plans)
        The true P(accept).
    """

    records: tuple[SubscriberRecord, ...]
    requests: tuple[Request, ...]
    subscribers: Any
    offerable: BoolArray
    p_accept: FloatArray
    saving_cents: FloatArray
    value_cents: FloatArray
    truth: FloatArray


@dataclass(frozen=True, slots=True)
class PolicyCoverage:
    """How often the intervals held the true value.

    Attributes
    ----------
    true_value, cost_cents : float
        Accepted saving an offer, cents a month; what exploring gives away of the objective, cents an offer.
    held : mapping of str to float
        Share of the runs whose interval holds it, by estimator.
    effective_sample_size : float
        Mean over the runs.
    moments, offers, runs : int
    """

    true_value: float
    cost_cents: float
    held: Mapping[str, float]
    effective_sample_size: float
    moments: int
    offers: int
    runs: int


def asked_moments(operator: Simulation, engine: Engine, policy: AnswerPolicy, *, most: int = 4000) -> AskedMoments:
    """Ask the function behind the service at each moment of contact of an operator.

    Parameters
    ----------
    operator : Simulation
    engine : Engine
        Of a bundle that makes offers, on the operator's rate card.
    policy : AnswerPolicy
        Of the mode "offer".
    most : int
        Moments looked at.

    Raises
    ------
    DataError
        If nothing may be offered at any moment.
    """
    rows = offer_rows(operator)
    rows = rows.at(np.flatnonzero(rows.contacts.made)[:most])
    plans = list(engine.catalogue.plan_ids)
    found = [_asked(record, month, engine, policy) for record, month in _records(operator, rows, engine)]
    kept = np.array([place for place, (_, _, advice) in enumerate(found) if advice.offerable], dtype=np.int64)
    if not len(kept):
        raise DataError("no plan may be offered at any moment of contact; simulate more subscribers.")
    said = {name: np.zeros((len(kept), len(plans))) for name in ("p_accept", "saving_cents", "value_cents")}
    offerable = np.zeros((len(kept), len(plans)), dtype=np.bool_)
    for at, place in enumerate(kept.tolist()):
        for one in found[place][2].offerable:
            plan = plans.index(one.plan_id)
            offerable[at, plan] = True
            for name, values in said.items():
                values[at, plan] = getattr(one, name)
    return AskedMoments(
        records=tuple(found[place][0] for place in kept.tolist()),
        requests=tuple(found[place][1] for place in kept.tolist()),
        subscribers=rows.subscribers[kept],
        offerable=offerable,
        truth=np.nan_to_num(truth_at(rows.at(kept), operator.truth.acceptance, plans)),
        **said,
    )


def offered(moments: AskedMoments, engine: Engine, exploration: Exploration, at: int, draw: float) -> SubscriberAdvice:
    """Return what the function behind the service offers at a moment.

    Parameters
    ----------
    moments : AskedMoments
    engine : Engine
    exploration : Exploration
    at : int
        Which moment.
    draw : float
        In [0, 1); the service's belongs to the event.
    """
    asked = replace(moments.requests[at], exploration=exploration, draw=draw)
    return recommend_subscriber(moments.records[at], engine, asked)


def http_body(moments: AskedMoments, at: int) -> dict[str, Any]:
    """Return what a caller of `POST /recommend` sends to ask the same as a moment does."""
    record, request = moments.records[at], moments.requests[at]
    return {
        "usage": [
            {
                "month": month_text(one.month),
                "minutes": one.minutes,
                "messages": one.messages,
                "megabytes": one.megabytes,
            }
            for one in record.months
        ],
        "as_of": month_text(request.month),
        "current_plan": record.current_plan,
        "age": record.age,
        "tenure_months": int(record.tenure_months or 0),
        "contract_months_left": 0,
        "consent": True,
        "contacts_90d": int(record.contacts_90d or 0),
        "holdout": False,
        "mode": "offer",
        "top_k": request.top_k,
        "subject": str(moments.subscribers[at]),
    }


def logged_rows(
    moments: AskedMoments, engine: Engine, exploration: Exploration, places: IntArray, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return entries as the service logs them, with what came of each: the answer is asked for again, with its draw.

    Parameters
    ----------
    moments : AskedMoments
    engine : Engine
    exploration : Exploration
    places : int64 array
        Which moments, in order; one may stand twice.
    rng : Generator
    """
    rows: list[dict[str, Any]] = []
    for number, (at, draw, luck) in enumerate(
        zip(places.tolist(), rng.random(len(places)).tolist(), rng.random(len(places)).tolist(), strict=True)
    ):
        advice = offered(moments, engine, exploration, at, draw)
        plan = engine.catalogue.index(advice.plans[0].plan.plan_id)
        rows.append(
            {
                "event": str(number),
                "mode": "offer",
                "subject": str(moments.subscribers[at]),
                "propensity": advice.propensity,
                "accepted": luck < moments.truth[at, plan],
                "answer": advice.decided(),
            }
        )
    return rows


def policy_coverage(
    moments: AskedMoments,
    target: LoggedPolicy,
    exploration: Exploration,
    *,
    offers: int = 20_000,
    runs: int = 200,
    seed: int = 15,
) -> PolicyCoverage:
    """Return how often the intervals hold the true value of a policy.

    Parameters
    ----------
    moments : AskedMoments
    target : LoggedPolicy
    exploration : Exploration
        What made the log.
    offers : int
        Offers of a log, about.
    runs : int
    seed : int
    """
    rng = np.random.default_rng(seed)
    _, start, size = np.unique(moments.subscribers, return_index=True, return_counts=True)
    best = np.where(moments.offerable, moments.value_cents, -np.inf).argmax(axis=1)
    chances = offer_chances(best, moments.offerable, exploration)
    whole = _log(moments, np.arange(len(best)), best, chances, np.zeros(len(best)), moments.subscribers)
    wanted = policy_chances(whole, target, exploration)
    truth = float((wanted * moments.truth * moments.saving_cents).sum(axis=1).mean())
    held: dict[str, list[bool]] = {"ips": [], "snips": [], "dr": []}
    effective: list[float] = []
    for _ in range(runs):
        places, groups = _drawn(start, size, offers, rng)
        drawn = draw_offers(chances[places], rng.random(len(places)))
        accepted = rng.random(len(places)) < moments.truth[places, drawn]
        report = evaluate_policy(_log(moments, places, drawn, chances, accepted, groups), wanted[places])
        effective.append(report.effective_sample_size)
        for name, seen in held.items():
            interval = getattr(report, name).interval
            seen.append(interval.low <= truth <= interval.high)
    values = moments.value_cents
    cost = float((values[np.arange(len(best)), best] - (chances * values).sum(axis=1)).mean())
    shares = {name: float(np.mean(seen)) for name, seen in held.items()}
    return PolicyCoverage(truth, cost, shares, float(np.mean(effective)), len(best), offers, runs)


def _drawn(start: IntArray, size: IntArray, offers: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Return the moments of subscribers drawn with replacement, and which of the drawn each belongs to."""
    who = rng.integers(0, len(start), max(2, round(offers / float(size.mean()))))
    count = size[who]
    groups = np.arange(len(who)).repeat(count)
    first = np.cumsum(count) - count
    return np.arange(len(groups)) - (first - start[who]).repeat(count), groups


def _log(
    moments: AskedMoments, places: IntArray, drawn: IntArray, chances: FloatArray, accepted: Any, groups: Any
) -> LoggedOffers:
    return LoggedOffers(
        events=("",) * len(places),
        groups=groups,
        offered=drawn,
        offerable=moments.offerable[places],
        p_accept=moments.p_accept[places],
        saving_cents=moments.saving_cents[places],
        value_cents=moments.value_cents[places],
        propensity=chances[places, drawn],
        accepted=np.asarray(accepted, dtype=np.float64),
    )


def _asked(
    record: SubscriberRecord, month: int, engine: Engine, policy: AnswerPolicy
) -> tuple[SubscriberRecord, Request, SubscriberAdvice]:
    request = Request(month, policy.history_months, 1, policy.risk_weight, policy.min_gain_cents, policy.offer)
    return record, request, recommend_subscriber(record, engine, request)


def _records(operator: Simulation, rows: OfferRows, engine: Engine) -> Iterator[tuple[SubscriberRecord, int]]:
    """Yield what is known of each subscriber the month before the moment, and that month."""
    months = operator.months
    index = month_indices(months[MONTH].to_numpy(dtype=object))
    names = months[SUBSCRIBER].to_numpy(dtype=object)
    usage = months[[MINUTES, MESSAGES, MEGABYTES]].to_numpy(dtype=np.float64)
    facts = months[[AGE, TENURE]].to_numpy(dtype=np.float64)
    who, begin, count = np.unique(names.astype(str), return_index=True, return_counts=True)
    held = rows.standing.current
    for at, (name, month) in enumerate(zip(rows.subscribers.tolist(), rows.month.tolist(), strict=True)):
        place = int(np.searchsorted(who, str(name)))
        own = np.arange(begin[place], begin[place] + count[place])
        own = own[index[own] < month]
        age, tenure = facts[own[-1]].tolist()
        yield (
            SubscriberRecord(
                [UsageMonth(int(index[row]), *usage[row].tolist()) for row in own],
                engine.catalogue.plan_ids[int(held[at])],
                age=age,
                tenure_months=tenure,
                contract_months_left=0.0,
                consent=True,
                contacts_90d=float(rows.contacts.before[at]),
                holdout=False,
            ),
            month - 1,
        )
