"""What each event of a subscriber takes and costs in one period, in exact fractions: before anything is rounded."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import Any

from slow_rater.notation import DAYS, Case, Event, InvalidCaseError, Row, as_list, day_of, yes

__all__ = ["Month", "Subscription"]


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


class Subscription:
    """One subscriber on plans and options, from the first listed period on."""

    def __init__(self, case: Case, name: str, told: Row, plan_of: list[str], options: list[str]) -> None:
        self.case, self.name, self.told, self.plan_of = case, name, told, plan_of
        self.options = options
        self.first = day_of(told["from"]) if told.get("from") else None
        self.last = day_of(told["to"]) if told.get("to") else None
        self.carried: dict[Any, Fraction] = defaultdict(Fraction)
        self.running: dict[Any, Any] = {}
        self.begun = [(b["option"], day_of(b["on"])) for b in told.get("bought") or []]
        self.begun = [
            (o, day + timedelta(days=1) if case.options[o]["starts"] == "next_day" else day) for o, day in self.begun
        ]
        self.week_used: dict[Any, Fraction] = defaultdict(Fraction)
        self.numbers: dict[Any, set[str]] = defaultdict(set)
        self.day_used: dict[Any, Fraction] = defaultdict(Fraction)
        self.bank_used: dict[Any, Fraction] = defaultdict(Fraction)
        self.pooled: dict[int, Fraction] = defaultdict(Fraction)
        self.segment = 0
        self.bills: list[dict[str, Any] | None] = []

    def there(self, i: int) -> bool:
        start, end = self.case.bill[i], self.case.periods.next(self.case.bill[i])
        return (self.first is None or self.first < end) and (self.last is None or self.last >= start)

    def number_of(self, option: str, i: int, until: date | None = None) -> int:
        """Return how many of an option there are in a period, up to a day; one that is held is there once."""
        if option in self.options:
            return 1
        start, end = self.case.bill[i], self.case.periods.next(self.case.bill[i])
        days = [day for o, day in self.begun if o == option and start <= day < end]
        return len([day for day in days if until is None or day <= until])

    def options_in(self, i: int) -> list[str]:
        return [o for o in self.case.options if self.number_of(o, i)]

    def rows(self, part: str, i: int, options_first: bool) -> list[tuple[Any, Row]]:
        plan = self.case.tree["plans"][self.plan_of[i]]
        own = [(("plan", self.segment, part, n), r) for n, r in enumerate(plan.get(part) or [])]
        held = [
            (("option", o, part, n), r)
            for o in self.options_in(i)
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
        self.day_cost: dict[Any, Fraction] = {}
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
        mine = [c for c, cap in enumerate(self.caps) if item in as_list(cap["items"])]
        for c in mine:
            amount = min(amount, Fraction(self.caps[c]["amount"]) - self.counted[c])
        for c in mine:
            self.counted[c] += amount
        self.exact[item] += amount

    def refusing(self) -> set[str]:
        found: set[str] = set()
        for cap, counted in zip(self.caps, self.counted, strict=True):
            if cap["mode"] == "refuse" and counted >= Fraction(cap["amount"]):
                found |= set(as_list(cap["items"]))
        return found

    # Events

    def event(self, e: Event) -> None:  # noqa: C901 - the format's sentences in their order
        refusing = self.refusing()
        place, purchase = e.at, None
        for key, row in self.passes:
            kinds = as_list(row.get("kinds", ["call", "call_in", "sms", "data"]))
            if e.at in as_list(row["at"]) and e.kind in kinds:
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
        return Fraction(value) * (60 if row.get("unit") == "minute" or "call" in as_list(row["kind"])[0] else 1)

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
            if "per_week_max" in row:
                used = self.line.week_used[key, self.i, monday(e.day)]
                take = min(take, 60 * Fraction(row["per_week_max"]) - used)
            if "numbers" in row and not self.number_counts(key, row["numbers"], e):
                continue
            if row["amount"] != "unlimited":
                take = min(take, self.limit_left(key, row, e))
            if take > 0:
                found.append((key, row, take))
                left -= take
        return found

    def number_counts(self, key: Any, rule: Row, e: Event) -> bool:
        """Return whether the number is one of the first of its span; it is from now on, if there is room."""
        span = {"period": self.i, "week": (self.i, monday(e.day)), "day": (self.i, e.day)}[rule["per"]]
        seen = self.line.numbers[key, span]
        if len(seen) < int(rule["most"]):
            seen.add(e.number)
        return e.number in seen

    def limit_left(self, key: Any, row: Row, e: Event) -> Fraction:
        amount = self.units(row, row["amount"])
        if row.get("per") == "day":
            own = max(amount - self.line.day_used[key, e.day], Fraction(0))
            return own + self.banked(key, row, amount, e.day)
        if key[0] == "option":
            amount *= self.line.number_of(key[1], self.i, e.day)
        return amount + self.line.carried[key] - self.used[key]

    def banked(self, key: Any, row: Row, quota: Fraction, day: date) -> Fraction:
        """Return what the bank holds on a day: collected on earlier days of the week, less what was spent."""
        bank = row.get("bank")
        if not bank or DAYS[day.weekday()] not in as_list(bank["spent_on"]):
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
            if each >= begin and DAYS[each.weekday()] in as_list(bank["collects"]):
                total += quota - min(used, quota)
            each += timedelta(days=1)
        return total - max(self.line.day_used[key, day] - quota, Fraction(0))

    def commit(self, key: Any, row: Row, taken: Fraction, e: Event, place: str) -> None:
        self.used[key] += taken
        self.line.day_used[key, e.day] += taken
        self.line.week_used[key, self.i, monday(e.day)] += taken
        within = row.get("within")
        if within and place in as_list(within["at"]):
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
            self.charge(rate.get("item", ""), Fraction(rate["each"]))
        elif left:
            self.price_session(key, rate, e, left)

    def price_call(self, rate: Row, e: Event, place: str, billed: Fraction, left: Fraction, takers: list[Row]) -> None:
        step = int(rate.get("step", 1))
        last = int(min(ceil(left / step) * Fraction(step), billed))
        amount = Fraction(0)
        if all(yes(row.get("covers_setup", True)) is False for row in takers):
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
        self.charge(rate.get("item", ""), amount)
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

    def of_day(self, key: Any, rate: Row, e: Event, amount: Fraction) -> Fraction:
        """Return what a session adds to the price of its day, which is at least the day's minimum."""
        before = self.day_cost.get((key, e.day))
        self.day_cost[key, e.day] = (before or Fraction(0)) + amount
        least = Fraction(rate.get("day_minimum", 0))
        paid = Fraction(0) if before is None else max(before, least)
        return max(self.day_cost[key, e.day], least) - paid

    def price_session(self, key: Any, rate: Row, e: Event, left: Fraction) -> None:
        if "per_mb" in rate:
            self.charge(rate.get("item", ""), self.of_day(key, rate, e, left * Fraction(rate["per_mb"])))
        elif yes(rate.get("throttled")):
            self.throttled += left
        elif rate.get("rounded") == "session":
            amount = ceil(left / Fraction(rate["block_mb"])) * Fraction(rate["per_block"])
            self.charge(rate["item"], self.of_day(key, rate, e, amount))
        elif rate.get("rounded") == "day":
            before, block = self.day_left.get((key, e.day), Fraction(0)), Fraction(rate["block_mb"])
            self.day_left[key, e.day] = before + left
            amount = (ceil((before + left) / block) - ceil(before / block)) * Fraction(rate["per_block"])
            self.charge(rate["item"], self.of_day(key, rate, e, amount))
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
            if "pool" in self.case.tree and as_list(rate.get("at", "home")) == ["home"]:
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
