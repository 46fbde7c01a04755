"""Usage months as cells: sums by class, place, band and increment, which price order-free plans of a full card."""

from __future__ import annotations

from planrec.billing.cell_months.bills import (
    CellBills,
    bill_cells,
    bill_cells_on_every_plan,
    cell_reasons,
    left_out_remark,
)
from planrec.billing.cell_months.scheme import CellScheme, Increment, scheme_of
from planrec.billing.cell_months.table import CellMonths, cell_codes, count_cells

__all__ = [
    "CellBills",
    "CellMonths",
    "CellScheme",
    "Increment",
    "bill_cells",
    "bill_cells_on_every_plan",
    "cell_codes",
    "cell_reasons",
    "count_cells",
    "left_out_remark",
    "scheme_of",
]
