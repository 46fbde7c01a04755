"""Entries of the decision log as a report on bias asks about them: one row for each subject, its latest decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.monitoring.bias.groups import Measure, latest_of_each

__all__ = ["Decided", "Describe", "Done", "Subjects", "by_subject", "outcome_values", "row_subjects"]


@dataclass(frozen=True)
class Done:
    """What was done, entry by entry.

    Attributes
    ----------
    name : str
        As in `Measure`.
    asked : bool array of shape (n,)
        Entries that speak of it; of each subject the latest of these counts.
    values : float64 array of shape (n,)
        As in `Measure`; NaN where the entry is not in question, such as one that no rule lets through.
    harm : {"less", "more"}
    """

    name: str
    asked: BoolArray
    values: FloatArray
    harm: Literal["less", "more"]


@dataclass(frozen=True)
class Decided:
    """n entries of the log, as a project understands them.

    Attributes
    ----------
    groups : mapping of str to array of str of shape (n,)
        By attribute; empty where unknown.
    possible : float64 array of shape (n,)
        What could be gained for the subject, as far as the entry says, in any unit; NaN where it does not. Compared
        are subjects of similar possible gain.
    done : tuple of Done
    within : str
        What `possible` is, in words.
    parts : int
        Strata of those above 0, of equal size.
    latest : bool
        Whether of a subject's entries the latest `possible` counts, as of a score, and not the largest.
    """

    groups: Mapping[str, NDArray[np.str_]]
    possible: FloatArray
    done: tuple[Done, ...]
    within: str
    parts: int = 5
    latest: bool = False


Describe: TypeAlias = Callable[[Sequence[Mapping[str, Any]]], Decided]
"""From entries with their outcomes (`decision_log.exports.joined`) to what a report asks."""


@dataclass(frozen=True)
class Subjects:
    """n subjects, one row each.

    Attributes
    ----------
    at_ms : int64 array of shape (n,)
        Latest entry of each.
    groups : mapping of str to array of str of shape (n,)
        The latest known.
    strata : int64 array of shape (n,)
        Of possible gain: unknown, none, and parts of the rest.
    measures : tuple of Measure
        Only those that happened to any subject.
    unmeasured : tuple of str
        The others.
    """

    at_ms: IntArray
    groups: Mapping[str, NDArray[np.str_]]
    strata: IntArray
    measures: tuple[Measure, ...]
    unmeasured: tuple[str, ...]


def row_subjects(rows: Sequence[Mapping[str, Any]]) -> NDArray[np.str_]:
    """Return who each entry is about; one that names nobody stands alone.

    Examples
    --------
    >>> row_subjects([{"event": "e1", "subject": "k1.s"}, {"event": "e2", "subject": None}]).tolist()
    ['k1.s', 'event e2']
    """
    return np.array([str(row["subject"] or f"event {row['event']}") for row in rows], dtype=np.str_)


def outcome_values(rows: Sequence[Mapping[str, Any]], kind: str) -> FloatArray:
    """Return an outcome of each entry as a number; NaN where it is not told or not mature.

    Examples
    --------
    >>> outcome_values([{"left": True}, {"left": None}], "left").tolist()
    [1.0, nan]
    """
    return np.array([np.nan if row.get(kind) is None else float(row[kind]) for row in rows], dtype=np.float64)


def by_subject(subjects: NDArray[np.str_], at_ms: IntArray, decided: Decided) -> Subjects:
    """Return one row for each subject; of what was done the latest entry that speaks of it counts.

    Parameters
    ----------
    subjects : array of str of shape (n,)
        At least one.
    at_ms : int64 array of shape (n,)
    decided : Decided

    Examples
    --------
    >>> offered = Done("offered", np.array([True, True]), np.array([0.0, 1.0]), "less")
    >>> decided = Decided({"age": np.array(["old", ""])}, np.array([5.0, 9.0]), (offered,), "saving")
    >>> found = by_subject(np.array(["a", "a"]), np.array([1, 2]), decided)
    >>> found.groups["age"].tolist(), found.measures[0].values.tolist()
    (['old'], [1.0])
    """
    codes = np.unique(subjects, return_inverse=True)[1].astype(np.int64)
    count = int(codes.max()) + 1
    latest = np.zeros(count, dtype=np.int64)
    np.maximum.at(latest, codes, at_ms)
    possible = np.full(count, -np.inf)
    if decided.latest:
        rows = _latest(codes, at_ms, ~np.isnan(decided.possible))
        possible[codes[rows]] = decided.possible[rows]
    else:
        np.maximum.at(possible, codes, np.where(np.isnan(decided.possible), -np.inf, decided.possible))
    groups: dict[str, NDArray[np.str_]] = {}
    for attribute, labels in decided.groups.items():
        of_each = np.full(count, "", dtype=object)
        rows = _latest(codes, at_ms, labels != "")
        of_each[codes[rows]] = labels[rows]
        groups[attribute] = of_each.astype(np.str_)
    measures: list[Measure] = []
    for done in decided.done:
        values = np.full(count, np.nan)
        rows = _latest(codes, at_ms, done.asked)
        values[codes[rows]] = done.values[rows]
        measures.append(Measure(done.name, values, done.harm))
    there = tuple(one for one in measures if np.nan_to_num(one.values).any())
    lacking = tuple(one.name for one in measures if not np.nan_to_num(one.values).any())
    return Subjects(latest, groups, _strata(possible, decided.parts), there, lacking)


def _latest(codes: IntArray, at_ms: IntArray, asked: BoolArray) -> IntArray:
    rows = np.flatnonzero(asked)
    return rows[latest_of_each(codes[rows], at_ms[rows])] if len(rows) else rows


def _strata(possible: FloatArray, parts: int) -> IntArray:
    known = np.isfinite(possible)
    gains = known & (possible > 0)
    strata = known.astype(np.int64)
    if gains.any():
        edges = np.unique(np.quantile(possible[gains], np.arange(1, parts) / parts))
        strata[gains] = 2 + np.searchsorted(edges, possible[gains], side="right")
    return strata
