"""A second rater for the tests: all bills of a case in the neutral notation; the cheapest plan where one is sought."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import ceil
from typing import Any

from slow_rater.bills import finished, lines_of
from slow_rater.month import Subscription
from slow_rater.notation import Case, Event, Row, as_list, yes
from slow_rater.prepaid import prepaid_lines

__all__ = ["slow_bills"]


def _plan_of(case: Case, told: Row) -> list[str]:
    plans = []
    for start in case.bill:
        plan = told["plan"]
        for change in sorted(told.get("plan_changes") or [], key=lambda c: case.periods.parse(str(c["from_period"]))):
            if case.periods.parse(str(change["from_period"])) <= start:
                plan = change["plan"]
        plans.append(plan)
    return plans


def slow_bills(tree: Row, rows: list[Row]) -> list[tuple[str, ...]]:
    """Return the lines (subscriber, period, item, quantity, cents) of a case."""
    case = Case(tree)
    events = sorted((Event(r, case.zone) for r in rows), key=lambda e: (e.instant, e.id))
    of = {name: [e for e in events if e.who == name] for name in tree["subscribers"]}
    if tree.get("choose"):
        return chosen_lines(case, of)
    if yes(tree.get("prepaid")):
        out: list[tuple[str, ...]] = []
        for name, told in tree["subscribers"].items():
            out += prepaid_lines(case, name, told, of[name])
        return out
    lines = []
    for name, told in tree["subscribers"].items():
        held = [o for o in case.options if o in as_list(told.get("options") or [])]
        lines.append(Subscription(case, name, told, _plan_of(case, told), held))
        lines[-1].run(of[name])
    out = []
    for line in lines:
        bills = [
            finished(case, line, i, _pool_items(case, line, lines, i)) if line.bills[i] is not None else None
            for i in range(len(case.bill))
        ]
        out += lines_of(case, line, bills, None)
    return out


def _pool_items(case: Case, line: Subscription, lines: list[Subscription], i: int) -> dict[str, Fraction]:
    pool = case.tree.get("pool")
    if not pool or pool["payer"] != line.name:
        return {}
    items = {pool.get("item", "pool"): Fraction(pool.get("fee", 0))}
    beyond = sum((x.pooled[i] for x in lines), Fraction(0)) - Fraction(pool["allowance_mb"])
    over = pool.get("over")
    if over and beyond > 0:
        amount = ceil(beyond / Fraction(over["block_mb"])) * Fraction(over["per_block"])
        items[over["item"]] = items.get(over["item"], Fraction(0)) + (
            min(amount, Fraction(over["max"])) if "max" in over else amount
        )
    return items


def _permitted(case: Case, plan: str, held: tuple[str, ...]) -> bool:
    groups = [case.options[o]["group"] for o in held if case.options[o].get("group")]
    return (
        len(groups) == len(set(groups))
        and all(plan in as_list(case.options[o].get("only_with", [plan])) for o in held)
        and all(set(as_list(case.options[o].get("requires", []))) <= set(held) for o in held)
    )


def chosen_lines(case: Case, of: dict[str, list[Event]]) -> list[tuple[str, ...]]:
    choose = case.tree["choose"]
    order = as_list(choose.get("options") or [])
    out: list[tuple[str, ...]] = []
    for name in [n for n in case.tree["subscribers"] if n in as_list(choose["for"])]:
        best: Any = None
        for p, plan in enumerate(as_list(choose["plans"])):
            for size in range(len(order) + 1):
                for held in combinations(order, size):
                    if not _permitted(case, plan, held):
                        continue
                    told = {k: v for k, v in (case.tree["subscribers"][name] or {}).items() if k != "bought"}
                    in_card_order = [o for o in case.options if o in held]
                    line = Subscription(case, name, told, [plan] * len(case.bill), in_card_order)
                    line.run(of[name])
                    bills = [
                        finished(case, line, i, {}) if line.bills[i] is not None else None
                        for i in range(len(case.bill))
                    ]
                    total = sum(sum(b.values()) for b in bills if b is not None)
                    rank = (total, size, p, tuple(order.index(o) for o in held))
                    if best is None or rank < best[0]:
                        best = (rank, line, bills, f"plan={plan} options={'+'.join(held)}")
        out += lines_of(case, best[1], best[2], best[3])
    return out
