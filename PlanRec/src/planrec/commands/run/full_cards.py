"""Commands on full rate cards: bills from events, a plan in words, what changes between two plans."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pyarrow as pa

from common_utils.command_line.terminal import note, show_table
from common_utils.errors import ConfigError, DataError
from common_utils.outputs import write_text
from common_utils.tables.numbers import count_numbers, doubtful_point
from planrec.billing.cards import FullCard, FullPlan, load_card, load_request, money_text, plan_sentences, remarks
from planrec.billing.events import read_events
from planrec.billing.rating import BillBook, allowance_use, bill_events, explain_event

__all__ = ["run_bill_events", "run_plan_diff", "run_plan_explain"]


def run_bill_events(
    card_path: Path,
    accounts: Path,
    events_path: Path,
    output: Path | None,
    explain: str | None,
    *,
    decimal: Literal["point", "comma"] | None = None,
) -> None:
    """Bill events by a full card; write the lines, or say why one event cost what it did.

    Raises
    ------
    ConfigError
        If the card or the accounts cannot be used, or neither an output nor an event to explain is named.
    DataError
        If the events cannot be used, or it is in doubt what the point in their megabytes is.
    """
    if output is None and explain is None:
        raise ConfigError("bill: name a file with --output, or an event with --explain.")
    if output is not None and output.suffix.lower() == ".parquet":
        raise ConfigError(f"--output {output}: bills of events are written as CSV; name a file that ends in .csv.")
    card, request = load_card(card_path), load_request(accounts)
    for text in remarks(card):
        note(f"card: {text}")
    data = _bytes(events_path)
    _check_point(data, events_path, decimal)
    events = read_events(data, str(events_path), card.timezone, request.subscribers, card.prefixes)
    book = bill_events(card, request, events)
    if explain is not None:
        for sentence in explain_event(book, events, explain):
            note(sentence)
    if output is not None:
        write_text(output, book.to_csv())
        note(
            f"{len(book.names):,} accounts x {len(book.periods)} periods billed by {card.version}, written to {output}"
        )
        for subscriber, period, name, covered, left in allowance_use(book)[:20]:
            note(f"{subscriber} {period} {name}: {covered} used" + (f", {left} left" if left else ""))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"events {path}: cannot be read: {error.strerror}.") from error


def _check_point(data: bytes, path: Path, decimal: Literal["point", "comma"] | None) -> None:
    """Refuse megabytes whose points may all separate thousands, by the rule of all tables, unless it is said."""
    if decimal == "comma":
        raise ConfigError(f"--decimal comma: events {path} are billed with decimal points; export them so.")
    if decimal == "point":
        return
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
    amounts = [row.get("mb") or "" for row in rows]
    if doubtful_point(count_numbers(pa.array(amounts, pa.string()))):
        raise DataError(
            f"events {path}: column 'mb': every number with a point has three digits after it, as in 7.500, so that "
            "the point may be a thousands separator. Say with `bill --decimal point` that it is 7.5, or take it out."
        )


def _plan(card: FullCard, name: str) -> FullPlan:
    found = next((p for p in card.plans if p.plan_id == name), None)
    if found is None:
        known = ", ".join(p.plan_id for p in card.plans[:5])
        raise ConfigError(f"plan {name!r} is not in the card; it holds {known}.")
    return found


def run_plan_explain(plan: str, card_path: Path) -> None:
    """Show a plan, or an option, in words a customer knows.

    Raises
    ------
    ConfigError
        If the card cannot be used or holds no such plan.
    """
    card = load_card(card_path)
    option = next((o for o in card.options if o.option_id == plan), None)
    for sentence in plan_sentences(card, option or _plan(card, plan)):
        note(sentence)


def run_plan_diff(first: str, second: str, card_path: Path, accounts: Path | None, events_path: Path | None) -> None:
    """Show which sentences two plans do not share, and who of a table of events would pay more or less.

    Raises
    ------
    ConfigError
        If the card, the accounts or a plan cannot be used.
    """
    card = load_card(card_path)
    one, two = plan_sentences(card, _plan(card, first)), plan_sentences(card, _plan(card, second))
    for name, sentences, others in ((first, one, two), (second, two, one)):
        for sentence in (s for s in sentences if s not in others):
            note(f"only {name}: {sentence}")
    if (accounts is None) != (events_path is None):
        raise ConfigError("plans diff: --accounts and --events come together.")
    if accounts is None or events_path is None:
        return
    request = load_request(accounts)
    data = _bytes(events_path)
    _check_point(data, events_path, None)
    events = read_events(data, str(events_path), card.timezone, request.subscribers, card.prefixes)
    books: list[BillBook] = []
    for plan in (first, second):
        held = {n: s.model_copy(update={"plan": plan, "plan_changes": ()}) for n, s in request.subscribers.items()}
        books.append(bill_events(card, request.model_copy(update={"subscribers": held, "choose": None}), events))
    show_table(f"{second} instead of {first}", diff_rows(card, books[0], books[1]))


def diff_rows(card: FullCard, first: BillBook, second: BillBook) -> list[dict[str, str]]:
    """Return what each subscriber would pay on both plans over all listed periods."""
    rows: list[dict[str, str]] = []
    for name, a, b in zip(
        first.names, first.totals.sum(axis=1).tolist(), second.totals.sum(axis=1).tolist(), strict=True
    ):
        change = "the same" if a == b else ("less" if b < a else "more")
        rows.append({"subscriber": name, "first": _text(card, a), "second": _text(card, b), "change": change})
    return rows


def _text(card: FullCard, cents: int) -> str:

    return money_text(Decimal(cents), card.currency)
