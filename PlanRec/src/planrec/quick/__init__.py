"""One record answered in microseconds: choice and advice restated for speed, behind a fence.

Each part restates something that stands elsewhere, which says what the answer is; a test holds the two equal to the
last bit, and constants are imported from there. Only the service and the benchmarks import this package. Where a sum
has to have the same bits in another order, it is one of whole numbers, or of multiples of one power of two.

- `choice.RowChoice` restates `planrec.bundle.NextChoice`: `tests/quick/test_choice.py`.
- `row_bills.RowBills` restates `planrec.decisions.alternative_features`: `tests/quick/test_row_bills.py`.
- `plan_trees.PlanTrees` restates `planrec.decisions.choice_sets.tree_rows`: `tests/quick/test_plan_trees.py`.
- `advice.RowAdviser` restates `planrec.advice.recommend_subscriber`: `tests/quick/test_advice.py`.
- `offers.RowOffers` restates what `planrec.advice.Engine.offer` weighs: `tests/quick/test_offers.py`.
- `usage_ahead.RowForecast` restates `planrec.outlook.UsageForecast.scenarios`: `tests/quick/test_usage_ahead.py`.
- `rated_months.RatedMonths` restates `planrec.outlook.bill_outlook` and `planrec.advice.reasons.line_item_means`:
  `tests/quick/test_rated_months.py`.
- `cases.AdviceCases` restates `planrec.rules.apply_rules`, and so does `OfferCases`, by asking it once for each case:
  `tests/quick/test_cases.py`.
"""

from __future__ import annotations

from planrec.quick.advice import RowAdviser
from planrec.quick.choice import RowChoice

__all__ = ["RowAdviser", "RowChoice"]
