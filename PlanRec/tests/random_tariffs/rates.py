"""What random plans and options charge: bands of the clock, rates of calls, messages and data."""

from __future__ import annotations

from random_tariffs.dice import CLASSES, DAYS, PLACES, Dice, Row

__all__ = ["every_place", "random_bands", "random_rates", "random_when"]


def random_bands(dice: Dice) -> Row:
    cut = dice.pick(["07:00", "02:30", "12:00"])
    return {
        "weekend": [{"days": ["sat", "sun"], "from": "00:00", "to": "24:00"}],
        "night": [
            {"days": dice.few(DAYS, 3), "from": "00:00", "to": cut},
            {"days": DAYS, "from": "22:00", "to": "24:00"},
        ],
    }


def random_when(dice: Dice, tree: Row, row: Row, chance: float = 0.3) -> None:
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
    random_when(dice, tree, row)
    return row


def _data_rate(dice: Dice, tree: Row, item: str) -> Row:
    row: Row = {"kind": "data", "item": item}
    if dice.some(0.4):
        row["at"] = dice.few(PLACES)
    kind = dice.pick(["per_mb", "block session", "block day", "block period", "throttled", "day_fee", "ladder"])
    dice.tick(kind)
    if kind == "per_mb":
        row["per_mb"] = dice.price()
    elif kind.startswith("block"):
        row.update(
            block_mb=dice.pick(["0.01", "100", "1", "0.3", "0.009765625"]),
            per_block=dice.price(),
            rounded=kind.split()[1],
        )
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
    if kind in ("per_mb", "block session", "block day") and dice.some(0.25, "day_minimum"):
        row["day_minimum"] = dice.price()
    if kind not in ("ladder", "block period"):
        random_when(dice, tree, row, 0.2)
    return row


def random_rates(dice: Dice, tree: Row, split: bool) -> list[Row]:
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


def every_place(dice: Dice, split: bool) -> list[Row]:
    call: Row = {"kind": "call", "at": PLACES, "item": "other calls", "per_minute": dice.price()}
    if not split:
        call.update(first=dice.pick(["1", "60"]), step=dice.pick(["1", "60"]))
    data: Row = {"kind": "data", "at": PLACES, "item": "other data", "per_mb": dice.price()}
    return [call, data, {"kind": ["sms"], "at": PLACES, "item": "messages", "each": dice.price()}]
