"""What two bundles are measured by: the money of the advice they would give, and how well they expect choices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.evaluation import chosen_ranks, ndcg_at_k
from common_utils.lifecycle.measures import PairedFigure, PairedHarm
from planrec.advice import AnswerPolicy, Subscribers
from planrec.billing import Catalogue
from planrec.bundle import PlanRecBundle
from planrec.columns import AGE, CURRENT_PLAN, MONTH, SUBSCRIBER
from planrec.decisions import columns_of, plan_indices
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.evaluation import segment_labels
from planrec.lifecycle.rows import JudgedRows
from planrec.months import month_indices
from planrec.outlook import history_of
from planrec.preparation import longest_history
from planrec.rules import ExclusionCode, exclusions
from planrec.rules.facts import facts_of

__all__ = ["advised_plans", "measures_of"]

_LEAST_CHANCE = 1e-4
"""What a choice is given at least: a plan that a bundle has not got would cost it infinity."""


@dataclass(frozen=True)
class _Money:
    regret: FloatArray
    moved: NDArray[np.bool_]
    harmed: NDArray[np.bool_]


def measures_of(
    live: PlanRecBundle, challenger: PlanRecBundle, rows: JudgedRows, catalogue: Catalogue
) -> list[PairedFigure | PairedHarm]:
    """Return every figure the gate judges.

    Parameters
    ----------
    live, challenger : PlanRecBundle
        Each answers as it would be served: by its own card, rules, settings and models.
    rows : JudgedRows
    catalogue : Catalogue
        The card in force: what advice costs is rated on it.

    Returns
    -------
    list of PairedFigure or PairedHarm
        Regret of the advice in cents a month, also by data usage and age; who is worse off among those moved; NDCG@5
        and log loss of the choices expected.
    """
    return [*_of_advice(live, challenger, rows, catalogue), *_of_choices(live, challenger, rows, catalogue)]


def advised_plans(bundle: PlanRecBundle, asked: pd.DataFrame, catalogue: Catalogue) -> IntArray:
    """Return the plan a bundle advises first, as a position in another card; the plan held where it names none there.

    Parameters
    ----------
    bundle : PlanRecBundle
    asked : DataFrame of shape (n, m)
        As `JudgedRows.asked`.
    catalogue : Catalogue
        The card in force.

    Returns
    -------
    int64 array of shape (n,)
        -1 where the plan held is unknown, too.
    """
    columns = columns_of(asked)
    as_of = month_indices(asked[MONTH])
    facts = facts_of(columns, plan_indices(asked[CURRENT_PLAN], bundle.catalogue), as_of=as_of)
    people = Subscribers.of(history_of(columns, bundle.config.advice.history_months), facts)
    policy = AnswerPolicy.of(bundle.config, bundle.rules, "advice", forecast=True)
    first = bundle.engine().answer(people, policy).advice.order[:, 0]
    named = np.append(plan_indices(np.array(bundle.catalogue.plan_ids, dtype=object), catalogue), -1)[first]
    return np.where(named >= 0, named, plan_indices(asked[CURRENT_PLAN], catalogue))


def _of_advice(
    live: PlanRecBundle, challenger: PlanRecBundle, rows: JudgedRows, catalogue: Catalogue
) -> list[PairedFigure | PairedHarm]:
    subscribers = rows.asked[SUBSCRIBER].to_numpy(dtype=object)
    if not len(subscribers):
        nothing = np.empty(0)
        return [PairedFigure("regret, cents a month", nothing, nothing, subscribers)]
    first, second = (_money(advised_plans(bundle, rows.asked, catalogue), rows) for bundle in (live, challenger))
    segments = segment_labels(rows.asked, longest_history(challenger.config))
    return [
        PairedFigure("regret, cents a month", first.regret, second.regret, subscribers, segments=segments),
        PairedHarm(
            "worse off among those moved",
            first.moved,
            second.moved,
            first.harmed,
            second.harmed,
            subscribers,
        ),
    ]


def _money(advised: IntArray, rows: JudgedRows) -> _Money:
    at = np.arange(len(advised))
    known = rows.current >= 0
    there = advised >= 0
    paid = np.where(there, rows.bills[at, np.maximum(advised, 0)], np.nan)
    today = np.where(known, rows.bills[at, np.maximum(rows.current, 0)], np.nan)
    cheapest = np.where(rows.available, rows.bills, np.inf).min(axis=1)
    cheapest = np.fmin(np.fmin(cheapest, today), paid)
    moved = known & there & (advised != rows.current)
    return _Money(paid - cheapest, moved, moved & (paid > today))


def _of_choices(
    live: PlanRecBundle, challenger: PlanRecBundle, rows: JudgedRows, catalogue: Catalogue
) -> list[PairedFigure | PairedHarm]:
    decisions = rows.decisions
    subscribers = decisions[SUBSCRIBER].to_numpy(dtype=object)
    ndcg, loss = (list[FloatArray]() for _ in range(2))
    for bundle in (live, challenger):
        found = _expected(bundle, decisions, catalogue) if len(decisions) else (np.empty(0), np.empty(0))
        ndcg.append(found[0])
        loss.append(found[1])
    return [
        PairedFigure("NDCG@5 of the choices expected", ndcg[0], ndcg[1], subscribers, less_is_better=False),
        PairedFigure("log loss of the choices expected", loss[0], loss[1], subscribers),
    ]


def _expected(bundle: PlanRecBundle, decisions: pd.DataFrame, catalogue: Catalogue) -> tuple[FloatArray, FloatArray]:
    """Return NDCG@5 and log loss of each decision."""
    there = plan_indices(np.array(bundle.choice.classes, dtype=object), catalogue)
    chances = np.zeros((len(decisions), len(catalogue.plans)))
    chances[:, there[there >= 0]] = bundle.choice.score(columns_of(decisions))[:, there >= 0]
    chosen = plan_indices(decisions[CHOSEN_PLAN], catalogue)
    current = plan_indices(decisions[CURRENT_PLAN], catalogue)
    age = decisions[AGE].to_numpy(dtype=np.float64) if AGE in decisions else np.full(len(decisions), np.nan)
    available = exclusions(catalogue, month_indices(decisions[MONTH]), current, age) == ExclusionCode.NONE
    ndcg = ndcg_at_k(chosen_ranks(chances, chosen, available), 5)
    own = chances[np.arange(len(decisions)), chosen]
    return ndcg, -np.log(np.maximum(own, _LEAST_CHANCE))
