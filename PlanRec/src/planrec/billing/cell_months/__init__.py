"""Usage months as cells: sums by class, place, band and increment, which price order-free plans of a full card."""

from __future__ import annotations

from planrec.billing.cell_months.bills import (
    CellBills,
    bill_cells,
    bill_cells_on_every_plan,
    cell_reasons,
)
from planrec.billing.cell_months.own_months import (
    MonthBills,
    OwnMonths,
    bill_months,
    multiplied_months,
    own_months,
    scaled_months,
)
from planrec.billing.cell_months.plans import CellPlans, cell_plans, load_cell_plans
from planrec.billing.cell_months.scheme import CellScheme, Increment, scheme_of
from planrec.billing.cell_months.table import CellMonths, cell_codes, count_cells

__all__ = [
    "CellBills",
    "CellMonths",
    "CellPlans",
    "CellScheme",
    "Increment",
    "MonthBills",
    "OwnMonths",
    "bill_cells",
    "bill_cells_on_every_plan",
    "bill_months",
    "cell_codes",
    "cell_plans",
    "cell_reasons",
    "count_cells",
    "load_cell_plans",
    "multiplied_months",
    "own_months",
    "scaled_months",
    "scheme_of",
]
