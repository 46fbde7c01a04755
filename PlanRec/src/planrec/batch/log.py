"""Batch answers as entries of the decision log: plan ids, cents and probabilities of each subscriber."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic_core import to_json

from common_utils.decision_log.batch import BatchEntry
from planrec.columns import SUBSCRIBER

__all__ = ["prediction_entries", "ranked_entries"]

_LEFT_OUT = (SUBSCRIBER, "rank", "reasons")


def ranked_entries(ranked: Any) -> Iterator[BatchEntry]:
    """Yield an entry for each subscriber of a table of ranked plans.

    Parameters
    ----------
    ranked : pyarrow.Table
        Of `Recommender.schema`; rows of a subscriber follow each other.
    """
    names = [name for name in ranked.column_names if name not in _LEFT_OUT]
    columns = [ranked[name].to_pylist() for name in names]
    plans = (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))
    rows = zip(ranked[SUBSCRIBER].to_pylist(), plans, strict=True)
    for subscriber, of in groupby(rows, key=lambda row: row[0]):
        yield BatchEntry(str(subscriber), to_json({"plans": [plan for _, plan in of]}))


def prediction_entries(predicted: Any) -> Iterator[BatchEntry]:
    """Yield an entry for each row of a table of predictions.

    Parameters
    ----------
    predicted : pyarrow.Table
        Of `prediction_schema`.
    """
    scores = [name for name in predicted.column_names if name.startswith("p_")]
    columns = zip(*(predicted[name].to_pylist() for name in scores), strict=True)
    rows = zip(predicted[SUBSCRIBER].to_pylist(), predicted["prediction"].to_pylist(), columns, strict=True)
    for subscriber, prediction, values in rows:
        probabilities = {name.removeprefix("p_"): value for name, value in zip(scores, values, strict=True)}
        yield BatchEntry(str(subscriber), to_json({"prediction": prediction, "probabilities": probabilities}))
