"""Usage months as cells: sums by class, place, band and increment, which price order-free plans of a full card."""

from __future__ import annotations

from planrec.billing.cell_months.bills import (
    CellBills,
    bill_cells,
    bill_cells_on_every_plan,
    cell_reasons,
)
from planrec.billing.cell_months.own_months import (
    CoveredUse,
    MonthBills,
    OwnMonths,
    bill_months,
    multiplied_months,
    own_months,
    plan_sheets,
    scaled_months,
)
from planrec.billing.cell_months.plans import CellPlans, cell_plans, load_cell_plans
from planrec.billing.cell_months.rows import (
    CELL_NUMBERS,
    CELL_TEXTS,
    Texts,
    cells_of_columns,
    slot_column,
)
from planrec.billing.cell_months.scheme import CellScheme, Increment, scheme_of
from planrec.billing.cell_months.table import CellMonths, CellRowError, cell_codes, count_cells

__all__ = [
    "CELL_NUMBERS",
    "CELL_TEXTS",
    "CellBills",
    "CellMonths",
    "CellPlans",
    "CellRowError",
    "CellScheme",
    "CoveredUse",
    "Increment",
    "MonthBills",
    "OwnMonths",
    "Texts",
    "bill_cells",
    "bill_cells_on_every_plan",
    "bill_months",
    "cell_codes",
    "cell_plans",
    "cell_reasons",
    "cells_of_columns",
    "count_cells",
    "load_cell_plans",
    "multiplied_months",
    "own_months",
    "plan_sheets",
    "scaled_months",
    "scheme_of",
    "slot_column",
]
