"""Cells of the subscribers of a piece, month for month beside their minutes, messages and megabytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from common_utils.array_types import IntArray
from planrec.advice import Engine
from planrec.advice.from_cells import CellPricing, billing_periods
from planrec.billing.cell_months import CellMonths, CellPlans, OwnMonths, own_months
from planrec.columns import SUBSCRIBER
from planrec.decisions.rows import latest_months
from planrec.usage.cell_files import CellFile

__all__ = ["CellUse", "PieceCells"]


class _Cells(Protocol):
    def of(self, subscribers: Sequence[str]) -> CellMonths: ...


@dataclass(frozen=True)
class PieceCells:
    """Cells of the subscribers of a piece.

    Attributes
    ----------
    subscribers : tuple of str
        n subscribers.
    periods : int64 array of shape (n, n_months)
        Billing periods of their months known, most recent first; -1 where there is none.
    """

    pricing: CellPricing
    cells: CellMonths
    subscribers: tuple[str, ...]
    periods: IntArray

    def rows(self, part: slice) -> OwnMonths:
        """Return the cells of some of the subscribers."""
        return own_months(self.pricing.plans.card, self.cells, self.subscribers[part], self.periods[part])


@dataclass(frozen=True)
class CellUse:
    """Where cells come from, and what they price.

    Attributes
    ----------
    pricing : CellPricing
    source : object
        Whose `of` returns the cells of subscribers, as `usage.cell_files.CellFile`.
    """

    pricing: CellPricing
    source: _Cells

    @classmethod
    def read(cls, path: Path, plans: CellPlans) -> CellUse:
        """Return what a file of cells prices; its rows are read when they are asked for.

        Raises
        ------
        DataError
            As `CellFile`.
        """
        return cls(CellPricing(plans), CellFile(path, plans.card))

    def engine(self, engine: Engine) -> Engine:
        """Return an engine that also answers on the plans that cells price."""
        return replace(engine, catalogue=self.pricing.plans.wide, cells=self.pricing)

    def of(self, months: pd.DataFrame, last: pd.DataFrame, *, as_of: int, history_months: int) -> PieceCells:
        """Return the cells of a piece.

        Parameters
        ----------
        months : DataFrame
            Usage months, sorted by subscriber and month.
        last : DataFrame
            Rows of `latest_rows` of them, at least one; some may be left out.
        as_of, history_months : int
            As for `latest_rows`.
        """
        ids, known = latest_months(months, as_of=as_of, history_months=history_months)
        rows = np.flatnonzero(np.isin(ids.astype(str), last[SUBSCRIBER].to_numpy().astype(str)))
        names = tuple(map(str, ids[rows]))
        return PieceCells(self.pricing, self.source.of(names), names, billing_periods(known[rows]))
