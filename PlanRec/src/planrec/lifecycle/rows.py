"""Rows that neither the live bundle nor the new one learnt from: later than both trainings, of subscribers in neither.

Training sets a share of the subscribers aside by a hash of their ids (`training.split.test_share`, `training.seed`) and
learns from none of their months. Who is set aside by the settings of both bundles is therefore known without the data
the live one was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.splits import group_holdout
from planrec.bundle import PlanRecBundle
from planrec.columns import AGE, CURRENT_PLAN, MONTH, SUBSCRIBER
from planrec.config import PlanRecConfig
from planrec.decisions import latest_rows, plan_indices
from planrec.months import month_index, month_indices, month_text
from planrec.outlook.history import history_columns
from planrec.policies.compare import bills_ahead
from planrec.preparation import Prepared, longest_history
from planrec.rules import ExclusionCode, exclusions

__all__ = ["JudgedRows", "judged_rows", "set_aside"]


@dataclass(frozen=True)
class JudgedRows:
    """What two bundles are compared on.

    Attributes
    ----------
    asked : DataFrame
        Each subscriber set aside by both, at the end of the month before each month judged; n rows as `latest_rows`.
    months : int64 array of shape (n,)
        Index of the month judged: the one after the row's own.
    available : bool array of shape (n, n_plans)
        Plans of the card in force that may be taken in it.
    current : int64 array of shape (n,)
        Plan held, by the card in force; -1 where unknown.
    bills : float64 array of shape (n, n_plans)
        Mean bill a month over the horizon that begins with it, on each plan of the card in force; cents.
    decisions : DataFrame
        The decisions of these subscribers in these months: what a choice model is judged on.
    words : str
        Which rows these are.
    """

    asked: pd.DataFrame
    months: NDArray[np.int64]
    available: NDArray[np.bool_]
    current: NDArray[np.int64]
    bills: NDArray[np.float64]
    decisions: pd.DataFrame
    words: str


def set_aside(config: PlanRecConfig, subscribers: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Tell which subscribers a training with these settings learns nothing from.

    Parameters
    ----------
    config : PlanRecConfig
    subscribers : object array of shape (n,)

    Raises
    ------
    DataError
        If all of them are on one side.
    """
    _, unseen = group_holdout(subscribers, share=config.training.split.test_share, seed=config.training.seed)
    aside = np.zeros(len(subscribers), dtype=np.bool_)
    aside[unseen] = True
    return aside


def judged_rows(live: PlanRecBundle, challenger: PlanRecBundle, prepared: Prepared) -> JudgedRows:
    """Return the rows of the new training's data that neither bundle learnt from.

    Parameters
    ----------
    live, challenger : PlanRecBundle
    prepared : Prepared
        The data of the new training, with the card in force.

    Returns
    -------
    JudgedRows
        Possibly of no row: then nothing can be judged.
    """
    catalogue, config, table = prepared.catalogue, challenger.config, prepared.data.months
    people = table[SUBSCRIBER].unique().astype(object)
    aside = people[set_aside(live.config, people) & set_aside(config, people)]
    horizon = config.data.chosen().horizon_months
    first = max(_trained_until(live), _trained_until(challenger)) + 1
    last = int(month_indices(table[MONTH]).max()) - horizon + 1
    usage = table[table[SUBSCRIBER].isin(aside)].reset_index(drop=True)
    asked = _asked(usage, range(first, last + 1), longest_history(config))
    months = month_indices(asked[MONTH]) + 1
    change = pd.DataFrame({SUBSCRIBER: asked[SUBSCRIBER], MONTH: [month_text(month) for month in months.tolist()]})
    ahead = bills_ahead(usage, change, catalogue, horizon=horizon)
    asked, months = asked[ahead.whole].reset_index(drop=True), months[ahead.whole]
    current = plan_indices(asked[CURRENT_PLAN], catalogue)
    age = asked[AGE].to_numpy(dtype=np.float64) if AGE in asked else np.full(len(asked), np.nan)
    at = month_indices(prepared.decisions[MONTH])
    theirs = prepared.decisions[SUBSCRIBER].isin(aside).to_numpy() & (at >= first) & (at <= last)
    span = f"{month_text(first)} to {month_text(max(last, first))}"
    words = (
        f"{len(asked):,} months of {asked[SUBSCRIBER].nunique():,} subscribers, {span}, and {int(theirs.sum()):,} "
        "decisions: later than both trainings, and of subscribers that neither learnt from"
    )
    return JudgedRows(
        asked,
        months,
        exclusions(catalogue, months, current, age) == ExclusionCode.NONE,
        current,
        ahead.mean_cents[ahead.whole],
        prepared.decisions[theirs].reset_index(drop=True),
        words,
    )


def _trained_until(bundle: PlanRecBundle) -> int:
    """Return the index of the last decision month that a bundle was trained on."""
    return month_index(str(bundle.metrics["rows"]["train_months"][1]))


def _asked(usage: pd.DataFrame, judged: range, history_months: int) -> pd.DataFrame:
    """Each subscriber with a month right before the one judged, as they stood at its end."""
    parts: list[pd.DataFrame] = []
    for month in judged:
        known = latest_rows(usage, as_of=month - 1, history_months=history_months)
        parts.append(known[known[MONTH] == month_text(month - 1)])
    if not parts:
        return usage.iloc[:0].assign(**dict.fromkeys(history_columns(history_months), np.nan))
    return pd.concat(parts, ignore_index=True)
