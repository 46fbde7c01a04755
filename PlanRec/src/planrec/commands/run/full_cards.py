"""Bills of single events by a full rate card."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common_utils.command_line.terminal import note
from common_utils.errors import ConfigError, DataError
from common_utils.outputs import write_text
from common_utils.tables import table_writer
from planrec.batch.cell_bills import cell_bill_table
from planrec.billing.cards import BillRequest, FullCard, accounts_lines, load_request, read_card_tree, remarks
from planrec.billing.cell_months import bill_cells, bill_cells_on_every_plan, count_cells, left_out_remark
from planrec.billing.complete_cards import load_complete_card
from planrec.billing.events import CALL, SMS, Events
from planrec.billing.rating import (
    CODES,
    BillBook,
    Outside,
    ToldEvent,
    allowance_use,
    bill_events,
    bill_with_corrections,
    explain_event,
    late_events,
    unbilled_events,
)
from planrec.usage.billed_events import read_billed_events
from planrec.usage.cell_files import read_cells, write_cells

__all__ = ["EventBilling", "run_bill_cells", "run_bill_events"]


@dataclass(frozen=True)
class EventBilling:
    """The files of a billing run; `billed` holds the events of the bills that are out."""

    card: Path
    accounts: Path
    events: Path
    billed: Path | None = None
    decimal: Literal["point", "comma"] | None = None


def run_bill_events(
    asked: EventBilling,
    output: Path | None,
    explain: str | None,
    late_output: Path | None = None,
    cells_output: Path | None = None,
) -> None:
    """Bill events by a full card; write the lines or the cells, or say why one event cost what it did.

    Raises
    ------
    ConfigError
        If the card or the accounts cannot be used, or nothing to write or to explain is named.
    DataError
        If the events cannot be used, or it is in doubt what the point in their megabytes is.
    """
    if output is None and explain is None and cells_output is None:
        raise ConfigError("bill: name a file with --output or --cells-output, or an event with --explain.")
    _refuse_parquet(output)
    card, request = _card(asked.card), load_request(asked.accounts)
    with accounts_lines(asked.accounts):
        _bill_events(asked, card, request, output, explain, late_output, cells_output)


def _bill_events(
    asked: EventBilling,
    card: FullCard,
    request: BillRequest,
    output: Path | None,
    explain: str | None,
    late_output: Path | None,
    cells_output: Path | None,
) -> None:
    events = read_billed_events(card, request, asked.events, decimal=asked.decimal)
    unknown = int((((events.kind == CALL) | (events.kind == SMS)) & (events.to == 0)).sum()) if card.prefixes else 0
    if unknown:
        note(f"events: {unknown:,} calls and messages of no class: no prefix of the card fits, or no number is told")
    if cells_output is not None:
        cells = count_cells(card, request, events)
        write_cells(cells, cells_output)
        note(f"{len(cells):,} cells by scheme {cells.scheme.digest[:12]} written to {cells_output}")
    if output is None and explain is None:
        return
    book, late = _billed(card, request, events, asked)
    if explain is not None:
        for sentence in explain_event(book, events, explain):
            note(sentence)
    if output is not None:
        write_text(output, book.to_csv())
        periods = len(book.periods) - book.closed
        note(f"{len(book.names):,} accounts x {periods} periods billed by {card.version}, written to {output}")
        for subscriber, period, name, covered, left in allowance_use(book)[:20]:
            note(f"{subscriber} {period} {name}: {covered} used" + (f", {left} left" if left else ""))
    told = [*late, *unbilled_events(card, request, events)]
    for code, count in Counter[Outside](e.code for e in told).items():
        note(f"events: {count:,} {CODES[code]} ({code})")
    if late_output is not None:
        write_text(late_output, _told_csv(told))


def _refuse_parquet(output: Path | None) -> None:
    if output is not None and output.suffix.lower() == ".parquet":
        raise ConfigError(f"--output {output}: bills of accounts are written as CSV; name a file that ends in .csv.")


def _card(path: Path) -> FullCard:
    card = load_complete_card(path)
    for text in remarks(card, read_card_tree(path).lines):
        note(f"card: {text}")
    return card


def run_bill_cells(card_path: Path, accounts: Path | None, cells_path: Path, output: Path) -> None:
    """Bill usage months as cells: accounts by what they hold, or without accounts everybody on every plan.

    Raises
    ------
    ConfigError
        If the card or the accounts cannot be used.
    DataError
        If the cells are those of another scheme or cannot be used, or no plan is priced from them.
    """
    if accounts is not None:
        _refuse_parquet(output)
    card = _card(card_path)
    cells = read_cells(cells_path, card)
    if accounts is None:
        bills, left_out = bill_cells_on_every_plan(card, cells)
        for plan, reasons in left_out.items():
            note(left_out_remark(plan, reasons))
        if not bills:
            raise DataError(f"cells ({cells_path.name}): no plan of card {card.version} is priced from them.")
        table, unsold = cell_bill_table(cells, bills)
        with table_writer(output, table.schema) as write:
            write(table)
        if unsold:
            note(f"{unsold:,} bills are left out: the plan does not sell what was used in the month (NOT_SOLD)")
        note(f"{table.num_rows:,} bills on {len(bills)} plans of {card.version} written to {output}")
        return
    request = load_request(accounts)
    with accounts_lines(accounts):
        found = bill_cells(card, request, cells)
    write_text(output, found.book.to_csv())
    for plan, reasons in found.left_out.items():
        note(left_out_remark(plan, reasons))
    strangers = len(set(cells.subscribers) - set(request.subscribers))
    if strangers:
        note(f"cells: {strangers:,} subscriber(s) are not among the accounts: not billed")
    unlisted = sorted(set(cells.periods) - set(request.bill))
    if unlisted:
        note(f"cells: {len(unlisted)} period(s) are not listed by the accounts: not billed ({', '.join(unlisted[:3])})")
    note(
        f"{len(found.book.names):,} of {len(request.subscribers):,} accounts x {len(request.bill)} periods billed by "
        f"{card.version} from cells, written to {output}"
    )


def _billed(
    card: FullCard, request: BillRequest, events: Events, asked: EventBilling
) -> tuple[BillBook, list[ToldEvent]]:
    """Bill what is not billed yet, and say which events change bills that are out."""
    if (asked.billed is None) != (request.billed_until is None):
        raise ConfigError(
            "bill: `billed_until` of the accounts and --billed come together: the last period whose bills are out, "
            "and the events they were made of."
        )
    if asked.billed is None:
        return bill_events(card, request, events), []
    before = read_billed_events(card, request, asked.billed, decimal=asked.decimal)
    return bill_with_corrections(card, request, before, events), late_events(card, request, before, events)


def _told_csv(told: Sequence[ToldEvent]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["event", "subscriber", "period", "reason"])
    writer.writerows([e.event, e.subscriber, e.period, e.code] for e in told)
    return out.getvalue()
