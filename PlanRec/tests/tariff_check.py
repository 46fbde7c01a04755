"""Hold the fast rater against the slow one on random cards and events, and count what was drawn.

Usage: python PlanRec/tests/tariff_check.py [CASES] [FIRST SEED]
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field

from random_tariffs.case import random_case
from random_tariffs.dice import CONSTRUCTS, Row
from slow_rater.notation import InvalidCaseError
from slow_rater.rater import slow_bills
from tariff_cases import Line, Mapping, translate

from common_utils.errors import ConfigError, DataError
from planrec.billing.cards import BillRequest, FullCard
from planrec.billing.events import Events, read_events
from planrec.billing.rating import bill_events
from planrec.billing.usage_detail import number_key

_COLUMNS = ("event", "subscriber", "kind", "start", "seconds", "mb", "to", "at", "number")


@dataclass
class Checked:
    """What a run of random cases showed."""

    cases: int = 0
    events: int = 0
    lines: int = 0
    invalid: int = 0
    too_large: int = 0
    drawn: Counter[str] = field(default_factory=Counter[str])
    differing: list[int] = field(default_factory=list[int])
    apart: int = 0


def events_csv(rows: list[Row]) -> bytes:
    """Return events as the bytes of a CSV file."""
    lines = [",".join(_COLUMNS), *(",".join(row.get(c, "") for c in _COLUMNS) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def card_and_events(tree: Mapping, rows: list[Row]) -> tuple[FullCard, BillRequest, Events]:
    """Return the card, the request and the events of a case that may hold the card's own keys."""
    card, request = translate(tree, own=True)
    zone, number_for = card.timezone, number_key(card)
    return card, request, read_events(events_csv(rows), "events.csv", zone, request.subscribers, number_for=number_for)


def fast_lines(tree: Mapping, rows: list[Row]) -> list[Line] | None:
    """Return the lines of the fast rater, None where it refuses the events."""
    try:
        book = bill_events(*card_and_events(tree, rows))
    except DataError:
        return None
    return [(x.subscriber, x.period, x.item, x.quantity, str(x.cents)) for x in book.lines()]


def slow_lines(tree: Mapping, rows: list[Row]) -> list[Line] | None:
    """Return the lines of the slow rater, None where it refuses the events."""
    try:
        return [tuple(line) for line in slow_bills(tree, rows)]  # type: ignore[misc]
    except InvalidCaseError:
        return None


def check(seeds: range) -> Checked:
    """Bill one random case a seed both ways."""
    seen = Checked()
    for seed in seeds:
        tree, rows, drawn = random_case(seed)
        seen.drawn += drawn
        try:
            fast = fast_lines(tree, rows)
        except ConfigError as error:
            if "64 bits" not in str(error):
                raise
            seen.too_large += 1
            continue
        slow = slow_lines(tree, rows)
        seen.cases += 1
        seen.events += len(rows)
        seen.invalid += slow is None
        seen.lines += len(slow or [])
        if (fast is None) != (slow is None) or sorted(fast or []) != sorted(slow or []):
            seen.differing.append(seed)
            seen.apart += _cents_apart(fast or [], slow or [])
    return seen


def _cents_apart(fast: list[Line], slow: list[Line]) -> int:
    totals = {line[:2]: int(line[4]) for line in slow if line[2] == "total"}
    return sum(abs(int(line[4]) - totals.get(line[:2], 0)) for line in fast if line[2] == "total")


def main(arguments: list[str]) -> int:
    """Print coverage and differences; exit code 1 if a case differs or a construct was never drawn."""
    cases = int(arguments[0]) if arguments else 100_000
    first = int(arguments[1]) if len(arguments) > 1 else 0
    seen = check(range(first, first + cases))
    for name in CONSTRUCTS:
        sys.stdout.write(f"{seen.drawn[name]:>9,} {name}\n")
    missing = [name for name in CONSTRUCTS if not seen.drawn[name]]
    sys.stdout.write(
        f"{seen.cases:,} cards, {seen.events:,} events, {seen.lines:,} lines; {seen.invalid:,} refused by both; "
        f"{seen.too_large:,} more cards beyond 64 bits; "
        f"{len(seen.differing)} differ (seeds {seen.differing[:10]}), {seen.apart} cents apart; "
        f"never drawn: {missing or 'none'}\n"
    )
    return 1 if seen.differing or (missing and cases >= 1000) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
