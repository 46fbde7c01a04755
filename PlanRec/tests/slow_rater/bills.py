"""One bill from the exact amounts of a period: fees, discounts, rounding, minimum, tax, instalments, early end."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from fractions import Fraction

from slow_rater.month import Subscription
from slow_rater.notation import Case, as_list, half_up, months_later, yes

__all__ = ["finished", "lines_of"]


def finished(case: Case, line: Subscription, i: int, extra: dict[str, Fraction]) -> dict[str, int]:  # noqa: C901 - the format's sentences in their order
    """Return the rounded items of one bill."""
    tree, told = case.tree, line.told
    plan = tree["plans"][line.plan_of[i]]
    start, end = case.bill[i], case.periods.next(case.bill[i])
    number = case.periods.count(case.periods.first(line.first), start) + 1 if line.first else None
    bill = line.bills[i]
    assert bill is not None
    exact: dict[str, Fraction] = defaultdict(Fraction, bill["exact"])
    for item, amount in extra.items():
        exact[item] += amount
    if number == 1:
        exact["activation"] += Fraction(plan.get("activation", 0))
    fee = Fraction(plan.get("fee", 0))
    for change in sorted(plan.get("fee_changes") or [], key=lambda c: case.periods.parse(str(c["from_period"]))):
        if case.periods.parse(str(change["from_period"])) <= start:
            fee = Fraction(change["fee"])
    length = (end - start).days
    days = length
    if yes(plan.get("prorate_first")) and line.first and line.first > start:
        days -= (line.first - start).days
    if yes(plan.get("prorate_last")) and line.last and line.last < end - timedelta(days=1):
        days -= (end - timedelta(days=1) - line.last).days
    fee_item = plan.get("fee_item", "fee")
    exact[fee_item] += fee * days / length
    option_items = {
        f"option {case.options[o]['name']}": Fraction(case.options[o].get("fee", 0)) * line.number_of(o, i)
        for o in line.options_in(i)
    }
    for item, amount in option_items.items():
        exact[item] += amount
    before = dict(exact)

    def amount_of(name: str) -> Fraction:
        if name == "options":
            return sum(option_items.values(), Fraction(0))
        return before.get(fee_item if name == "fee" else name, Fraction(0))

    for d in plan.get("discounts") or []:
        if "first_periods" in d and (number is None or number > int(d["first_periods"])):
            continue
        if "after_periods" in d and (number is None or number <= int(d["after_periods"])):
            continue
        if "needs" in d and not yes(told.get(d["needs"])):
            continue
        off = Fraction(d.get("cents", 0))
        base = sum((amount_of(n) for n in as_list(d.get("of", []))), Fraction(0))
        off += base * Fraction(d.get("percent", 0)) / 100
        steps = d.get("steps") or []
        if yes(d.get("of_all")):
            reached = [Fraction(percent) for above, percent in steps if base > Fraction(above)]
            off, steps = off + base * (reached[-1] if reached else 0) / 100, []
        for n, (above, percent) in enumerate(steps):
            top = min(base, Fraction(steps[n + 1][0])) if n + 1 < len(steps) else base
            off += max(top - Fraction(above), Fraction(0)) * Fraction(percent) / 100
        exact[d["item"]] -= off
    items = {item: half_up(amount) for item, amount in exact.items()}
    least = plan.get("minimum_spend")
    if least:
        names = {fee_item if n == "fee" else n for n in as_list(least["counts"])}
        names |= set(option_items) if "options" in names else set()
        missing = int(least["cents"]) - sum(items.get(n, 0) for n in names)
        items["minimum spend top-up"] = max(missing, 0)
    tax = tree.get("tax") or {"prices": "included"}
    if tax["prices"] == "excluded":
        items["tax"] = half_up(sum(items.values()) * Fraction(tax["percent"]) / 100)
    leaves = line.last is not None and start <= line.last < end
    device = told.get("device")
    if device:
        n = number if number is not None else case.periods.count(case.bill[0], start) + 1
        if n <= int(device["instalments"]):
            items["device instalment"] = int(device["cents"])
        if leaves and n < int(device["instalments"]):
            items["device rest"] = (int(device["instalments"]) - n) * int(device["cents"])
    term = plan.get("minimum_term")
    if term and leaves and line.first and line.last:
        term_end = months_later(line.first, int(term["months"])) - timedelta(days=1)
        if line.last < term_end:
            left = case.periods.count(start, case.periods.first(term_end))
            due = fee * Fraction(term["percent_of_remaining_fees"]) / 100 * max(left, 0)
            due = min(due, Fraction(term["max"])) if "max" in term else due
            items[term["item"]] = items.get(term["item"], 0) + half_up(due)
    return items


def lines_of(
    case: Case, line: Subscription, bills: list[dict[str, int] | None], choice: str | None
) -> list[tuple[str, ...]]:
    out: list[tuple[str, ...]] = []
    for i, bill in enumerate(bills):
        if bill is None:
            continue
        if choice is not None:
            out.append((line.name, case.names[i], "choice", choice, "0"))
            choice = None
        out += [(line.name, case.names[i], item, "", str(cents)) for item, cents in bill.items() if cents]
        month = line.bills[i] if line.bills else None
        if month and month["throttled"]:
            mb = month["throttled"]
            micro = int(mb * 10**6)
            text = f"{micro // 10**6}.{micro % 10**6:06d}".rstrip("0").rstrip(".")
            out.append((line.name, case.names[i], "info throttled MB", text, "0"))
        out.append((line.name, case.names[i], "total", "", str(sum(bill.values()))))
    return out
