"""Random tariff cases that draw every construct and edge of the neutral notation, and count what they drew.

It is long because every construct of the format has its own small piece here, and only here.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

__all__ = ["CONSTRUCTS", "random_case"]

Row = dict[str, Any]
CLASSES = ["on_net", "off_net", "fixed", "intl", "premium"]
PLACES = ["home", "eu", "world"]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ZONES = ["Europe/Madrid", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
PRICES = ["0", "1", "3.63", "9", "18.15", "0.24", "12.5", "0.007", "60", "150"]
# Every construct that a thousand cases must hold; the count of each is printed by `make tariff-check`.
CONSTRUCTS = [
    "period calendar_month",
    "period days",
    "period anniversary",
    "gap between listed periods",
    "tax excluded",
    "rounding event half_up",
    "rounding event up",
    "rounding to another unit",
    "bands",
    "band_rule split",
    "rate when",
    "increment",
    "setup",
    "slots",
    "minimum",
    "also per_call",
    "also per_minute",
    "call_in rate",
    "per_mb",
    "block session",
    "block period",
    "throttled",
    "day_fee",
    "day_fee beyond",
    "ladder",
    "ladder beyond",
    "allowance unlimited",
    "allowance period",
    "allowance day",
    "covers_setup false",
    "per_call_max",
    "per_day_max",
    "within",
    "rollover first",
    "rollover last",
    "rollover forever",
    "rollover max",
    "bank",
    "pass 24h",
    "pass day",
    "max_per_period",
    "cap free",
    "cap refuse",
    "caps share an item",
    "cap on a pass",
    "fee_item",
    "fee_changes",
    "prorate_first",
    "prorate_last",
    "activation",
    "discount percent",
    "discount cents",
    "discount steps",
    "first_periods",
    "after_periods",
    "needs",
    "minimum_spend",
    "minimum_spend options",
    "minimum_term",
    "device",
    "from",
    "to",
    "plan_changes",
    "option held",
    "option rates",
    "option pass",
    "option cap",
    "option allowance",
    "choose",
    "group",
    "only_with",
    "requires",
    "pool",
    "pool over max",
    "prepaid",
    "pack",
    "topup",
    "no offset",
    "offset of another zone",
    "equal instants",
    "zero quantity",
    "clock change",
    "month end",
]


class Dice:
    """Randomness that remembers what it drew."""

    def __init__(self, seed: int) -> None:
        self.random, self.drawn = random.Random(seed), Counter[str]()  # noqa: S311 - repeatable

    def some(self, chance: float, name: str = "") -> bool:
        hit = self.random.random() < chance
        if hit and name:
            self.drawn[name] += 1
        return hit

    def pick(self, values: list[Any], prefix: str = "") -> Any:
        value = self.random.choice(values)
        if prefix:
            self.drawn[f"{prefix}{value}"] += 1
        return value

    def few(self, values: list[str], least: int = 1) -> list[str]:
        return sorted(self.random.sample(values, self.random.randint(least, len(values))), key=values.index)

    def tick(self, name: str) -> None:
        self.drawn[name] += 1

    def price(self) -> str:
        return (
            self.pick(PRICES) if self.some(0.7) else f"{self.random.randint(0, 300)}.{self.random.randint(0, 99):02d}"
        )


def random_case(seed: int) -> tuple[Row, list[Row], Counter[str]]:  # noqa: C901 - one draw a construct
    """Return a case, its events and what it draws."""
    dice = Dice(seed)
    tree: Row = {"case": f"r{seed}", "operator": "Random", "title": "drawn", "currency": "EUR"}
    tree["timezone"] = dice.pick(ZONES)
    mode = dice.random.choices(["plain", "pool", "prepaid", "choose"], [80, 6, 6, 8])[0]
    starts = _periods(dice, tree, mode)
    if mode == "prepaid":
        dice.tick("prepaid")
        return tree, _prepaid(dice, tree, starts), dice.drawn
    if dice.some(0.2, "tax excluded"):
        tree["tax"] = {"prices": "excluded", "percent": dice.pick(["21", "8.875", "20"])}
    if dice.some(0.35):
        tree["rounding"] = {"each": "event", "how": dice.pick(["half_up", "up"], "rounding event ")}
        if dice.some(0.3, "rounding to another unit"):
            tree["rounding"]["to"] = dice.pick(["0.1", "5", "0.5"])
    split = dice.some(0.15, "band_rule split")
    if split or dice.some(0.5, "bands"):
        tree["bands"] = _bands(dice)
    if split:
        tree["band_rule"] = "split"
    names = ["p0", "p1", "p2"][: 1 + dice.random.randint(0, 2)]
    tree["plans"] = {name: _plan(dice, tree, split, starts) for name in names}
    count = dice.random.choice([0, 0, 1, 2]) if mode != "choose" else dice.random.randint(1, 4)
    tree["options"] = {f"o{i}": _option(dice, tree, split, i, names) for i in range(count)}
    if not tree["options"]:
        del tree["options"]
    if mode == "pool":
        dice.tick("pool")
        tree["pool"] = {
            "payer": "A",
            "fee": dice.price(),
            "item": "pool",
            "allowance_mb": dice.pick(["0", "100", "500"]),
        }
        if dice.some(0.8):
            over = {"item": "beyond pool", "block_mb": dice.pick(["100", "1", "0.5"]), "per_block": dice.price()}
            tree["pool"]["over"] = over
            if dice.some(0.5, "pool over max"):
                over["max"] = dice.pick(["500", "99.5"])
    tree["subscribers"] = {
        name: _subscriber(dice, tree, name, mode, starts) for name in "ABC"[: dice.random.randint(1, 3)]
    }
    if mode == "choose":
        dice.tick("choose")
        tree["choose"] = {"for": list(tree["subscribers"]), "plans": names, "options": list(tree["options"])}
    return tree, _events(dice, tree, starts), dice.drawn


def _periods(dice: Dice, tree: Row, mode: str) -> list[date]:
    kind = "calendar_month" if mode == "prepaid" else dice.pick(["calendar_month", "days", "anniversary"], "period ")
    year, month = dice.pick([2024, 2025]), dice.pick([1, 2, 3, 9, 10, 12])
    count = dice.random.randint(1, 4)
    if kind == "calendar_month":
        starts = [_month(year, month + i) for i in range(count)]
    elif kind == "days":
        length, first = dice.pick([28, 30, 7]), date(year, month, dice.random.randint(1, 28))
        tree["period"] = {"kind": "days", "length": str(length), "first_day": first.isoformat()}
        starts = [first + timedelta(days=length * i) for i in range(count)]
    else:
        day = dice.pick([5, 29, 30, 31])
        tree["period"] = {"kind": "anniversary", "day": str(day)}
        starts = [_anniversary(year, month + i, day) for i in range(count)]
    if len(starts) > 2 and dice.some(0.2, "gap between listed periods"):
        del starts[1]
    tree["bill"] = [s.isoformat()[:7] if kind == "calendar_month" else s.isoformat() for s in starts]
    return starts


def _month(year: int, month: int) -> date:
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _anniversary(year: int, month: int, day: int) -> date:
    first, following = _month(year, month), _month(year, month + 1)
    return min(first + timedelta(days=day - 1), following - timedelta(days=1))


def _bands(dice: Dice) -> Row:
    cut = dice.pick(["07:00", "02:30", "12:00"])
    return {
        "weekend": [{"days": ["sat", "sun"], "from": "00:00", "to": "24:00"}],
        "night": [
            {"days": dice.few(DAYS, 3), "from": "00:00", "to": cut},
            {"days": DAYS, "from": "22:00", "to": "24:00"},
        ],
    }


def _when(dice: Dice, tree: Row, row: Row, chance: float = 0.3) -> None:
    if tree.get("bands") and dice.some(chance, "rate when"):
        row["when"] = dice.pick(list(tree["bands"]))


def _call_rate(dice: Dice, tree: Row, split: bool, kind: str, item: str) -> Row:  # noqa: C901 - one draw a construct
    row: Row = {"kind": kind, "item": item}
    if dice.some(0.6):
        row["to"] = dice.few(CLASSES[:4])
    if kind == "call_in":
        row.pop("to", None)
        dice.tick("call_in rate")
    if dice.some(0.3) or kind == "call_in":
        row["at"] = dice.few(PLACES)
    if split:
        row["per_minute"] = dice.price()
    elif dice.some(0.3, "slots"):
        row["per_minute_from_second"] = [["0", dice.price()], [dice.pick(["60", "300", "90"]), dice.price()]]
    else:
        row["per_minute"] = dice.price()
    if not split and dice.some(0.7, "increment"):
        row["first"], row["step"] = dice.pick(["1", "30", "60", "45"]), dice.pick(["1", "10", "60", "7"])
    if dice.some(0.4, "setup"):
        row["setup"] = dice.price()
    if dice.some(0.2, "minimum"):
        row["minimum"] = dice.price()
    if dice.some(0.2):
        row["also"] = [{"item": dice.pick(["service", item]), "per_call": dice.price()}]
        dice.tick("also per_call")
        if dice.some(0.5, "also per_minute"):
            row["also"][0]["per_minute"] = dice.price()
    _when(dice, tree, row)
    return row


def _data_rate(dice: Dice, tree: Row, item: str) -> Row:
    row: Row = {"kind": "data", "item": item}
    if dice.some(0.4):
        row["at"] = dice.few(PLACES)
    kind = dice.pick(["per_mb", "block session", "block period", "throttled", "day_fee", "ladder"])
    dice.tick(kind)
    if kind == "per_mb":
        row["per_mb"] = dice.price()
    elif kind.startswith("block"):
        row.update(block_mb=dice.pick(["0.01", "100", "1", "0.3"]), per_block=dice.price(), rounded=kind.split()[1])
    elif kind == "throttled":
        row["throttled"] = True
    elif kind == "day_fee":
        row.update(day_fee=dice.price(), includes_mb=dice.pick(["25", "0", "1.5"]))
        if dice.some(0.7, "day_fee beyond"):
            row["beyond"] = {"item": dice.pick(["data beyond", item]), "per_mb": dice.price()}
    else:
        ladder: Row = {"steps": [["0", "0"], ["100", dice.price()], ["150.5", dice.price()]]}
        row["ladder"] = ladder
        if dice.some(0.7, "ladder beyond"):
            ladder["beyond"] = {"item": "ladder beyond", "block_mb": "50", "per_block": dice.price()}
    if kind not in ("ladder", "block period"):
        _when(dice, tree, row, 0.2)
    return row


def _rates(dice: Dice, tree: Row, split: bool) -> list[Row]:
    rows = [
        _call_rate(dice, tree, split, "call", dice.pick(["calls", "calls two"]))
        for _ in range(dice.random.randint(0, 3))
    ]
    if dice.some(0.4):
        rows.append(_call_rate(dice, tree, split, "call_in", "received"))
    rows += [_data_rate(dice, tree, dice.pick(["data", "data two"])) for _ in range(dice.random.randint(0, 2))]
    if dice.some(0.5):
        rows.append(
            {"kind": "sms", "to": dice.few(CLASSES), "at": dice.few(PLACES), "item": "messages", "each": dice.price()}
        )
    return rows


def _every_place(dice: Dice, split: bool) -> list[Row]:
    call: Row = {"kind": "call", "at": PLACES, "item": "other calls", "per_minute": dice.price()}
    if not split:
        call.update(first=dice.pick(["1", "60"]), step=dice.pick(["1", "60"]))
    data: Row = {"kind": "data", "at": PLACES, "item": "other data", "per_mb": dice.price()}
    return [call, data, {"kind": ["sms"], "at": PLACES, "item": "messages", "each": dice.price()}]


def _allowance(dice: Dice, tree: Row, name: str) -> Row:  # noqa: C901 - one draw a construct
    kind = dice.pick(["call", "call", "data", "data", "sms", "call_in"])
    row: Row = {"name": name, "kind": kind}
    if kind == "call" and dice.some(0.3):
        row["kind"] = ["call", "call_in"]
    if kind in ("call", "sms") and dice.some(0.6):
        row["to"] = dice.few(CLASSES)
    if dice.some(0.4):
        row["at"] = dice.few(PLACES)
    _when(dice, tree, row, 0.2)
    calls = kind in ("call", "call_in")
    if dice.some(0.2, "allowance unlimited"):
        row["amount"] = "unlimited"
    else:
        row["amount"] = {"sms": dice.pick(["0", "1", "3"]), "data": dice.pick(["100", "0.5", "1000", "25"])}.get(
            kind, dice.pick(["1", "5", "10.5", "100"])
        )
        if calls:
            row["unit"] = "minute"
        if dice.some(0.3):
            dice.tick("allowance day")
            row["per"] = "day"
            if dice.some(0.5, "bank"):
                row["bank"] = {"collects": dice.few(DAYS), "spent_on": dice.few(DAYS)}
        else:
            dice.tick("allowance period")
            if dice.some(0.4):
                _rollover(dice, row)
    if calls and dice.some(0.3, "covers_setup false"):
        row["covers_setup"] = False
    if calls and dice.some(0.25, "per_call_max"):
        row["per_call_max"] = dice.pick(["1", "2.5", "10"])
    if calls and dice.some(0.25, "per_day_max"):
        row["per_day_max"] = dice.pick(["1", "7", "60"])
    if kind == "data" and dice.some(0.3, "within"):
        row["at"] = ["home", "eu"]
        beyond = {"item": dice.pick(["surcharge", "data"]), "per_mb": dice.price()}
        row["within"] = {
            "at": dice.pick([["eu"], ["home", "eu"]]),
            "amount": dice.pick(["0", "10", "99.5"]),
            "beyond": beyond,
        }
    return row


def _rollover(dice: Dice, row: Row) -> None:
    used, lasts = dice.pick(["first", "last"], "rollover "), dice.pick(["1 period", "forever"])
    row["rollover"] = {"used": used, "lasts": lasts}
    if lasts == "forever":
        dice.tick("rollover forever")
    if dice.some(0.4, "rollover max"):
        row["rollover"]["max"] = dice.pick(["1", "50"])


def _passes(dice: Dice, chance: float) -> list[Row]:
    rows: list[Row] = []
    for place in ("eu", "world"):
        if dice.some(chance):
            lasts = dice.pick(["24h", "day"], "pass ")
            row: Row = {
                "name": place,
                "at": [place],
                "kinds": dice.few(["call", "call_in", "sms", "data"]),
                "fee": dice.price(),
            }
            row.update(
                lasts=lasts, treat_as=dice.pick(["home", "home", "eu"]), item=dice.pick(["passes", "day passes"])
            )
            if dice.some(0.3, "max_per_period"):
                row["max_per_period"] = dice.pick(["0", "1", "2"])
            rows.append(row)
    return rows


_CAPPED = ["calls", "calls two", "service", "data", "data two", "messages", "surcharge", "passes", "data beyond",
           "other calls", "other data", "ladder beyond", "received"]  # fmt: skip


def _caps(dice: Dice, chance: float) -> list[Row]:
    rows: list[Row] = []
    while dice.some(chance) and len(rows) < 3:
        mode = dice.pick(["free", "refuse"], "cap ")
        items = dice.random.sample(_CAPPED, dice.random.randint(1, 6))
        if "passes" in items:
            dice.tick("cap on a pass")
        if any(set(items) & set(r["items"]) for r in rows):
            dice.tick("caps share an item")
        amount = dice.pick(["100", "37.5", "500", "10", "1.005"])
        rows.append({"name": f"cap {len(rows)}", "items": items, "amount": amount, "mode": mode})
    return rows


def _plan(dice: Dice, tree: Row, split: bool, starts: list[date]) -> Row:  # noqa: C901 - one draw a construct
    plan: Row = {"fee": dice.pick(["0", "2000", "1499.5", "999"])}
    if dice.some(0.15, "fee_item"):
        plan["fee_item"] = "plan fee"
    if dice.some(0.2, "fee_changes"):
        plan["fee_changes"] = [{"from_period": dice.pick(tree["bill"]), "fee": "1111"}]
    for key, chance in (("prorate_first", 0.4), ("prorate_last", 0.3)):
        if dice.some(chance, key):
            plan[key] = True
    if dice.some(0.3, "activation"):
        plan["activation"] = dice.pick(["1500", "9.5"])
    plan["allowances"] = [_allowance(dice, tree, f"a{i}") for i in range(dice.random.randint(0, 4))]
    plan["rates"] = _rates(dice, tree, split) + _every_place(dice, split)
    if passes := _passes(dice, 0.3):
        plan["passes"] = passes
    if caps := _caps(dice, 0.4):
        plan["caps"] = caps
    if dice.some(0.4):
        plan["discounts"] = _discounts(dice, plan.get("fee_item", "fee"))
    if dice.some(0.25, "minimum_spend"):
        counts = dice.random.sample(["calls", "data", "messages", "other calls", "other data"], 2)
        if dice.some(0.5, "minimum_spend options"):
            counts.append("options")
        plan["minimum_spend"] = {"cents": dice.pick(["600", "2500"]), "counts": counts}
    if dice.some(0.25, "minimum_term"):
        term = {"months": dice.pick(["3", "12"]), "percent_of_remaining_fees": dice.pick(["10", "33.3"])}
        plan["minimum_term"] = {**term, "item": "early termination"}
        if dice.some(0.5):
            plan["minimum_term"]["max"] = "500"
    return plan


def _discounts(dice: Dice, fee: str) -> list[Row]:
    rows: list[Row] = []
    for i in range(dice.random.randint(1, 3)):
        row: Row = {"item": f"discount {i}"}
        kind = dice.pick(["percent", "cents", "steps"])
        dice.tick(f"discount {kind}")
        if kind == "cents":
            row["cents"] = dice.pick(["500", "12.5"])
        else:
            row["of"] = dice.pick([fee, "other data", "calls"])
            row[kind] = (
                dice.pick(["50", "33.3"]) if kind == "percent" else [["0", "5"], ["100", "10"], ["1000.5", "12.5"]]
            )
        for key, values in (("first_periods", ["1", "2"]), ("after_periods", ["1", "0"])):
            if dice.some(0.25, key):
                row[key] = dice.pick(values)
        if dice.some(0.25, "needs"):
            row["needs"] = "autopay"
        rows.append(row)
    return rows


def _option(dice: Dice, tree: Row, split: bool, i: int, plans: list[str]) -> Row:
    option: Row = {"name": f"o{i}", "fee": dice.pick(["0", "400", "99.5"])}
    if dice.some(0.6, "option allowance"):
        option["allowances"] = [_allowance(dice, tree, f"x{i}")]
    if dice.some(0.4) and (rates := _rates(dice, tree, split)):
        dice.tick("option rates")
        option["rates"] = rates
    if passes := _passes(dice, 0.15):
        dice.tick("option pass")
        option["passes"] = passes
    if caps := _caps(dice, 0.15):
        dice.tick("option cap")
        option["caps"] = caps
    if dice.some(0.4, "group"):
        option["group"] = "g"
    if dice.some(0.25, "only_with"):
        option["only_with"] = dice.few(plans)
    if i and dice.some(0.2, "requires"):
        option["requires"] = ["o0"]
    return option


def _subscriber(dice: Dice, tree: Row, name: str, mode: str, starts: list[date]) -> Row:
    told: Row = {"plan": dice.pick(list(tree["plans"]))}
    payer = mode == "pool" and name == "A"
    low, high = starts[0] - timedelta(days=40), starts[-1] + timedelta(days=20)
    days = (high - low).days
    first = low + timedelta(days=dice.random.randint(0, days))
    if payer:
        first = low
    if dice.some(0.5, "from"):
        told["from"] = first.isoformat()
    if not payer and dice.some(0.3, "to"):
        told["to"] = max(first, low + timedelta(days=dice.random.randint(0, days))).isoformat()
    plans = {told["plan"]}
    if len(tree["bill"]) > 1 and len(tree["plans"]) > 1 and dice.some(0.3, "plan_changes"):
        to = dice.pick(list(tree["plans"]))
        told["plan_changes"] = [{"from_period": dice.pick(tree["bill"][1:]), "plan": to}]
        plans.add(to)
    held: list[str] = []
    for o, option in (tree.get("options") or {}).items():
        groups = {tree["options"][h].get("group") for h in held} - {None}
        fits = option.get("group") not in groups and plans <= set(option.get("only_with", plans))
        if fits and set(option.get("requires", [])) <= set(held) and dice.some(0.7, "option held"):
            held.append(o)
    if held:
        told["options"] = held
    if dice.some(0.2, "device"):
        told["device"] = {"cents": "2500", "instalments": dice.pick(["2", "24"])}
    if dice.some(0.4):
        told["autopay"] = dice.pick([True, True, False])
    return told


def _prepaid(dice: Dice, tree: Row, starts: list[date]) -> list[Row]:
    plan: Row = {
        "per_minute": dice.pick(["9", "0.9", "12.5"]),
        "per_message": dice.price(),
        "per_mb": dice.pick(["24", "0.7"]),
    }
    if dice.some(0.8, "pack"):
        plan["pack"] = {
            "price": dice.pick(["999", "100.5"]),
            "days": dice.pick(["30", "7", "1"]),
            "minutes": "10",
            "mb": "1000",
        }
    tree["prepaid"], tree["plans"] = True, {"p0": plan}
    zone = ZoneInfo(tree["timezone"])
    told: Row = {"plan": "p0", "topups": []}
    for _ in range(dice.random.randint(0, 5)):
        dice.tick("topup")
        told["topups"].append(
            {"at": _moment(dice, starts, zone).isoformat(), "cents": dice.pick(["500", "1500", "20", "1000"])}
        )
    if dice.some(0.3, "from"):
        told["from"] = (starts[0] + timedelta(days=dice.random.randint(-5, 20))).isoformat()
    tree["subscribers"] = {"A": told}
    rows = _events(dice, tree, starts)
    for row in rows:
        row["at"] = "home"
    return rows


def _moment(dice: Dice, starts: list[date], zone: ZoneInfo) -> datetime:
    """Return a local time, often at an edge: midnight, a period's ends, a clock change."""
    day = dice.pick(starts) + timedelta(days=dice.pick([-1, 0, 0, 1, 2, 5, 6, 7, 20, 27, 29, 30]))
    if dice.some(0.2, "clock change"):
        day = dice.pick([date(2025, 3, 30), date(2025, 10, 26), date(2025, 3, 9), date(2025, 11, 2), date(2024, 3, 31)])
    clock = dice.pick(["00:00:00", "23:59:59", "06:59:50", "07:00:00", "12:00:00", "21:58:00", "01:30:00", "random"])
    if clock == "random":
        clock = f"{dice.random.randint(0, 23):02d}:{dice.random.randint(0, 59):02d}:{dice.random.randint(0, 59):02d}"
    if clock == "23:59:59":
        dice.tick("month end")
    local = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zone, fold=dice.pick([0, 1]))
    return local.astimezone(UTC).astimezone(zone)


def _events(dice: Dice, tree: Row, starts: list[date]) -> list[Row]:  # noqa: C901 - one draw a construct
    zone = ZoneInfo(tree["timezone"])
    rows: list[Row] = []
    moment = _moment(dice, starts, zone)
    for i in range(dice.random.randint(0, 40)):
        if not dice.some(0.1, "equal instants"):
            moment = _moment(dice, starts, zone)
        again = bool(rows) and dice.some(0.3)
        if again:  # some hours after the last one, about the length of a pass
            hours, seconds = dice.pick([0, 1, 23, 24]), dice.pick([-1, 0, 1, 1800])
            moment = (moment.astimezone(UTC) + timedelta(hours=hours, seconds=seconds)).astimezone(zone)
        start = moment.isoformat()
        if dice.some(0.15, "offset of another zone"):
            start = moment.astimezone(dice.pick([UTC, ZoneInfo("Asia/Tokyo")])).isoformat()
        elif not moment.fold and dice.some(0.1, "no offset"):
            start = moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None).isoformat()
        kind = dice.pick(["call", "call", "call_in", "sms", "data", "data"])
        row: Row = {
            "event": f"e{dice.random.randint(0, 10**6)}-{i}",
            "subscriber": dice.pick(list(tree["subscribers"])),
        }
        row.update(
            kind=kind, start=start, seconds="", mb="", to="", at=dice.pick(["home", "home", "home", "eu", "world"])
        )
        if again:
            row.update(subscriber=rows[-1]["subscriber"], at=rows[-1]["at"])
        if kind in ("call", "call_in"):
            row["seconds"] = str(
                dice.pick(
                    [
                        0,
                        1,
                        59,
                        60,
                        61,
                        90,
                        120,
                        300,
                        301,
                        600,
                        dice.random.randint(1, 1500 if tree.get("band_rule") else 4000),
                    ]
                )
            )
        if kind == "data":
            broken = f"{dice.random.randint(0, 300)}.{dice.random.randint(0, 999):03d}"
            row["mb"] = dice.pick(["0", "0.001", "0.01", "0.011", "1.005", "25", "99.5", "100", "100.001", broken])
        if row["seconds"] == "0" or row["mb"] == "0":
            dice.tick("zero quantity")
        if kind in ("call", "sms"):
            row["to"] = dice.pick(CLASSES)
        rows.append(row)
    return rows
