"""A table of records as monitoring sees it: its profile, what it is held against, and its quality."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.bundle import Bundle
from common_utils.errors import DataError
from common_utils.monitoring.day import DayBook
from common_utils.monitoring.drift.comparison import Reference
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.judge import Sight
from common_utils.monitoring.profiles.counting import profile_like
from common_utils.monitoring.profiles.profile_json import bundle_profile
from common_utils.releases.trained import trained_settings
from common_utils.scoring.joblib_scorer import open_model
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.feature_columns import table_columns
from common_utils.table_project.task import TableTask
from common_utils.table_project.watch.quality import row_count_findings, table_quality

__all__ = ["look_at_table", "one_row_each", "watched_table"]

Settings = TypeVar("Settings", bound=TableProjectConfig)


def watched_table(
    task: TableTask[Settings], bundle: Bundle, frame: pd.DataFrame
) -> tuple[Mapping[str, NDArray[Any]], NDArray[np.float64]]:
    """Return what the bundle's model reads of a table, before any encoding, and its score of each row.

    Parameters
    ----------
    task : TableTask
    bundle : Bundle
    frame : DataFrame of shape (n, m)
        Records, as `predict` takes them.
    """
    config = trained_settings(bundle, task.spec.settings, task.spec.name)
    model = open_model(bundle)
    scores = task.predictions(config, model, frame)[task.score_column].to_numpy(dtype=np.float64)
    return model[0].step().watched(table_columns(frame)), scores


def one_row_each(task: TableTask[Any], frame: pd.DataFrame) -> pd.DataFrame:
    """Return the last row of each subject; every row where records have no id."""
    if task.id_column is None or task.id_column not in frame:
        return frame
    return frame.drop_duplicates(task.id_column, keep="last").reset_index(drop=True)


def look_at_table(
    task: TableTask[Settings],
    bundle: Bundle,
    frame: pd.DataFrame,
    as_of: date,
    *,
    book: DayBook,
    quality: tuple[Finding, ...] = (),
) -> Sight:
    """Return what a table of records shows on a day.

    Parameters
    ----------
    task : TableTask
    bundle : Bundle
        The one that is live.
    frame : DataFrame of shape (n, m)
        Records of the period; of a subject with several the last counts.
    as_of : date
        Names the period.
    book : DayBook
        Knows what the last period on the bundle's edges looked like.
    quality : tuple of Finding
        What is known of the table already.
    """
    period = as_of.isoformat()
    try:
        reference = bundle_profile(bundle)
    except DataError as error:
        lacking = Finding("reference", "", "insufficient", None, None, None, 0, str(error))
        return Sight(period, None, (), (*quality, lacking))
    columns, scores = watched_table(task, bundle, one_row_each(task, frame))
    now = profile_like(reference, columns, score=scores)
    references = [Reference("training", bundle.version[:8], reference)]
    if (before := book.profile_before(period, reference)) is not None:
        references.append(Reference("period before", *before))
    found = [*quality, *table_quality(now, references[-1].profile, columns, since=period)]
    found += row_count_findings(now.rows, book.rows_before(period), period)
    return Sight(period, now, tuple(references), tuple(found))
