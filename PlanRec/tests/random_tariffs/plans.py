"""Random plans and options: fees, allowances, passes, caps, discounts, and what they charge."""

from __future__ import annotations

from datetime import date

from random_tariffs.dice import CLASSES, DAYS, PLACES, Dice, Row
from random_tariffs.rates import every_place, random_rates, random_when

__all__ = ["random_option", "random_plan"]


def _allowance(dice: Dice, tree: Row, name: str) -> Row:  # noqa: C901 - one draw a construct
    kind = dice.pick(["call", "call", "data", "data", "sms", "call_in"])
    row: Row = {"name": name, "kind": kind}
    if kind == "call" and dice.some(0.3):
        row["kind"] = ["call", "call_in"]
    if kind in ("call", "sms") and dice.some(0.6):
        row["to"] = dice.few(CLASSES)
    if dice.some(0.4):
        row["at"] = dice.few(PLACES)
    random_when(dice, tree, row, 0.2)
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
    if calls and row.get("per") != "day" and dice.some(0.2, "per_week_max"):
        row["per_week_max"] = dice.pick(["2", "9", "100"])
    if row["kind"] in ("call", "sms") and dice.some(0.25, "numbers"):
        row["numbers"] = {
            "most": dice.pick(["1", "2", "3"]),
            "per": dice.pick(["period", "week", "day"], "numbers of a "),
        }
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


def random_plan(dice: Dice, tree: Row, split: bool, starts: list[date]) -> Row:  # noqa: C901 - one draw a construct
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
    plan["rates"] = random_rates(dice, tree, split) + every_place(dice, split)
    if passes := _passes(dice, 0.3):
        plan["passes"] = passes
    if caps := _caps(dice, 0.4):
        plan["caps"] = caps
    if dice.some(0.4):
        plan["discounts"] = _discounts(dice, plan.get("fee_item", "fee"))
    if dice.some(0.25, "minimum_spend"):
        counts = dice.random.sample(["calls", "data", "messages", "other calls", "other data", "fee"], 2)
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
            row["of"] = dice.pick([fee, "fee", "other data", "calls"])
            row[kind] = (
                dice.pick(["50", "33.3"]) if kind == "percent" else [["0", "5"], ["100", "10"], ["1000.5", "12.5"]]
            )
        if kind == "steps" and dice.some(0.4, "of_all"):
            row["of_all"] = True
        for key, values in (("first_periods", ["1", "2"]), ("after_periods", ["1", "0"])):
            if dice.some(0.25, key):
                row[key] = dice.pick(values)
        if dice.some(0.25, "needs"):
            row["needs"] = "autopay"
        rows.append(row)
    return rows


def _bought_option(dice: Dice) -> Row:
    """Return what makes an option one that is bought again and again."""
    kind = dice.pick(["call", "data", "data", "sms"])
    amount = {"call": dice.pick(["1", "7.5"]), "data": dice.pick(["25", "99.5"]), "sms": "1"}[kind]
    row: Row = {"name": "bought", "kind": kind, "amount": amount}
    if kind == "call":
        row["unit"] = "minute"
    if dice.some(0.3):
        row["at"] = dice.few(PLACES)
    option: Row = {"starts": dice.pick(["day", "next_day"], "option from "), "allowances": [row]}
    if dice.some(0.2):
        option["max_per_period"] = "9"
    return option


def random_option(dice: Dice, tree: Row, split: bool, i: int, plans: list[str]) -> Row:
    option: Row = {"name": f"o{i}", "fee": dice.pick(["0", "400", "99.5"])}
    if dice.some(0.3):
        return {**option, **_bought_option(dice)}
    if dice.some(0.6, "option allowance"):
        option["allowances"] = [_allowance(dice, tree, f"x{i}")]
    if dice.some(0.4) and (rates := random_rates(dice, tree, split)):
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
    if i and "starts" not in tree["options"]["o0"] and dice.some(0.2, "requires"):
        option["requires"] = ["o0"]
    return option
