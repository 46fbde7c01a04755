"""A second rater for the tests: the format's sentences one after another, event by event, in exact fractions.

It reads cases in the neutral notation (mappings of text) and knows nothing of the product: a test reads its imports.
It is long because it is one text, read from top to bottom beside the format, and shares nothing with the product.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from math import ceil, floor
from typing import Any
from zoneinfo import ZoneInfo

__all__ = ["InvalidCaseError", "slow_bills"]

Row = dict[str, Any]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class InvalidCaseError(Exception):
    """The case cannot be billed."""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _yes(value: Any) -> bool:
    return value in (True, "true")


def _half_up(x: Fraction) -> int:
    return -_half_up(-x) if x < 0 else floor(x + Fraction(1, 2))


def _day(text: Any) -> date:
    return text if isinstance(text, date) else date.fromisoformat(str(text))


def _months_later(day: date, months: int) -> date:
    m = day.year * 12 + day.month - 1 + months
    year, month = divmod(m, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


class Periods:
    """First day and name of periods; a period is known by its first day."""

    def __init__(self, spec: Row | None) -> None:
        self.spec = spec or {"kind": "calendar_month"}

    def first(self, day: date) -> date:
        kind = self.spec["kind"]
        if kind == "calendar_month":
            return day.replace(day=1)
        if kind == "days":
            start, length = _day(self.spec["first_day"]), int(self.spec["length"])
            return start + timedelta(days=(day - start).days // length * length)
        begin = self._anniversary(day.year, day.month)
        if day >= begin:
            return begin
        before = day.replace(day=1) - timedelta(days=1)
        return self._anniversary(before.year, before.month)

    def _anniversary(self, year: int, month: int) -> date:
        return date(year, month, min(int(self.spec["day"]), calendar.monthrange(year, month)[1]))

    def next(self, first: date) -> date:
        if self.spec["kind"] == "days":
            return first + timedelta(days=int(self.spec["length"]))
        after = _months_later(first.replace(day=1), 1)
        return after if self.spec["kind"] == "calendar_month" else self._anniversary(after.year, after.month)

    def count(self, start: date, end: date) -> int:
        """Return how many periods lie from the one that begins on `start` to the one that begins on `end`."""
        steps = 0
        while start < end:
            start, steps = self.next(start), steps + 1
        while start > end:
            start, steps = self.first(start - timedelta(days=1)), steps - 1
        return steps

    def parse(self, name: str) -> date:
        return _day(name + "-01") if self.spec["kind"] == "calendar_month" else _day(name)


class Event:
    """One event with its local time."""

    def __init__(self, row: Row, zone: ZoneInfo) -> None:
        self.row, self.id, self.who, self.kind = row, row["event"], row["subscriber"], row["kind"]
        at = datetime.fromisoformat(row["start"])
        self.instant = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=zone, fold=0).astimezone(UTC)
        self.local = self.instant.astimezone(zone)
        self.day = self.local.date()
        self.to, self.at = row.get("to") or "", row.get("at") or "home"
        self.quantity = Fraction(1)
        if self.kind in ("call", "call_in"):
            self.quantity = Fraction(int(row["seconds"]))
        elif self.kind == "data":
            self.quantity = Fraction(row["mb"])


class Case:
    """What all subscribers share."""

    def __init__(self, tree: Row) -> None:
        self.tree = tree
        self.zone = ZoneInfo(tree["timezone"])
        self.periods = Periods(tree.get("period"))
        self.bill = [self.periods.parse(str(name)) for name in tree["bill"]]
        self.names = [str(name) for name in tree["bill"]]
        self.bands = tree.get("bands") or {}
        self.rounding = tree.get("rounding") or {"each": "item"}
        self.options = tree.get("options") or {}

    def in_band(self, band: str, local: datetime) -> bool:
        clock = local.strftime("%H:%M")
        return any(DAYS[local.weekday()] in _list(w["days"]) and w["from"] <= clock < w["to"] for w in self.bands[band])

    def fits(self, row: Row, kind: str, to: str, place: str, local: datetime) -> bool:
        return (
            kind in _list(row["kind"])
            and ("to" not in row or to in _list(row["to"]))
            and place in _list(row.get("at", ["home"]))
            and ("when" not in row or self.in_band(row["when"], local))
        )

    def charge_rounded(self, x: Fraction) -> Fraction:
        if self.rounding["each"] != "event":
            return x
        to = Fraction(self.rounding.get("to", "1"))
        units = x / to
        return to * (ceil(units) if self.rounding["how"] == "up" else _half_up(units))


class Subscription:
    """One subscriber on plans and options, from the first listed period on."""

    def __init__(self, case: Case, name: str, told: Row, plan_of: list[str], options: list[str]) -> None:
        self.case, self.name, self.told, self.plan_of = case, name, told, plan_of
        self.options = options
        self.first = _day(told["from"]) if told.get("from") else None
        self.last = _day(told["to"]) if told.get("to") else None
        self.carried: dict[Any, Fraction] = defaultdict(Fraction)
        self.running: dict[Any, Any] = {}
        self.day_used: dict[Any, Fraction] = defaultdict(Fraction)
        self.bank_used: dict[Any, Fraction] = defaultdict(Fraction)
        self.pooled: dict[int, Fraction] = defaultdict(Fraction)
        self.segment = 0
        self.bills: list[dict[str, Any] | None] = []

    def there(self, i: int) -> bool:
        start, end = self.case.bill[i], self.case.periods.next(self.case.bill[i])
        return (self.first is None or self.first < end) and (self.last is None or self.last >= start)

    def rows(self, part: str, i: int, options_first: bool) -> list[tuple[Any, Row]]:
        plan = self.case.tree["plans"][self.plan_of[i]]
        own = [(("plan", self.segment, part, n), r) for n, r in enumerate(plan.get(part) or [])]
        held = [
            (("option", o, part, n), r)
            for o in self.options
            for n, r in enumerate(self.case.options[o].get(part) or [])
        ]
        return held + own if options_first else own + held

    def run(self, events: list[Event]) -> None:
        for i, start in enumerate(self.case.bill):
            if i and self.plan_of[i] != self.plan_of[i - 1]:
                self.segment = i
                self.carried = defaultdict(Fraction, {k: v for k, v in self.carried.items() if k[0] == "option"})
            if not self.there(i):
                self.bills.append(None)
                self.carried.clear()
                continue
            end = self.case.periods.next(start)
            mine = [e for e in events if start <= e.day < end and e.quantity > 0]
            mine = [
                e for e in mine if (not self.first or e.day >= self.first) and (not self.last or e.day <= self.last)
            ]
            Month(self, i).run(mine)


class Month:
    """One subscriber in one period."""

    def __init__(self, line: Subscription, i: int) -> None:
        self.line, self.case, self.i = line, line.case, i
        self.rates, self.passes = line.rows("rates", i, True), line.rows("passes", i, True)
        self.caps = [row for _, row in line.rows("caps", i, True)]
        self.allowances = line.rows("allowances", i, False)
        self.exact: dict[str, Fraction] = defaultdict(Fraction)
        self.counted = [Fraction(0)] * len(self.caps)
        self.used: dict[Any, Fraction] = defaultdict(Fraction)
        self.bought: dict[Any, int] = defaultdict(int)
        self.within: dict[Any, Fraction] = defaultdict(Fraction)
        self.left_over: dict[Any, Fraction] = defaultdict(Fraction)
        self.day_left: dict[Any, Fraction] = {}
        self.throttled = Fraction(0)

    def run(self, events: list[Event]) -> None:
        for event in events:
            self.event(event)
        for key, rate in self.rates:
            self.end_of_period(key, rate)
        for key, row in self.allowances:
            self.roll(key, row)
        self.line.bills.append({"exact": dict(self.exact), "throttled": self.throttled})

    # Money

    def charge(self, item: str, amount: Fraction) -> None:
        amount = self.case.charge_rounded(amount)
        mine = [c for c, cap in enumerate(self.caps) if item in _list(cap["items"])]
        for c in mine:
            amount = min(amount, Fraction(self.caps[c]["amount"]) - self.counted[c])
        for c in mine:
            self.counted[c] += amount
        self.exact[item] += amount

    def refusing(self) -> set[str]:
        found: set[str] = set()
        for cap, counted in zip(self.caps, self.counted, strict=True):
            if cap["mode"] == "refuse" and counted >= Fraction(cap["amount"]):
                found |= set(_list(cap["items"]))
        return found

    # Events

    def event(self, e: Event) -> None:  # noqa: C901 - the format's sentences in their order
        refusing = self.refusing()
        place, purchase = e.at, None
        for key, row in self.passes:
            kinds = _list(row.get("kinds", ["call", "call_in", "sms", "data"]))
            if e.at in _list(row["at"]) and e.kind in kinds:
                place = row["treat_as"]
                if not self.runs(key, row, e):
                    pays = "max_per_period" not in row or self.bought[key] < int(row["max_per_period"])
                    if pays and row["item"] in refusing:
                        return
                    purchase = (key, row, pays)
                break
        rate = next(((k, r) for k, r in self.rates if self.case.fits(r, e.kind, e.to, place, e.local)), None)
        billed = self.billed(rate[1] if rate else None, e)
        pooled = "pool" in self.case.tree and e.kind == "data" and place == "home"
        takes = [] if pooled or (e.kind == "call_in" and rate is None) else self.takes(e, place, billed)
        covered = billed if pooled else sum((t for _, _, t in takes), Fraction(0))
        left = billed - covered
        if left and rate is not None and self.items_of(rate[1]) & refusing:
            if not covered:
                return
            billed, left = covered, Fraction(0)
        if left and rate is None and e.kind != "call_in":
            raise InvalidCaseError(f"no rate fits {e.id}")
        if purchase:
            self.buy(*purchase, e)
        if pooled:
            self.line.pooled[self.i] += e.quantity
            return
        for key, row, taken in takes:
            self.commit(key, row, taken, e, place)
        if rate is not None:
            self.price(*rate, e, place, billed, left, [row for _, row, _ in takes])

    def items_of(self, rate: Row) -> set[str]:
        items = {rate.get("item")} | {a["item"] for a in rate.get("also") or []}
        for part in (rate, rate.get("ladder") or {}):
            if part.get("beyond"):
                items.add(part["beyond"]["item"])
        return {i for i in items if i}

    def runs(self, key: Any, row: Row, e: Event) -> bool:
        until = self.line.running.get(key)
        if until is None:
            return False
        return e.instant < until if row["lasts"] == "24h" else e.day == until

    def buy(self, key: Any, row: Row, pays: bool, e: Event) -> None:
        self.line.running[key] = e.instant + timedelta(hours=24) if row["lasts"] == "24h" else e.day
        if pays:
            self.bought[key] += 1
            self.charge(row["item"], Fraction(row["fee"]))

    def billed(self, rate: Row | None, e: Event) -> Fraction:
        if e.kind in ("call", "call_in"):
            first, step = (int(rate.get(k, 1)) if rate else 1 for k in ("first", "step"))
            if e.quantity <= first:
                return Fraction(first)
            return first + ceil((e.quantity - first) / step) * Fraction(step)
        if e.kind == "data" and rate and rate.get("rounded") == "session":
            block = Fraction(rate["block_mb"])
            return ceil(e.quantity / block) * block
        return e.quantity

    def units(self, row: Row, value: Any) -> Fraction:
        return Fraction(value) * (60 if row.get("unit") == "minute" or "call" in _list(row["kind"])[0] else 1)

    def takes(self, e: Event, place: str, billed: Fraction) -> list[tuple[Any, Row, Fraction]]:
        found, left = [], billed
        for key, row in self.allowances:
            if not left or not self.case.fits(row, e.kind, e.to, place, e.local):
                continue
            take = left
            if "per_call_max" in row:
                take = min(take, 60 * Fraction(row["per_call_max"]))
            if "per_day_max" in row:
                take = min(take, 60 * Fraction(row["per_day_max"]) - self.line.day_used[key, e.day])
            if row["amount"] != "unlimited":
                take = min(take, self.limit_left(key, row, e))
            if take > 0:
                found.append((key, row, take))
                left -= take
        return found

    def limit_left(self, key: Any, row: Row, e: Event) -> Fraction:
        amount = self.units(row, row["amount"])
        if row.get("per") == "day":
            own = max(amount - self.line.day_used[key, e.day], Fraction(0))
            return own + self.banked(key, row, amount, e.day)
        return amount + self.line.carried[key] - self.used[key]

    def banked(self, key: Any, row: Row, quota: Fraction, day: date) -> Fraction:
        """Return what the bank holds on a day: collected on earlier days of the week, less what was spent."""
        bank = row.get("bank")
        if not bank or DAYS[day.weekday()] not in _list(bank["spent_on"]):
            return Fraction(0)
        begin = self.case.bill[0]
        if self.line.first:
            begin = max(begin, self.line.first)
        if key[0] == "plan":
            begin = max(begin, self.case.bill[self.line.segment])
        total, each = Fraction(0), day - timedelta(days=day.weekday())
        while each < day:
            used = self.line.day_used[key, each]
            total -= max(used - quota, Fraction(0))
            if each >= begin and DAYS[each.weekday()] in _list(bank["collects"]):
                total += quota - min(used, quota)
            each += timedelta(days=1)
        return total - max(self.line.day_used[key, day] - quota, Fraction(0))

    def commit(self, key: Any, row: Row, taken: Fraction, e: Event, place: str) -> None:
        self.used[key] += taken
        self.line.day_used[key, e.day] += taken
        within = row.get("within")
        if within and place in _list(within["at"]):
            before = self.within[key]
            self.within[key] += taken
            limit = Fraction(within["amount"])
            beyond = max(self.within[key] - limit, Fraction(0)) - max(before - limit, Fraction(0))
            self.charge(within["beyond"]["item"], beyond * Fraction(within["beyond"]["per_mb"]))

    def price(
        self, key: Any, rate: Row, e: Event, place: str, billed: Fraction, left: Fraction, takers: list[Row]
    ) -> None:
        if e.kind in ("call", "call_in"):
            self.price_call(rate, e, place, billed, left, takers)
        elif e.kind == "sms" and left:
            self.charge(rate["item"], Fraction(rate["each"]))
        elif left:
            self.price_session(key, rate, e, left)

    def price_call(self, rate: Row, e: Event, place: str, billed: Fraction, left: Fraction, takers: list[Row]) -> None:
        step = int(rate.get("step", 1))
        last = int(min(ceil(left / step) * Fraction(step), billed))
        amount = Fraction(0)
        if all(_yes(row.get("covers_setup", True)) is False for row in takers):
            amount += Fraction(rate.get("setup", 0))
        one_one = int(rate.get("first", 1)) == 1 and step == 1
        if self.case.tree.get("band_rule") == "split" and one_one and "per_minute" in rate:
            for second in range(int(billed) - last, int(billed)):
                local = (e.instant + timedelta(seconds=second)).astimezone(self.case.zone)
                amount += self.second_price(e, place, local)
        elif "per_minute" in rate:
            amount += Fraction(rate["per_minute"]) * last / 60
        elif "per_minute_from_second" in rate:
            slots = [(int(s), Fraction(p)) for s, p in rate["per_minute_from_second"]]
            for n, (start, price) in enumerate(slots):
                end = slots[n + 1][0] if n + 1 < len(slots) else int(billed)
                seconds = max(min(end, int(billed)) - max(start, int(billed) - last), 0)
                amount += price * seconds / 60
        if left:
            amount = max(amount, Fraction(rate.get("minimum", 0)))
        self.charge(rate["item"], amount)
        for also in rate.get("also") or []:
            self.charge(
                also["item"], Fraction(also.get("per_call", 0)) + Fraction(also.get("per_minute", 0)) * billed / 60
            )

    def second_price(self, e: Event, place: str, local: datetime) -> Fraction:
        for _, rate in self.rates:
            if self.case.fits(rate, e.kind, e.to, place, local):
                if "per_minute" not in rate or int(rate.get("first", 1)) != 1 or int(rate.get("step", 1)) != 1:
                    break
                return Fraction(rate["per_minute"]) / 60
        raise InvalidCaseError(f"a second of {e.id} has no price")

    def price_session(self, key: Any, rate: Row, e: Event, left: Fraction) -> None:
        if "per_mb" in rate:
            self.charge(rate["item"], left * Fraction(rate["per_mb"]))
        elif _yes(rate.get("throttled")):
            self.throttled += left
        elif rate.get("rounded") == "session":
            self.charge(rate["item"], ceil(left / Fraction(rate["block_mb"])) * Fraction(rate["per_block"]))
        elif "day_fee" in rate:
            if (key, e.day) not in self.day_left:
                self.charge(rate["item"], Fraction(rate["day_fee"]))
            before = self.day_left.get((key, e.day), Fraction(0))
            self.day_left[key, e.day] = before + left
            if rate.get("beyond"):
                limit = Fraction(rate.get("includes_mb", 0))
                over = max(before + left - limit, Fraction(0)) - max(before - limit, Fraction(0))
                self.charge(rate["beyond"]["item"], over * Fraction(rate["beyond"]["per_mb"]))
        else:
            self.left_over[key] += left

    def end_of_period(self, key: Any, rate: Row) -> None:
        if rate.get("rounded") == "period":
            blocks = ceil(self.left_over[key] / Fraction(rate["block_mb"]))
            self.charge(rate["item"], blocks * Fraction(rate["per_block"]))
        ladder = rate.get("ladder")
        if ladder:
            if "pool" in self.case.tree and _list(rate.get("at", "home")) == ["home"]:
                return
            total = self.left_over[key]
            fee = next((Fraction(f) for limit, f in ladder["steps"] if total <= Fraction(limit)), None)
            top, highest = Fraction(ladder["steps"][-1][0]), Fraction(ladder["steps"][-1][1])
            self.charge(rate["item"], highest if fee is None else fee)
            if fee is None and ladder.get("beyond"):
                b = ladder["beyond"]
                self.charge(b["item"], ceil((total - top) / Fraction(b["block_mb"])) * Fraction(b["per_block"]))

    def roll(self, key: Any, row: Row) -> None:
        rule = row.get("rollover")
        if not rule:
            return
        amount, carried, used = self.units(row, row["amount"]), self.line.carried[key], self.used[key]
        if rule["used"] == "first":
            own_left, carried_left = amount - max(used - carried, 0), max(carried - used, Fraction(0))
        else:
            own_left, carried_left = max(amount - used, Fraction(0)), carried - max(used - amount, 0)
        left = own_left + (carried_left if rule["lasts"] == "forever" else 0)
        self.line.carried[key] = min(left, self.units(row, rule["max"])) if "max" in rule else left


# Bills


def _finish(case: Case, line: Subscription, i: int, extra: dict[str, Fraction]) -> dict[str, int]:  # noqa: C901 - the format's sentences in their order
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
    if _yes(plan.get("prorate_first")) and line.first and line.first > start:
        days -= (line.first - start).days
    if _yes(plan.get("prorate_last")) and line.last and line.last < end - timedelta(days=1):
        days -= (end - timedelta(days=1) - line.last).days
    fee_item = plan.get("fee_item", "fee")
    exact[fee_item] += fee * days / length
    option_items = {f"option {case.options[o]['name']}": Fraction(case.options[o].get("fee", 0)) for o in line.options}
    for item, amount in option_items.items():
        exact[item] += amount
    before = dict(exact)

    def amount_of(name: str) -> Fraction:
        return sum(option_items.values(), Fraction(0)) if name == "options" else before.get(name, Fraction(0))

    for d in plan.get("discounts") or []:
        if "first_periods" in d and (number is None or number > int(d["first_periods"])):
            continue
        if "after_periods" in d and (number is None or number <= int(d["after_periods"])):
            continue
        if "needs" in d and not _yes(told.get(d["needs"])):
            continue
        off = Fraction(d.get("cents", 0))
        base = sum((amount_of(n) for n in _list(d.get("of", []))), Fraction(0))
        off += base * Fraction(d.get("percent", 0)) / 100
        steps = d.get("steps") or []
        for n, (above, percent) in enumerate(steps):
            top = min(base, Fraction(steps[n + 1][0])) if n + 1 < len(steps) else base
            off += max(top - Fraction(above), Fraction(0)) * Fraction(percent) / 100
        exact[d["item"]] -= off
    items = {item: _half_up(amount) for item, amount in exact.items()}
    least = plan.get("minimum_spend")
    if least:
        names = set(_list(least["counts"]))
        names |= set(option_items) if "options" in names else set()
        missing = int(least["cents"]) - sum(items.get(n, 0) for n in names)
        items["minimum spend top-up"] = max(missing, 0)
    tax = tree.get("tax") or {"prices": "included"}
    if tax["prices"] == "excluded":
        items["tax"] = _half_up(sum(items.values()) * Fraction(tax["percent"]) / 100)
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
        term_end = _months_later(line.first, int(term["months"])) - timedelta(days=1)
        if line.last < term_end:
            left = case.periods.count(start, case.periods.first(term_end))
            due = fee * Fraction(term["percent_of_remaining_fees"]) / 100 * max(left, 0)
            due = min(due, Fraction(term["max"])) if "max" in term else due
            items[term["item"]] = items.get(term["item"], 0) + _half_up(due)
    return items


def _lines(
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
        return _chosen(case, of)
    if _yes(tree.get("prepaid")):
        out: list[tuple[str, ...]] = []
        for name, told in tree["subscribers"].items():
            out += _prepaid(case, name, told, of[name])
        return out
    lines = []
    for name, told in tree["subscribers"].items():
        held = [o for o in case.options if o in _list(told.get("options") or [])]
        lines.append(Subscription(case, name, told, _plan_of(case, told), held))
        lines[-1].run(of[name])
    out = []
    for line in lines:
        bills = [
            _finish(case, line, i, _pool_items(case, line, lines, i)) if line.bills[i] is not None else None
            for i in range(len(case.bill))
        ]
        out += _lines(case, line, bills, None)
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
        and all(plan in _list(case.options[o].get("only_with", [plan])) for o in held)
        and all(set(_list(case.options[o].get("requires", []))) <= set(held) for o in held)
    )


def _chosen(case: Case, of: dict[str, list[Event]]) -> list[tuple[str, ...]]:
    choose = case.tree["choose"]
    order = _list(choose.get("options") or [])
    out: list[tuple[str, ...]] = []
    for name in [n for n in case.tree["subscribers"] if n in _list(choose["for"])]:
        best: Any = None
        for p, plan in enumerate(_list(choose["plans"])):
            for size in range(len(order) + 1):
                for held in combinations(order, size):
                    if not _permitted(case, plan, held):
                        continue
                    told = case.tree["subscribers"][name]
                    in_card_order = [o for o in case.options if o in held]
                    line = Subscription(case, name, told, [plan] * len(case.bill), in_card_order)
                    line.run(of[name])
                    bills = [
                        _finish(case, line, i, {}) if line.bills[i] is not None else None for i in range(len(case.bill))
                    ]
                    total = sum(sum(b.values()) for b in bills if b is not None)
                    rank = (total, size, p, tuple(order.index(o) for o in held))
                    if best is None or rank < best[0]:
                        best = (rank, line, bills, f"plan={plan} options={'+'.join(held)}")
        out += _lines(case, best[1], best[2], best[3])
    return out


def _prepaid(case: Case, name: str, told: Row, events: list[Event]) -> list[tuple[str, ...]]:  # noqa: C901 - the format's sentences in their order
    plan = case.tree["plans"][told["plan"]]
    line = Subscription(case, name, told, [told["plan"]] * len(case.bill), [])
    pack = plan.get("pack")
    credit, minutes = 0, 0
    until: date | None = None  # first day after the pack
    bills: list[dict[str, int] | None] = [defaultdict(int) if line.there(i) else None for i in range(len(case.bill))]

    def period(day: date) -> int | None:
        if (line.first and day < line.first) or (line.last and day > line.last):
            return None
        found = [i for i, s in enumerate(case.bill) if s <= day < case.periods.next(s)]
        return found[0] if found else None

    def debit(day: date, item: str, cents: int) -> None:
        nonlocal credit
        credit -= cents
        i = period(day)
        if i is not None and bills[i] is not None:
            bills[i][item] += cents  # type: ignore[index]

    def book(day: date) -> None:
        nonlocal until, minutes
        until = None
        if pack and credit >= _half_up(Fraction(pack["price"])):
            debit(day, "pack", _half_up(Fraction(pack["price"])))
            until, minutes = day + timedelta(days=int(pack["days"])), int(pack.get("minutes", 0))

    moments: list[tuple[datetime, int, Any]] = [(e.instant, 2, e) for e in events]
    for t in told.get("topups") or []:
        at = datetime.fromisoformat(t["at"])
        moments.append(((at if at.tzinfo else at.replace(tzinfo=case.zone)).astimezone(UTC), 1, int(t["cents"])))
    moments.sort(key=lambda m: (m[0], m[1]))
    last = case.periods.next(case.bill[-1]) - timedelta(days=1)
    last = min(last, line.last) if line.last else last

    def renewals(up_to: datetime | None) -> None:
        while until is not None and until <= last:
            midnight = datetime(until.year, until.month, until.day, tzinfo=case.zone).astimezone(UTC)
            if up_to is not None and midnight > up_to:
                break
            book(until)

    for at, _, what in moments:
        renewals(at)
        day = at.astimezone(case.zone).date()
        if period(day) is None:
            continue
        if isinstance(what, int):
            credit += what
            if until is None:
                book(day)
        elif what.quantity == 0 or what.kind == "call_in":
            continue
        elif what.kind == "call":
            wanted = ceil(what.quantity / 60)
            if until is not None:
                free = min(wanted, minutes)
                minutes, wanted = minutes - free, wanted - free
            while wanted and _half_up(wanted * Fraction(plan["per_minute"])) > credit:
                wanted -= 1
            debit(day, "calls", _half_up(wanted * Fraction(plan["per_minute"])))
        elif what.kind == "sms":
            price = _half_up(Fraction(plan["per_message"]))
            debit(day, "messages", price if price <= credit else 0)
        elif until is None:
            debit(day, "data", min(_half_up(what.quantity * Fraction(plan["per_mb"])), credit))
    renewals(None)
    return _lines(case, line, bills, None)
