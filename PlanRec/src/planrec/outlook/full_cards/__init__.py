"""Bills to expect on the plans of a full card: whole past months of each subscriber, scaled and rated."""

from __future__ import annotations

from planrec.outlook.full_cards.drawn_months import DRAWS, Months, drawn_months
from planrec.outlook.full_cards.expected import ExpectedBills, expected_bills
from planrec.outlook.full_cards.past_use import PastUse, past_use

__all__ = ["DRAWS", "ExpectedBills", "Months", "PastUse", "drawn_months", "expected_bills", "past_use"]
