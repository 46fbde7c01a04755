"""An allowance is one running sum clipped at its limits: held against a loop over the events on random sequences."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import numpy as np

from planrec.billing.cards import Allowance, parse_card, parse_request
from planrec.billing.rating import accounts_of
from planrec.billing.rating.allowances import Asked, take
from planrec.billing.rating.holdings import AccountPeriods
from planrec.billing.rating.sheet import CardRow, Owner

DAYS = 5
Use = tuple[int, int, str, int]  # account in a period, day, class, seconds


def _accounts() -> AccountPeriods:
    tree: Any = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [{"plan_id": "p"}]}
    subscribers: Any = {"A": {"plan": "p"}, "B": {"plan": "p"}}
    request = parse_request({"bill": ["2025-03", "2025-04"], "subscribers": subscribers}, "request")
    return accounts_of(parse_card(tree, "card"), request)


def _drawn(dice: random.Random) -> tuple[list[Allowance], list[Use]]:
    rows: list[Allowance] = []
    for _ in range(4):
        row: dict[str, Any] = {"kind": "call", "unit": "minute", "amount": dice.choice(["unlimited", "1", "2.5", "10"])}
        row["to"] = dice.sample(["fixed", "mobile", "intl"], dice.randint(1, 3))
        if dice.random() < 0.4:
            row["per_call_max"] = dice.choice(["0.5", "2"])
        if dice.random() < 0.4:
            row["per_day_max"] = dice.choice(["1", "3"])
        if dice.random() < 0.3:
            row["per"] = "day"
        rows.append(Allowance.model_validate(row))
    uses = [
        (dice.randrange(4), dice.randrange(DAYS), dice.choice(["fixed", "mobile", "intl"]), dice.randint(1, 200))
        for _ in range(dice.randint(1, 20))
    ]
    return rows, sorted(uses, key=lambda use: use[:2])


def _by_loop(rows: list[Allowance], uses: list[Use]) -> list[list[int]]:
    of_day: defaultdict[tuple[int, int, int], int] = defaultdict(int)
    of_period: defaultdict[tuple[int, int], int] = defaultdict(int)
    taken: list[list[int]] = []
    for cell, day, to, wanted in uses:
        left = wanted
        parts: list[int] = []
        for i, row in enumerate(rows):
            part = left if row.to is not None and to in row.to else 0
            limits: list[Decimal] = []
            if row.per_call_max is not None:
                limits.append(row.per_call_max * 60)
            if row.per_day_max is not None:
                limits.append(row.per_day_max * 60 - of_day[i, cell, day])
            if row.amount != "unlimited":
                used = of_day[i, cell, day] if row.per == "day" else of_period[i, cell]
                limits.append(row.amount * 60 - used)
            part = max(int(min([Decimal(part), *limits])), 0)
            of_day[i, cell, day] += part
            of_period[i, cell] += part
            left -= part
            parts.append(part)
        taken.append(parts)
    return taken


def _by_sums(rows: list[Allowance], uses: list[Use], accounts: AccountPeriods) -> list[list[int]]:
    cell, day = (np.array([use[i] for use in uses], dtype=np.int64) for i in (0, 1))
    left = np.array([use[3] for use in uses], dtype=np.int64)
    taken = np.zeros((len(uses), len(rows)), dtype=np.int64)
    for i, row in enumerate(rows):
        fits = np.flatnonzero([row.to is not None and use[2] in row.to for use in uses])
        card_row = CardRow(Owner(plan=0), f"rows[{i}]", allowance=row)
        taken[fits, i] = take(card_row, 10**6, Asked(left[fits], cell[fits], day[fits]), accounts).amounts
        left -= taken[:, i]
    return taken.tolist()


def test_running_sums_are_the_loop_on_three_thousand_sequences() -> None:
    accounts = _accounts()
    for seed in range(3000):
        rows, uses = _drawn(random.Random(seed))  # noqa: S311 - a seed repeats a sequence
        assert _by_sums(rows, uses, accounts) == _by_loop(rows, uses), seed
