"""One record answered in microseconds: choice and advice restated for speed, behind a fence.

Each part restates something that stands elsewhere, which says what the answer is; a test holds the two equal to the
last bit, and constants are imported from there. Only the service and the benchmarks import this package.

- `choice.RowChoice` restates `planrec.bundle.NextChoice`: `tests/quick/test_choice.py`.
- `row_bills.RowBills` restates `planrec.decisions.alternative_features`: `tests/quick/test_row_bills.py`.
- `plan_trees.PlanTrees` restates `planrec.decisions.choice_sets.tree_rows`: `tests/quick/test_plan_trees.py`.
- `advice.RowAdviser` restates `planrec.advice.recommend_subscriber`, and with it `planrec.outlook.UsageForecast`,
  `planrec.rules.apply_rules` and `planrec.advice.reasons`: `tests/quick/test_advice.py`.
"""

from __future__ import annotations

from planrec.quick.advice import RowAdviser
from planrec.quick.choice import RowChoice

__all__ = ["RowAdviser", "RowChoice"]
