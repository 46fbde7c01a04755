"""Damage to facts of subscribers: the plan held, age, contract, consent, hold-out."""

from __future__ import annotations

import random

from sheets import Case

__all__ = ["odd_answers", "odd_facts", "plans_held"]


def _formats(case: Case, variant: int) -> None:
    case.usage.ending = (".csv", ".parquet", ".csv.gz")[variant % 3]


def plans_held(case: Case, variant: int, rng: random.Random) -> Case:
    """Write plans by name, in other letters, or plans that there are not."""
    odd = ("BASIC-6", "Basic 6", "basic 6", "Basic_6", "gold-99", "basic-7", "NULL", "6", "n/a", "unlimited-5g")[
        variant
    ]
    held = [row for row in case.usage.rows if row["current_plan"] == "basic-6"]
    for row in rng.sample(held, min(len(held), rng.randint(1, 6))):
        case.usage.change(row, "current_plan", odd)
    _formats(case, variant)
    case.stated = variant < 4
    return case


def odd_facts(case: Case, variant: int, rng: random.Random) -> Case:
    """Put impossible values into facts that may be unknown."""
    column, odd = (
        ("age", "999"),
        ("age", "-5"),
        ("age", "NULL"),
        ("age", "forty"),
        ("tenure_months", "-1"),
        ("tenure_months", "n/a"),
        ("contract_months_left", "-3"),
        ("contract_months_left", "none"),
        ("contract_months_left", "1e400"),
        ("age", "3.5.1"),
    )[variant]
    for row in rng.sample(case.usage.rows, rng.randint(1, 5)):
        case.usage.change(row, column, odd)
    _formats(case, variant)
    return case


def odd_answers(case: Case, variant: int, rng: random.Random) -> Case:
    """Put something else than true and false, or counts, into what offers ask for."""
    column, odd = (
        ("consent", "ja"),
        ("consent", "2"),
        ("holdout", "x"),
        ("holdout", "NULL"),
        ("contacts_90d", "-1"),
        ("contacts_90d", "many"),
        ("partial", ""),
        ("partial", "maybe"),
        ("consent", "NULL"),
        ("holdout", "-"),
    )[variant]
    for row in rng.sample(case.usage.rows, rng.randint(1, 5)):
        case.usage.change(row, column, odd)
    _formats(case, variant)
    return case
