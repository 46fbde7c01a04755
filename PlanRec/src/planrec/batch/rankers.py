"""What a batch run asks for each subscriber, as a callable: situations in, ranked plans out.

Reading, checking and writing millions of subscribers is one thing, how plans are ranked another; the first takes the
second as a `Ranker`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from planrec.advice import Advice, AnswerPolicy, Engine, RatedBasis, Subscribers
from planrec.billing import Usage, whole_cents
from planrec.offers import OfferValue
from planrec.outlook import History
from planrec.rules import unknown_facts

__all__ = ["OFFER_COLUMNS", "Ranker", "Ranking", "policy_ranker", "some_subscribers"]


OFFER_COLUMNS: Mapping[str, Literal["number", "cents", "text"]] = {
    "p_accept": "number",
    "offer_value_cents": "cents",
    "churn_change": "number",
    "unknown_facts": "text",
}


@dataclass(frozen=True, slots=True)
class Ranking:
    """The answer to n situations.

    Attributes
    ----------
    advice : Advice
        Order, stay, bills, savings and reason codes.
    further : mapping of str to array of shape (n, n_plans) or (n,)
        What else is said of each plan, by plan index, or of each subscriber: float64, NaN where unknown, or objects
        that are text or None.
    held : int64 array of shape (n,) or None
        As `EngineAnswer.held`.
    """

    advice: Advice
    further: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    held: IntArray | None = None


@dataclass(frozen=True, slots=True)
class Ranker:
    """A way to rank plans.

    Attributes
    ----------
    rank : function of Subscribers to Ranking
        Each row answered by itself: how subscribers are cut into pieces must not show.
    further_columns : mapping of str to {"number", "text"}
        The keys of each answer's `further` and what they hold, in the order of the output's columns.
    basis : {"forecast", "past"}
        Which months the answers rate.
    """

    rank: Callable[[Subscribers], Ranking]
    further_columns: Mapping[str, Literal["number", "cents", "text"]] = field(default_factory=dict)
    basis: RatedBasis = "past"


def policy_ranker(engine: Engine, policy: AnswerPolicy) -> Ranker:
    """Return the ranker of `Engine.answer`: the lowest risk-adjusted bill, or the offer of the highest value, or stay.

    Parameters
    ----------
    engine : Engine
        With a forecast and offers where the policy asks for offers.
    policy : AnswerPolicy

    Returns
    -------
    Ranker
        Further columns of an offer: `p_accept`, `offer_value_cents`, `churn_change` by plan, empty for the plan held;
        and `unknown_facts`: the names of all unknown facts that the rules ask about.

    Examples
    --------
    >>> from planrec.rules import Facts
    >>> from planrec.rules import built_in_rules
    >>> past = History(Usage.of([[400]], [[10]], [[9000]]), np.ones((1, 1), dtype=bool))
    >>> ranker = policy_ranker(Engine(megaline, built_in_rules()), AnswerPolicy(1, 0.5, 300))
    >>> ranker.rank(Subscribers.of(past, Facts.of(24216, np.array([1])))).advice.order.tolist()
    [[0, 1]]
    """
    return Ranker(_PolicyRanking(engine, policy), {} if policy.offer is None else OFFER_COLUMNS, policy.basis)


@dataclass(frozen=True, slots=True)
class _PolicyRanking:
    """An engine with what it is asked; plain values, so that it can answer in any process."""

    engine: Engine
    policy: AnswerPolicy

    def __call__(self, people: Subscribers) -> Ranking:
        engine = self.engine
        answer = engine.answer(people, self.policy)
        if answer.offer is None:
            return Ranking(answer.advice, held=answer.held)
        unknown = unknown_facts(engine.rules, engine.catalogue, people.facts, "offer")
        said = np.array([", ".join(names) or None for names in unknown], dtype=object)
        return Ranking(answer.advice, {**_further(answer.offer), "unknown_facts": said})


def _further(offer: OfferValue) -> dict[str, NDArray[np.generic]]:
    return {
        "p_accept": offer.p_accept,
        "value_cents": offer.value_cents,
        "offer_value_cents": whole_cents(offer.value_cents),
        "churn_change": offer.churn_change,
    }


def some_subscribers(people: Subscribers, rows: slice) -> Subscribers:
    """Return some of the subscribers.

    Examples
    --------
    >>> from planrec.rules import Facts
    >>> past = History(Usage.of([[1], [2]], [[0], [0]], [[5], [6]]), np.ones((2, 1), dtype=bool))
    >>> one = some_subscribers(Subscribers.of(past, Facts.of(24216, np.array([0, 1]))), slice(1, 2))
    >>> one.history.usage.minutes.tolist(), one.facts.current.tolist()
    ([[2.0]], [1])
    """
    used = people.history.usage
    return Subscribers(
        History(Usage(used.minutes[rows], used.messages[rows], used.megabytes[rows]), people.history.known[rows]),
        people.facts.rows(rows),
        people.tenure_months[rows],
        people.extra_sd[rows],
        None if people.declined is None else people.declined[rows],
    )
