"""Random events, often at an edge: midnight, the ends of a period, a clock change, the same instant twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from random_tariffs.dice import CLASSES, Dice, Row

__all__ = ["count_edges", "random_events", "random_moment"]


def count_edges(dice: Dice, tree: Row, rows: list[Row]) -> None:
    """Count the edges among events and what they meet; draws nothing."""
    owners = [*tree["plans"].values(), *(tree.get("options") or {}).values()]
    allowances = [a for o in owners for a in o.get("allowances") or [] if a["amount"] != "unlimited"]
    minutes = {60 * Decimal(a["amount"]) for a in allowances if a.get("unit") == "minute"}
    megabytes = {Decimal(a["amount"]) for a in allowances if "data" in a["kind"]}
    if any(rate.get("block_mb") == "0.009765625" for o in owners for rate in o.get("rates") or []):
        dice.tick("block of 1,024 bytes")
    for row in rows:
        seconds, mb = Decimal(row["seconds"] or 0), Decimal(row["mb"] or 0)
        for name, seen in (
            ("leap day", row["start"].startswith("2024-02-29")),
            ("one second", seconds == 1),
            ("least megabytes", mb == Decimal("0.001")),
            ("exactly an amount", seconds in minutes or mb in megabytes),
            ("one over an amount", seconds - 1 in minutes or mb - Decimal("0.001") in megabytes),
        ):
            if seen:
                dice.tick(name)


def random_moment(dice: Dice, starts: list[date], zone: ZoneInfo) -> datetime:
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


def random_events(dice: Dice, tree: Row, starts: list[date]) -> list[Row]:  # noqa: C901 - one draw a construct
    zone = ZoneInfo(tree["timezone"])
    rows: list[Row] = []
    moment = random_moment(dice, starts, zone)
    for i in range(dice.random.randint(0, 40)):
        if not dice.some(0.1, "equal instants"):
            moment = random_moment(dice, starts, zone)
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
            row["number"] = dice.pick(["34600", "+34 600", "34601", "4420", "4421"])
        rows.append(row)
    return rows
