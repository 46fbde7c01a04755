"""A new bundle of a project on one table against the live one, on rows that neither learnt from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.bundle import Bundle
from common_utils.datasets.store import SnapshotStore
from common_utils.datasets.tables import load_file
from common_utils.errors import DataError
from common_utils.lifecycle.gate import Check, GateReport, bundle_checks, gate_report
from common_utils.lifecycle.measures import PairedFigure, PairedHarm
from common_utils.monitoring.profiles.profile_json import bundle_profile
from common_utils.releases.trained import trained_settings
from common_utils.scoring.joblib_scorer import open_model
from common_utils.splits import group_holdout
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.source import owners_of
from common_utils.table_project.task import TableTask
from common_utils.table_project.training import PreparedTable

__all__ = ["judge_tables", "rows_in_neither"]

Settings = TypeVar("Settings", bound=TableProjectConfig)

_LEAST_CHANCE = 1e-6
_FAR_OFF = 0.25  # of the value that came true: an answer further off than that misleads whoever acts on it


@dataclass(frozen=True)
class _Answers:
    """What a bundle says of the rows, and how far it is off."""

    score: NDArray[np.float64]
    loss: NDArray[np.float64]
    moved: NDArray[np.bool_]
    harmed: NDArray[np.bool_]


def judge_tables(
    task: TableTask[Settings], live: Bundle, challenger: Bundle, prepared: PreparedTable, store: SnapshotStore
) -> GateReport:
    """Judge a new bundle against the live one.

    Parameters
    ----------
    task : TableTask
    live, challenger : Bundle
    prepared : PreparedTable
        The table of the new training; it passed the leak audit.
    store : SnapshotStore
        Where the live bundle's table may be, for tables whose rows have no name.
    """
    config = trained_settings(challenger, task.spec.settings, task.spec.name)
    at, words = rows_in_neither(task, live, config, prepared, store)
    rows = prepared.table.frame.iloc[at].reset_index(drop=True)
    subjects = owners_of(task, prepared.table)[at]
    checks = [
        Check("leak audit", holds=True, sentence="no column of the new table tells the target."),
        Check("parity", holds=True, sentence="the compiled model answers as the fitted one."),
    ]
    if not len(rows):
        nothing = PairedFigure("loss", np.empty(0), np.empty(0), subjects)
        return gate_report(live, challenger, [nothing], rows=words, checks=checks, config=config.lifecycle.gate, seed=0)
    asks = [_asking(task, bundle) for bundle in (live, challenger)]
    first, second = (_answers(task, ask(rows), rows) for ask in asks)
    few = rows.head(1_000)
    checks += bundle_checks(
        live,
        challenger,
        inputs=(_inputs(live), _inputs(challenger)),
        ask=(lambda: asks[0](few), lambda: asks[1](few)),
        config=config.lifecycle.gate,
    )
    name, harm = (
        ("log loss", "wrong among those told yes")
        if task.is_class
        else ("absolute error", f"further off than {_FAR_OFF:z.0%}")
    )
    measures = [
        PairedFigure(name, first.loss, second.loss, subjects, segments=_segments(task, rows, first.score)),
        PairedHarm(harm, first.moved, second.moved, first.harmed, second.harmed, subjects),
    ]
    seed = config.training.seed
    return gate_report(live, challenger, measures, rows=words, checks=checks, config=config.lifecycle.gate, seed=seed)


def rows_in_neither(
    task: TableTask[Settings],
    live: Bundle,
    config: Settings,
    prepared: PreparedTable,
    store: SnapshotStore,
) -> tuple[NDArray[np.intp], str]:
    """Return the positions of the rows that neither bundle learnt from, and which those are in words.

    The new training sets a share of the rows aside by a hash of their group, their id or their number. So did the live
    one; by group and id the same hash tells which. A number is another row's in another table: there, a row counts if
    the live bundle's snapshot holds no row like it.

    Parameters
    ----------
    task : TableTask
    live : Bundle
    config : TableProjectConfig
        Of the new training.
    prepared : PreparedTable
    store : SnapshotStore
    """
    if config.training.refit:
        nothing = np.empty(0, dtype=np.intp)
        return nothing, "none: training.refit learns from every row; set it to false to retrain"
    aside, table = prepared.holdout_index, prepared.table
    owners = owners_of(task, table)
    before = trained_settings(live, task.spec.settings, task.spec.name)
    named = owners is not table.rows or live.info.get("data_fingerprint") == table.fingerprint
    if named and not before.training.refit:
        split = before.training.split
        _, unseen = group_holdout(owners, share=split.holdout_share, seed=before.training.seed)
        kept, how = np.intersect1d(aside, unseen), "set aside by both trainings"
    else:
        known = _known_rows(live, store)
        if known is None:
            return np.empty(0, dtype=np.intp), "none: the snapshot that the live bundle was trained on is not there"
        new = ~np.isin(_row_hashes(table.frame), known)
        kept, how = aside[new[aside]], "set aside by the new training, and of no row like them in the live one's data"
    return kept, f"{len(kept):,} rows, {how}; the table has no time that a row could be later by"


def _known_rows(live: Bundle, store: SnapshotStore) -> NDArray[np.uint64] | None:
    if not live.snapshot or store.state(live.snapshot) != "whole":
        return None
    try:
        (file,) = store.read(live.snapshot).files
        return _row_hashes(load_file(store, file))
    except (DataError, ValueError):
        return None


def _row_hashes(frame: pd.DataFrame) -> NDArray[np.uint64]:
    plain = frame.astype({name: "str" for name in frame.columns if frame[name].dtype.kind not in "iufb"})
    return pd.util.hash_pandas_object(plain[sorted(plain.columns)], index=False).to_numpy().astype(np.uint64)


def _asking(task: TableTask[Settings], bundle: Bundle) -> Callable[[pd.DataFrame], pd.DataFrame]:
    config, model = trained_settings(bundle, task.spec.settings, task.spec.name), open_model(bundle)
    return lambda rows: task.predictions(config, model, rows)


def _answers(task: TableTask[Any], answers: pd.DataFrame, rows: pd.DataFrame) -> _Answers:
    score = answers[task.score_column].to_numpy(dtype=np.float64)
    became = rows[task.target].to_numpy(dtype=np.float64)
    if task.is_class:
        loss = -np.log(np.maximum(np.where(became == 1, score, 1 - score), _LEAST_CHANCE))
        yes = answers["prediction"].to_numpy(dtype=object) == getattr(task, "yes", 1)
        return _Answers(score, loss, yes, yes & (became == 0))
    loss = np.abs(score - became)
    return _Answers(score, loss, np.ones(len(rows), dtype=np.bool_), loss > _FAR_OFF * np.abs(became))


def _segments(task: TableTask[Any], rows: pd.DataFrame, score: NDArray[np.float64]) -> dict[str, NDArray[np.object_]]:
    """Return the declared groups, and thirds of what the live bundle says."""
    found = {name: rows[name].astype(str).to_numpy(dtype=object) for name in task.coarse_groups if name in rows}
    rank = score.argsort(kind="stable").argsort(kind="stable")
    thirds = np.array(["low", "middle", "high"], dtype=object)[3 * rank // len(rank)]
    return {**found, "live score": thirds}


def _inputs(bundle: Bundle) -> list[str]:
    profile = bundle_profile(bundle)
    return sorted({*profile.numbers, *profile.categories})
