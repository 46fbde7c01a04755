"""Bills of usage months as cells on every plan of a full card that cells price, as one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from planrec.batch.answers import bill_schema
from planrec.batch.arrow_columns import text_column
from planrec.billing.cell_months import CellBills, CellMonths

__all__ = ["cell_bill_table"]


def cell_bill_table(cells: CellMonths, bills: Mapping[str, CellBills]) -> tuple[Any, int]:
    """Return the bills of the months of a table, one row a subscriber, month and plan.

    Parameters
    ----------
    cells : CellMonths
        A month without use has no row and no bill, as in tables of minutes, messages and megabytes.
    bills : mapping of str to CellBills
        By plan, on all subscribers and periods of the cells.

    Returns
    -------
    pyarrow.Table
        Of `bill_schema` with all line items of the plans; 0 where a plan has no such item.
    int
        Rows left out, because a plan does not sell what was used in the month.
    """
    names = {item: None for found in bills.values() for item in found.book.items}
    periods = {name: j for j, name in enumerate(sorted(cells.periods))}
    place = np.array([periods[name] for name in cells.periods], dtype=np.int64)
    known = np.unique(cells.subscriber * len(periods) + place[cells.period])
    amounts = np.zeros((len(known), len(bills), 1 + len(names)), dtype=np.int64)
    sold = np.ones((len(known), len(bills)), dtype=bool)
    for k, found in enumerate(bills.values()):
        amounts[:, k, 0] = found.book.totals.reshape(-1)[known]
        sold[:, k] = ~found.unsold.reshape(-1)[known]
        for i, item in enumerate(names):
            if item in found.book.items:
                amounts[:, k, 1 + i] = found.book.items[item].reshape(-1)[known]
    row, plan = np.nonzero(sold)
    who, when = np.divmod(known[row], len(periods))
    columns = [
        text_column(who, cells.subscribers),
        text_column(when, list(periods)),
        text_column(plan, list(bills)),
        *(pa.array(amounts[row, plan, i]) for i in range(1 + len(names))),
    ]
    return pa.table(columns, schema=bill_schema(names)), int((~sold).sum())
