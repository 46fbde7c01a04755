"""A plan in words, and what changes for whom between two plans; cards in the full and in the short form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

import numpy as np

from common_utils.array_types import IntArray
from common_utils.command_line.terminal import note, show_table
from common_utils.errors import ConfigError, DataError
from planrec.billing import Catalogue, bill_totals, load_catalogue
from planrec.billing.cards import (
    FullCard,
    FullPlan,
    Option,
    accounts_lines,
    load_request,
    money_text,
    plan_sentences,
    read_card_tree,
)
from planrec.billing.cell_months import bill_cells_on_every_plan, left_out_remark
from planrec.billing.complete_cards import load_complete_card
from planrec.billing.rating import BillBook, bill_events
from planrec.billing.short_words import short_plan_sentences
from planrec.columns import SUBSCRIBER
from planrec.commands.requests import SettingsCommand
from planrec.commands.settings import load_run
from planrec.decisions.rows import usage_of
from planrec.usage.billed_events import read_billed_events
from planrec.usage.cell_files import read_cells
from planrec.usage.read import read_usage_table

__all__ = ["DiffFiles", "run_plan_diff", "run_plan_explain"]

_MOST_SHOWN = 20


@dataclass(frozen=True)
class DiffFiles:
    """Whose use two plans are compared on: events with accounts, cells, or usage months; all may be missing."""

    accounts: Path | None
    events: Path | None
    usage: Path | None
    cells: Path | None = None


def _card(path: Path | None, settings: SettingsCommand) -> FullCard | Catalogue:
    """Return a card: a full one, or one of the short form; the configured one where none is named."""
    if path is None:
        run = load_run(settings)
        path = run.path(run.config.data.chosen().plans)
    marked = read_card_tree(path)
    full = isinstance(marked.tree, dict) and "timezone" in marked.tree
    return load_complete_card(path) if full else load_catalogue(path)


def run_plan_explain(plan: str, card_path: Path | None, settings: SettingsCommand) -> None:
    """Show a plan, or an option, in words a customer knows.

    Raises
    ------
    ConfigError
        If the card cannot be used or holds no such plan.
    """
    for sentence in _sentences(_card(card_path, settings), plan):
        note(sentence)


def _sentences(card: FullCard | Catalogue, name: str) -> list[str]:
    if isinstance(card, Catalogue):
        short = next((p for p in card.plans if p.plan_id == name), None)
        if short is not None:
            return short_plan_sentences(card, short)
        raise _unknown(name, card.plan_ids)
    named: dict[str, FullPlan | Option] = {o.option_id: o for o in card.options} | {p.plan_id: p for p in card.plans}
    if name not in named:
        raise _unknown(name, [p.plan_id for p in card.plans])
    return plan_sentences(card, named[name])


def _unknown(name: str, known: Sequence[str]) -> ConfigError:
    return ConfigError(f"plan {name!r} is not in the card; it holds {', '.join(known[:5])}.")


def run_plan_diff(first: str, second: str, card_path: Path | None, files: DiffFiles, settings: SettingsCommand) -> None:
    """Show which sentences two plans do not share, and who of a table of use would pay more or less.

    Raises
    ------
    ConfigError
        If the card, the accounts or a plan cannot be used, or files are named that do not go with the card.
    """
    card = _card(card_path, settings)
    one, two = _sentences(card, first), _sentences(card, second)
    for name, sentences, others in ((first, one, two), (second, two, one)):
        for sentence in (s for s in sentences if s not in others):
            note(f"only {name}: {sentence}")
    _check_files(files, card)
    if isinstance(card, Catalogue):
        if files.usage is not None:
            _show(first, second, card.currency, *_by_months(card, (first, second), files.usage, settings))
    elif files.cells is not None:
        _show(first, second, card.currency, *_by_cells(card, (first, second), files.cells))
    elif files.accounts is not None and files.events is not None:
        decimal = settings.reading.decimal if settings.reading else None
        found = _by_events(card, (first, second), files.accounts, files.events, decimal)
        _show(first, second, card.currency, *found)


def _check_files(files: DiffFiles, card: FullCard | Catalogue) -> None:
    """Refuse files that do not go with each other or with the card."""
    if (files.accounts is None) != (files.events is None):
        raise ConfigError("plans diff: --accounts and --events come together.")
    if files.usage is not None and isinstance(card, FullCard):
        raise ConfigError(
            "plans diff: this card is compared on single events; give --accounts and --events, or their --cells."
        )
    if files.events is not None and files.cells is not None:
        raise ConfigError("plans diff: give --events or --cells, not both.")
    if (files.events is not None or files.cells is not None) and isinstance(card, Catalogue):
        raise ConfigError("plans diff: a card in the short form is compared on usage months; give --usage.")


def _by_events(
    card: FullCard, plans: tuple[str, str], accounts: Path, events_path: Path, decimal: Literal["point", "comma"] | None
) -> tuple[Sequence[str], IntArray, IntArray]:
    request = load_request(accounts)
    events = read_billed_events(card, request, events_path, decimal=decimal)
    books: list[BillBook] = []
    for plan in plans:
        held = {n: s.model_copy(update={"plan": plan, "plan_changes": ()}) for n, s in request.subscribers.items()}
        with accounts_lines(accounts):
            books.append(bill_events(card, request.model_copy(update={"subscribers": held, "choose": None}), events))
    return books[0].names, books[0].totals.sum(axis=1), books[1].totals.sum(axis=1)


def _by_cells(card: FullCard, plans: tuple[str, str], path: Path) -> tuple[Sequence[str], IntArray, IntArray]:
    """Compare on the months of the file; a month without use has no row in it, but its fee counts."""
    cells = read_cells(path, card)
    bills, left_out = bill_cells_on_every_plan(card, cells, plans)
    for plan, reasons in left_out.items():
        raise DataError(f"plans diff: {left_out_remark(plan, reasons)}")
    sold = ~np.any([found.unsold.any(axis=1) for found in bills.values()], axis=0)
    if not sold.all():
        note(f"{int((~sold).sum()):,} subscriber(s) used what one of the plans does not sell: left out")
    one, two = (bills[plan].book.totals.sum(axis=1)[sold] for plan in plans)
    return [name for name, has in zip(cells.subscribers, sold.tolist(), strict=True) if has], one, two


def _by_months(
    card: Catalogue, plans: tuple[str, str], usage: Path, settings: SettingsCommand
) -> tuple[Sequence[str], IntArray, IntArray]:
    data = read_usage_table(usage, catalogue=card, reading=settings.reading)
    for report in data.reports:
        note(report.summary())
    totals = bill_totals(usage_of(data.months), card)
    frame = data.months[[SUBSCRIBER]].assign(**{str(i): totals[:, card.index(p)] for i, p in enumerate(plans)})
    sums = frame.groupby(SUBSCRIBER, sort=True).sum()
    return sums.index.astype(str).tolist(), sums["0"].to_numpy(), sums["1"].to_numpy()


def _show(first: str, second: str, currency: str, names: Sequence[str], one: IntArray, two: IntArray) -> None:
    """Show who would pay less, more, the same; the largest changes by name."""
    change = two - one
    counts = {"less": int((change < 0).sum()), "more": int((change > 0).sum()), "the same": int((change == 0).sum())}
    text = ", ".join(f"{n:,} {word}" for word, n in counts.items())
    note(f"{second} instead of {first}: of {len(names):,} subscriber(s) would pay {text}.")
    largest = sorted(range(len(names)), key=lambda i: (-abs(int(change[i])), i))[:_MOST_SHOWN]
    show_table(f"{second} instead of {first}, largest changes", _rows(currency, names, one, two, sorted(largest)))


def _rows(
    currency: str, names: Sequence[str], one: IntArray, two: IntArray, which: Sequence[int]
) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for i in which:
        a, b = int(one[i]), int(two[i])
        word = "the same" if a == b else ("less" if b < a else "more")
        texts = {"first": money_text(Decimal(a), currency), "second": money_text(Decimal(b), currency)}
        rows.append({"subscriber": names[i], **texts, "change": word})
    return rows
