"""Names of the columns of the usage-month table, the one form every reader gives and every later step takes.

One row per subscriber and month, sorted by subscriber, then month.
"""

from __future__ import annotations

__all__ = [
    "ACCEPTED",
    "AGE",
    "CONSENT",
    "CONTACT",
    "CONTACTS_90D",
    "CONTRACT_LEFT",
    "CURRENT_PLAN",
    "DECISION",
    "DECISION_REASONS",
    "HOLDOUT",
    "KEY",
    "MEGABYTES",
    "MESSAGES",
    "MINUTES",
    "MONTH",
    "MOST",
    "MOST_USED",
    "OFFERED_PLAN",
    "OPTIONAL",
    "PARTIAL",
    "PROPENSITY",
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

# What the rules of offers ask about; read from a batch file where it has them, and never features.
CONSENT = "consent"  # true, false, empty: whether the subscriber wants offers
CONTACTS_90D = "contacts_90d"  # float: contacts in the 90 days before
HOLDOUT = "holdout"  # true, false, empty: whether the subscriber is in the permanent hold-out

MOST = {AGE: 130, TENURE: 1200, CONTRACT_LEFT: 120, CONTACTS_90D: 10_000}
"""The largest value of a fact, in files and in requests: years, months, months, contacts. A larger one is a slip."""
MOST_USED = {MINUTES: 31 * 24 * 60, MESSAGES: 1_000_000, MEGABYTES: 100_000_000}
"""The most one subscriber can use in a month: its minutes, a million messages, 100 TB. More is in another unit."""

# The campaign's log has these beside subscriber, month, plan held, hold-out and contacts.
OFFERED_PLAN = "offered_plan"  # text: missing where nothing was offered
PROPENSITY = "propensity"  # float in (0, 1]: the chance with which that plan was offered
ACCEPTED = "accepted"  # bool

KEY = (SUBSCRIBER, MONTH)
USAGE = (MINUTES, MESSAGES, MEGABYTES)
REQUIRED = (*KEY, *USAGE)
OPTIONAL = (CURRENT_PLAN, DECISION, AGE, TENURE, CONTRACT_LEFT, PARTIAL)

CONTACT = "contact"  # decision: an offer was answered, so the alternatives were that plan and the current one
DECISION_REASONS = ("activation", "contract_end", "bill_shock", "review", CONTACT)
