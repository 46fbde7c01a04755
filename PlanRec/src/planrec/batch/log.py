"""Batch answers as entries of the decision log: plan ids, cents and probabilities of each subscriber."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, repeat
from typing import Any

from pydantic_core import to_json

from common_utils.decision_log.batch import BatchEntry
from planrec.batch.answers import PieceAnswer
from planrec.batch.predictions import PredictedPiece
from planrec.columns import SUBSCRIBER
from planrec.decisions.groups import age_group

__all__ = ["prediction_entries", "ranked_entries"]

_LEFT_OUT = (SUBSCRIBER, "rank", "action", "reasons", "advice", "stay_reason", "basis")
_SAID_ONCE = ("advice", "stay_reason", "basis")


def ranked_entries(answer: PieceAnswer) -> Iterator[BatchEntry]:
    """Yield an entry for each subscriber of a piece; that of an offer says what else could have been offered.

    Parameters
    ----------
    answer : PieceAnswer
        Rows of a subscriber follow each other in its tables.
    """
    ranked, offerable = answer.ranked, _by_subscriber(answer.offerable)
    names = [name for name in ranked.column_names if name not in _LEFT_OUT]
    columns = [ranked[name].to_pylist() for name in (*names, *_SAID_ONCE)]
    rows = zip(ranked[SUBSCRIBER].to_pylist(), zip(*columns, strict=True), strict=True)
    for subscriber, group in groupby(rows, key=lambda row: row[0]):
        values = [row for _, row in group]
        once = dict(zip(_SAID_ONCE, values[0][len(names) :], strict=True))
        plans = [dict(zip(names, row, strict=False)) for row in values]
        said = {**once, "plans": plans}
        if answer.offerable is not None:
            said["offerable"] = offerable.get(subscriber, [])
        groups = age_group(answer.ages.get(str(subscriber)))
        yield BatchEntry(str(subscriber), to_json(said, inf_nan_mode="null"), groups=groups)


def _by_subscriber(offerable: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in () if offerable is None else offerable.to_pylist():
        found.setdefault(row.pop(SUBSCRIBER), []).append(row)
    return found


def prediction_entries(answer: PredictedPiece) -> Iterator[BatchEntry]:
    """Yield an entry for each row of a piece of predictions."""
    predicted = answer.table
    ages = repeat(None) if answer.ages is None else answer.ages.tolist()
    scores = [name for name in predicted.column_names if name.startswith("p_")]
    columns = zip(*(predicted[name].to_pylist() for name in scores), strict=True)
    said = [predicted[name].to_pylist() for name in (SUBSCRIBER, "prediction", "decides_from")]
    for (subscriber, prediction, month), values, age in zip(zip(*said, strict=True), columns, ages, strict=False):
        probabilities = {name.removeprefix("p_"): value for name, value in zip(scores, values, strict=True)}
        told = {"prediction": prediction, "probabilities": probabilities, "decides_from": month}
        yield BatchEntry(str(subscriber), to_json(told, inf_nan_mode="null"), groups=age_group(age))
