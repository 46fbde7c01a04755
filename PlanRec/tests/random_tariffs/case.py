"""Random tariff cases that draw every construct and edge of the neutral notation, and count what they drew."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from random_tariffs.dice import Dice, Row
from random_tariffs.events import count_edges, random_events, random_moment
from random_tariffs.plans import random_option, random_plan
from random_tariffs.rates import random_bands

__all__ = ["random_case"]

ZONES = ["Europe/Madrid", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]


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
        tree["bands"] = random_bands(dice)
    if split:
        tree["band_rule"] = "split"
    names = ["p0", "p1", "p2"][: 1 + dice.random.randint(0, 2)]
    tree["plans"] = {name: random_plan(dice, tree, split, starts) for name in names}
    count = dice.random.choice([0, 0, 1, 2]) if mode != "choose" else dice.random.randint(1, 4)
    if tree.get("bands") and dice.some(0.3, "holidays"):
        tree["holidays"] = [(dice.pick(starts) + timedelta(days=d)).isoformat() for d in (0, 1, 5)]
    tree["options"] = {}
    for i in range(count):
        tree["options"][f"o{i}"] = random_option(dice, tree, split, i, names)
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
        tree["choose"] = {"for": list(tree["subscribers"]), "plans": names}
        tree["choose"]["options"] = [o for o, told in tree["options"].items() if "starts" not in told]
    rows = random_events(dice, tree, starts)
    count_edges(dice, tree, rows)
    return tree, rows, dice.drawn


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
    if held := _held(dice, tree, plans):
        told["options"] = held
    if bought := _bought(dice, tree, told, starts):
        told["bought"] = bought
    if dice.some(0.2, "device"):
        told["device"] = {"cents": "2500", "instalments": dice.pick(["2", "24"])}
    if dice.some(0.4):
        told["autopay"] = dice.pick([True, True, False])
    return told


def _held(dice: Dice, tree: Row, plans: set[str]) -> list[str]:
    held: list[str] = []
    for o, option in (tree.get("options") or {}).items():
        if "starts" in option:
            continue
        groups = {tree["options"][h].get("group") for h in held} - {None}
        fits = option.get("group") not in groups and plans <= set(option.get("only_with", plans))
        if fits and set(option.get("requires", [])) <= set(held) and dice.some(0.7, "option held"):
            held.append(o)
    return held


def _bought(dice: Dice, tree: Row, told: Row, starts: list[date]) -> list[Row]:
    """Return purchases that hold between the subscriber's first and last day."""
    rows: list[Row] = []
    for o, option in (tree.get("options") or {}).items():
        for _ in range(dice.random.randint(0, 4) if "starts" in option else 0):
            on = dice.pick(starts) + timedelta(days=dice.pick([-1, 0, 0, 1, 5, 6, 20]))
            begins = (on + timedelta(days=option["starts"] == "next_day")).isoformat()
            if told.get("from", begins) <= begins <= told.get("to", begins):
                dice.tick("option bought")
                rows.append({"option": o, "on": on.isoformat()})
    return rows


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
    if dice.some(0.5):
        paid = dice.few(["calls", "messages", "data", "pack"])
        plan["bonus"] = {"percent": dice.pick(["50", "12.5", "200"]), "pays": paid}
        plan["bonus"]["used"] = dice.pick(["first", "last"], "bonus ")
        if dice.some(0.6, "bonus that expires"):
            plan["bonus"]["days"] = dice.pick(["1", "7", "30"])
        if dice.some(0.4):
            plan["bonus"]["from_cents"] = dice.pick(["1000", "999.5"])
    tree["prepaid"], tree["plans"] = True, {"p0": plan}
    zone = ZoneInfo(tree["timezone"])
    told: Row = {"plan": "p0", "topups": []}
    for _ in range(dice.random.randint(0, 5)):
        dice.tick("topup")
        told["topups"].append(
            {"at": random_moment(dice, starts, zone).isoformat(), "cents": dice.pick(["500", "1500", "20", "1000"])}
        )
    if dice.some(0.3, "from"):
        told["from"] = (starts[0] + timedelta(days=dice.random.randint(-5, 20))).isoformat()
    tree["subscribers"] = {"A": told}
    rows = random_events(dice, tree, starts)
    for row in rows:
        row["at"] = "home"
    return rows
