"""Hold the fast rater against the slow one on random cards and events, and count what was drawn.

Usage: python PlanRec/tests/tariff_check.py [CASES] [FIRST SEED] [--keep FILE]

With --keep the figures are written to FILE after every thousand seeds. A run that was stopped goes on from there,
unless a source of one of the raters or of the generator has changed since: then it begins again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from random_tariffs.case import random_case
from random_tariffs.dice import CONSTRUCTS, Row
from slow_rater.notation import InvalidCaseError
from slow_rater.rater import slow_bills
from tariff_cases import Line, Mapping, translate

from common_utils.errors import ConfigError, DataError
from common_utils.outputs import write_text
from planrec import billing
from planrec.billing.cards import BillRequest, FullCard
from planrec.billing.events import Events, read_events
from planrec.billing.rating import bill_events
from planrec.billing.usage_detail import number_key

PIECE = 1000
_COLUMNS = ("event", "subscriber", "kind", "start", "seconds", "mb", "to", "at", "number")


@dataclass
class Checked:
    """What a run of random cases showed."""

    seeds: int = 0
    cases: int = 0
    events: int = 0
    lines: int = 0
    invalid: int = 0
    too_large: int = 0
    drawn: Counter[str] = field(default_factory=Counter[str])
    differing: list[int] = field(default_factory=list[int])
    apart: int = 0
    processor_seconds: float = 0


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


def check(seeds: range, seen: Checked | None = None) -> Checked:
    """Bill one random case a seed both ways, and add what is seen to `seen`."""
    seen, began = seen or Checked(), time.process_time()
    seen.seeds += len(seeds)
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
    seen.processor_seconds += time.process_time() - began
    return seen


def _cents_apart(fast: list[Line], slow: list[Line]) -> int:
    totals = {line[:2]: int(line[4]) for line in slow if line[2] == "total"}
    return sum(abs(int(line[4]) - totals.get(line[:2], 0)) for line in fast if line[2] == "total")


def sources_digest() -> str:
    """Return a digest of what decides the figures: both raters, the generator and the translation."""
    here = Path(__file__).parent
    fast = Path(billing.__file__).parent
    folders = [*(fast / part for part in ("cards", "events", "rating")), here / "random_tariffs", here / "slow_rater"]
    files = [p for folder in folders for p in sorted(folder.rglob("*.py"))]
    digest = hashlib.sha256()
    for path in [*files, here / "tariff_cases.py"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kept_of(path: Path, first: int, cases: int) -> Checked:
    """Return what a stopped run of the same seeds and sources had seen, or nothing seen."""
    if not path.exists():
        return Checked()
    kept = json.loads(path.read_text(encoding="utf-8"))
    same = kept["first_seed"] == first and kept["sources"] == sources_digest() and kept["seen"]["seeds"] <= cases
    return Checked(**(kept["seen"] | {"drawn": Counter(kept["seen"]["drawn"])})) if same else Checked()


def _keep(path: Path, first: int, seen: Checked) -> None:
    told = asdict(seen) | {"drawn": {name: seen.drawn[name] for name in CONSTRUCTS}}
    told["processor_seconds"] = round(seen.processor_seconds, 1)
    command = "make -C PlanRec tariff-check"
    content = {"command": command, "first_seed": first, "sources": sources_digest(), "seen": told}
    write_text(path, json.dumps(content, indent=1) + "\n")


def run(cases: int, first: int, keep: Path | None) -> Checked:
    """Check the seeds in pieces, and keep what is seen after each."""
    seen = kept_of(keep, first, cases) if keep else Checked()
    while seen.seeds < cases:
        begin = first + seen.seeds
        check(range(begin, min(begin + PIECE, first + cases)), seen)
        if keep:
            _keep(keep, first, seen)
    return seen


def main(arguments: list[str]) -> int:
    """Print coverage and differences; exit code 1 if a case differs or a construct was never drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=100_000)
    parser.add_argument("first", nargs="?", type=int, default=0, metavar="first seed")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the figures here, go on from what it holds")
    options = parser.parse_args(arguments)
    seen = run(options.cases, options.first, options.keep)
    for name in CONSTRUCTS:
        sys.stdout.write(f"{seen.drawn[name]:>9,} {name}\n")
    missing = [name for name in CONSTRUCTS if not seen.drawn[name]]
    sys.stdout.write(
        f"{seen.cases:,} cards, {seen.events:,} events, {seen.lines:,} lines; {seen.invalid:,} refused by both; "
        f"{seen.too_large:,} more cards beyond 64 bits; "
        f"{len(seen.differing)} differ (seeds {seen.differing[:10]}), {seen.apart} cents apart; "
        f"never drawn: {missing or 'none'}; {seen.processor_seconds:,.0f} s of the processor\n"
    )
    return 1 if seen.differing or (missing and options.cases >= 1000) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
