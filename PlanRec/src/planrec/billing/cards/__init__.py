"""Full rate cards: the schema as written, values as decimals, and who is billed by it."""

from __future__ import annotations

from planrec.billing.cards.accounts import AccountHolder, BillRequest, Choose, Device, PlanChange, TopUp
from planrec.billing.cards.checks import never_held, remarks, with_line
from planrec.billing.cards.load import accounts_lines, load_request, parse_card, parse_request, read_card_tree
from planrec.billing.cards.rows import Allowance, Cap, NotSold, NumbersLimit, Pass, Rate
from planrec.billing.cards.schema import Discount, FullCard, FullPlan, MinimumTerm, Option, Pool
from planrec.billing.cards.short_form import in_full, is_short
from planrec.billing.cards.words import money_text, plan_sentences, rate_words
from planrec.billing.cards.yaml_text import MarkedTree, Tree, read_marked_tree

__all__ = [
    "AccountHolder",
    "Allowance",
    "BillRequest",
    "Cap",
    "Choose",
    "Device",
    "Discount",
    "FullCard",
    "FullPlan",
    "MarkedTree",
    "MinimumTerm",
    "NotSold",
    "NumbersLimit",
    "Option",
    "Pass",
    "PlanChange",
    "Pool",
    "Rate",
    "TopUp",
    "Tree",
    "accounts_lines",
    "in_full",
    "is_short",
    "load_request",
    "money_text",
    "never_held",
    "parse_card",
    "parse_request",
    "plan_sentences",
    "rate_words",
    "read_card_tree",
    "read_marked_tree",
    "remarks",
    "with_line",
]
