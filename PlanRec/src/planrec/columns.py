"""Names of the columns of the usage-month table, the one form every reader gives and every later step takes.

One row per subscriber and month, sorted by subscriber, then month.
"""

from __future__ import annotations

__all__ = [
    "AGE",
    "CONTACT",
    "CONTRACT_LEFT",
    "CURRENT_PLAN",
    "DECISION",
    "DECISION_REASONS",
    "KEY",
    "MEGABYTES",
    "MESSAGES",
    "MINUTES",
    "MONTH",
    "OPTIONAL",
    "PARTIAL",
    "REQUIRED",
    "SUBSCRIBER",
    "TENURE",
    "USAGE",
]

SUBSCRIBER = "subscriber_id"  # text
MONTH = "month"  # text, YYYY-MM
MINUTES = "minutes"  # float; whole where the rate card rounds each call up
MESSAGES = "messages"  # float
MEGABYTES = "megabytes"  # float
CURRENT_PLAN = "current_plan"  # text: the plan held during that month; missing where unknown
DECISION = "decision"  # text: why a plan decision was taken at the start of that month; missing where none was
AGE = "age"  # float, years
TENURE = "tenure_months"  # float; whole months since the first one, which has 0
CONTRACT_LEFT = "contract_months_left"  # float; months the plan binds beyond that month; 0: free to leave at its end
PARTIAL = "partial"  # bool: the subscriber was not yet there on some days of that month

KEY = (SUBSCRIBER, MONTH)
USAGE = (MINUTES, MESSAGES, MEGABYTES)
REQUIRED = (*KEY, *USAGE)
OPTIONAL = (CURRENT_PLAN, DECISION, AGE, TENURE, CONTRACT_LEFT, PARTIAL)

CONTACT = "contact"  # decision: an offer was answered, so the alternatives were that plan and the current one
DECISION_REASONS = ("activation", "contract_end", "bill_shock", "review", CONTACT)
