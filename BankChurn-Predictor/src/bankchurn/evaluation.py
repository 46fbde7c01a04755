"""Figures for a retention team and an auditor: which customers to contact, what that brings, how groups fare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bankchurn.config import BankChurnConfig
from bankchurn.retention import Economics, contact_count, contact_list, economics_of, gain_curve
from common_utils.array_types import BoolArray, FloatArray
from common_utils.command_line.terminal import note
from common_utils.evaluation import segment_table
from common_utils.table_project.commands import answered
from common_utils.table_project.task import TableTask
from common_utils.tables import Reading, write_table

__all__ = [
    "SHARES",
    "contacts_table",
    "fairness_table",
    "mean_gain_curve",
    "retention_summary",
    "run_contacts",
]


SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)
"""Shares of customers contacted at which the gain curve is written down."""


def mean_gain_curve(
    probability: FloatArray, outcome: NDArray[np.int64], economics: Economics, *, shares: Sequence[float] = SHARES
) -> list[dict[str, float]]:
    """Return the gain curve, each figure the mean over rounds of cross-validation.

    Parameters
    ----------
    probability : float64 array of shape (n_rounds, n)
        Out of fold.
    outcome : int64 array of shape (n,)
    economics : Economics
    shares : sequence of float

    Examples
    --------
    >>> curve = mean_gain_curve(np.array([[0.9, 0.1]]), np.array([1, 0]), Economics(400, 0.25, 25, 1.0), shares=[0.5])
    >>> curve[0]["realised"]
    75.0
    """
    rounds = [gain_curve(p, outcome, economics, shares=shares) for p in probability]
    return [
        {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} for rows in zip(*rounds, strict=True)
    ]


def retention_summary(
    answers: Mapping[str, Mapping[str, Any]], outcome: NDArray[np.int64], economics: Economics
) -> list[dict[str, Any]]:
    """Return what each model's contact lists bring: the list of expected profit, and the lists of its thresholds.

    Parameters
    ----------
    answers : mapping
        By model: `probability` of shape (n_rounds, n) and `decided_<rule>`.
    outcome : int64 array of shape (n,)
    economics : Economics

    Returns
    -------
    list of dict
        model, list, contacts, expected (euro, by the model's own probabilities), realised (euro), reached (share of
        leavers); means over rounds.
    """
    table: list[dict[str, Any]] = []
    for model, found in answers.items():
        lists: dict[str, list[BoolArray]] = {"expected profit > 0, within the budget": [], "F1 threshold": []}
        lists["profit threshold"] = []
        for number, p in enumerate(found["probability"]):
            chosen = np.zeros(len(p), dtype=np.bool_)
            chosen[np.argsort(-p, kind="stable")[: contact_count(p, economics)]] = True
            lists["expected profit > 0, within the budget"].append(chosen)
            lists["F1 threshold"].append(found["decided_f1"][number])
            lists["profit threshold"].append(found["decided_profit"][number])
        table += [
            {"model": model, "list": name, **_list_figures(found["probability"], rounds, outcome, economics)}
            for name, rounds in lists.items()
        ]
    return table


def _list_figures(
    probability: FloatArray, chosen: Sequence[BoolArray], outcome: NDArray[np.int64], economics: Economics
) -> dict[str, float]:
    worth, cost = economics.success_rate * economics.kept_value, economics.contact_cost
    rounds = [
        {
            "contacts": float(list_.sum()),
            "expected": float(worth * p[list_].sum() - cost * list_.sum()),
            "realised": float(worth * outcome[list_].sum() - cost * list_.sum()),
            "reached": float(outcome[list_].sum() / outcome.sum()),
        }
        for p, list_ in zip(probability, chosen, strict=True)
    ]
    return {name: float(np.mean([figures[name] for figures in rounds])) for name in rounds[0]}


def fairness_table(
    rows: pd.DataFrame,
    by: Sequence[str],
    probability: FloatArray,
    decided: BoolArray,
    outcome: NDArray[np.int64],
    *,
    n_resamples: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Return how groups of customers fare, by each of some columns.

    Parameters
    ----------
    rows : DataFrame of shape (n, m)
    by : sequence of str
        Columns whose values are the groups.
    probability : float64 array of shape (n_rounds, n)
    decided : bool array of shape (n_rounds, n)
    outcome : int64 array of shape (n,)
    n_resamples, seed : int

    Returns
    -------
    list of dict
        by, segment, n, left (observed rate), selected (share called leavers), recall (of those who left), predicted
        (mean probability), calibration (observed less predicted); all but the first three with intervals by row.

    Examples
    --------
    >>> rows = pd.DataFrame({"Gender": ["Female", "Male"] * 2})
    >>> p, said = np.array([[0.5, 0.25, 0.5, 0.25]]), np.array([[True, False, True, False]])
    >>> left = np.array([1, 0, 0, 0])
    >>> table = fairness_table(rows, ["Gender"], p, said, left, n_resamples=50, seed=0)
    >>> [(row["segment"], row["selected"]["estimate"], row["calibration"]["estimate"]) for row in table]
    [('Female', 1.0, 0.0), ('Male', 0.0, -0.25)]
    """
    p, said = probability.mean(axis=0), decided.mean(axis=0)
    left = outcome.astype(np.float64)
    values = {
        "left": left,
        "selected": said,
        "recall": np.where(outcome == 1, said, np.nan),
        "predicted": p,
        "calibration": left - p,
    }
    table: list[dict[str, Any]] = []
    for column in by:
        segments = segment_table(
            values, rows[column].to_numpy(), n_resamples=n_resamples, rng=np.random.default_rng(seed)
        )
        table += [{"by": column, **segment} for segment in segments]
    return table


def contacts_table(names: pd.DataFrame, probability: pd.Series, config: BankChurnConfig) -> pd.DataFrame:
    """Return one row for each customer, the first to contact first.

    Parameters
    ----------
    names : DataFrame of shape (n, 1)
        Id, or row number of the file.
    probability : Series of shape (n,)
        Of leaving.
    config : BankChurnConfig
        Its `retention` says what a contact costs and brings, and the budget as a share of the customers of the list.

    Returns
    -------
    DataFrame of shape (n, 6)
        rank (from 1), id or row, probability, expected_profit (euro of a contact), contact (yes or no), total (euro
        that the contacts down to this row bring together).
    """
    found = contact_list(probability, economics_of(config))
    listed = names.iloc[found.order].reset_index(drop=True)
    rank = np.arange(1, len(listed) + 1)
    listed.insert(0, "rank", rank)
    return listed.assign(
        probability=probability.to_numpy()[found.order],
        expected_profit=found.profit,
        contact=np.where(rank <= found.contacts, "yes", "no"),
        total=found.total,
    )


def run_contacts(
    task: TableTask[BankChurnConfig],
    config: BankChurnConfig,
    folder: Path,
    input_: Path,
    output: Path,
    bundle: Path | None,
    *,
    reading: Reading,
) -> None:
    """Write the list of `bankchurn contacts`, and say what it costs and brings by which settings."""
    records, names, answers = answered(task, config, folder, input_, bundle, reading=reading)
    listed = contacts_table(names, answers["probability"], config)
    write_table(listed, output)
    note(records.report.summary())
    chosen, economics = listed["contact"] == "yes", economics_of(config)
    note(
        f"contact {int(chosen.sum()):,} of {len(listed):,} customers: {listed['total'].max():,.2f} euro expected, at "
        f"{economics.contact_cost:g} a contact, {economics.kept_value:g} a customer kept, "
        f"{100 * economics.success_rate:g} % of contacted leavers kept, a budget of "
        f"{100 * economics.budget_share:g} % of the customers (settings of `retention`)"
    )
    note(f"{len(listed):,} customers written to {output}")
