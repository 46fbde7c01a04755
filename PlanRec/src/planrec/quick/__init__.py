"""One record answered in microseconds: rating, features and advice restated for speed, behind a fence.

Each part restates something that stands elsewhere, which says what the answer is; a test holds the two equal to the
last bit, and constants are imported from there. Only the service and the benchmarks import this package.

- `features.RowFeatures` restates `planrec.decisions.DecisionMatrix`: `tests/quick/test_features.py`.
- `packed_rates.PackedRates` restates `planrec.billing.bill_totals`: `tests/quick/test_packed_rates.py`.
- `advice.RowAdviser` restates `planrec.advice.recommend_subscriber`, and with it `planrec.outlook.UsageForecast`,
  `planrec.rules.apply_rules` and `planrec.advice.reasons`: `tests/quick/test_advice.py`.
"""

from __future__ import annotations

from planrec.quick.advice import RowAdviser
from planrec.quick.features import RowFeatures

__all__ = ["RowAdviser", "RowFeatures"]
