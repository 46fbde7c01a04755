"""Full cards read from files: every use that a card knows has a price, and no sum leaves 64 bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import numpy as np

from common_utils.array_types import BoolArray
from common_utils.config.yaml_text import line_of
from common_utils.errors import ConfigError
from planrec.billing.cards import (
    FullCard,
    FullPlan,
    MarkedTree,
    Option,
    is_short,
    never_held,
    parse_card,
    read_card_tree,
    with_line,
)
from planrec.billing.events import CALL_IN, KINDS, LocalClock, PeriodRule
from planrec.billing.rating import CardCells, Sheet, amount_of

__all__ = ["load_complete_card", "refuse_gaps"]

_MOST_TOLD = 3
_NEAR = 0.75  # of two names: a letter left out, doubled or exchanged


def load_complete_card(path: Path) -> FullCard:
    """Read and check a full card.

    Raises
    ------
    ConfigError
        If the file cannot be read, a key or value is wrong, a prefix or class cannot be of a number, a use of the card
        has neither a price nor an unlimited allowance, or a charge could leave 64 bits; the message names the key.
    """
    name = f"card {path}"
    marked = read_card_tree(path)
    card = parse_card(marked, name)
    problem = next(never_held(card), None)
    if problem:
        raise ConfigError(f"{name}: {with_line(card, problem, marked.lines)}")
    _refuse_odd_classes(card, marked, name)
    _refuse_uncountable(card, marked, name)
    refuse_gaps(card, marked, name)
    return card


def _refuse_uncountable(card: FullCard, marked: MarkedTree, name: str) -> None:
    """Refuse a zone, a period or an amount that is none, and what 64 bits do not hold, with the line of the key."""
    looks: list[tuple[str, Callable[[], object]]] = [
        ("timezone: ", lambda: LocalClock(card.timezone)),
        *_periods_named(card),
        ("", lambda: _amounts(Sheet(card))),
    ]
    for key, look in looks:
        try:
            look()
        except ConfigError as error:
            said = key + str(error).removeprefix(f"card {card.version}: ")
            raise ConfigError(f"{name}: {with_line(card, said, marked.lines)}") from error


def _periods_named(card: FullCard) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield keys that name a period, with what refuses a name that is none."""
    rule = PeriodRule(card.period)
    for plan in card.plans:
        for i, change in enumerate(plan.fee_changes):
            yield f"plans.{plan.plan_id}.fee_changes[{i}].from_period: ", partial(rule.parse, change.from_period)


def _amounts(sheet: Sheet) -> None:
    """Refuse amounts of allowances that are no whole number of seconds, messages or parts of a megabyte."""
    for row in sheet.allowances:
        told = row.allowance
        if told is None:
            continue
        limits = [(f"per_{span}_max", getattr(told, f"per_{span}_max")) for span in ("call", "day", "week")]
        limits += [("amount", told.amount), ("rollover.max", told.rollover.max if told.rollover else None)]
        for key, value in limits:
            if value not in (None, "unlimited"):
                amount_of(told, value, f"{row.key}.{key}", sheet.unit)


def _refuse_odd_classes(card: FullCard, marked: MarkedTree, name: str) -> None:
    """Refuse prefixes that no number begins with, and classes that are a slip of the pen for one that has prefixes."""
    for of_class, prefixes in card.prefixes.items():
        odd = next((one for one in prefixes if not (one.isascii() and one.isdigit())), None)
        if odd is not None:
            line = f"line {line_of(marked.lines, ('prefixes', of_class))}, " if marked.lines else ""
            raise ConfigError(f"{name}: {line}prefixes.{of_class}: {odd!r} is not digits alone, as numbers begin.")
    known = {*card.prefixes, *card.classes}
    for key, i, named in _named_classes(card) if card.prefixes else ():
        near = [] if named in known else get_close_matches(named, known, n=1, cutoff=_NEAR)
        if near:
            line = f"line {line_of(marked.lines, (*key, i))}, " if marked.lines else ""
            where = ".".join(map(str, (*key, i)))
            raise ConfigError(f"{name}: {line}{where}: no prefix gives class {named!r}; did you mean {near[0]!r}?")


def _named_classes(card: FullCard) -> Iterator[tuple[tuple[str | int, ...], int, str]]:
    for what, owners in (("plans", card.plans), ("options", card.options)):
        for o, owner in enumerate(owners):
            unsold = owner.not_sold if isinstance(owner, FullPlan) else ()
            for part, rows in (("rates", owner.rates), ("allowances", owner.allowances), ("not_sold", unsold)):
                for i, row in enumerate(rows):
                    yield from (((what, o, part), i, named) for named in row.to or ())


def refuse_gaps(card: FullCard, marked: MarkedTree, name: str) -> None:
    """Refuse a card of which a plan leaves a use without a price.

    The uses are those that the card knows: each kind that a row of any plan or option names, to each class and at each
    place that rows of that kind name, in each band and at each date. What a plan does not sell stands in its
    `not_sold`. Plans in the short form have no classes and places and are not looked at.

    Raises
    ------
    ConfigError
        With line and plan.

    Examples
    --------
    >>> calls = {"kind": "call", "to": ["fixed"], "item": "calls", "per_minute": "9"}
    >>> plans = [{"plan_id": "a", "rates": [calls]}, {"plan_id": "b", "rates": [{**calls, "to": ["mobile"]}]}]
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": plans}
    >>> refuse_gaps(parse_card(tree, "card"), MarkedTree(tree), "card")
    Traceback (most recent call last):
    common_utils.errors.ConfigError: card: plans.0 (a): no price and no unlimited allowance for a call to mobile at \
home. Add a rate, or name it in `not_sold`.
    """
    sheet = Sheet(card)
    if card.prepaid:
        return
    plans = marked.tree.get("plans") if isinstance(marked.tree, dict) else None
    listed = plans if isinstance(plans, list) else []
    for i, plan in enumerate(card.plans):
        if i < len(listed) and is_short(listed[i]):
            continue
        gaps = list(dict.fromkeys(_gaps(sheet, i, plan)))
        if gaps:
            line = f"line {line_of(marked.lines, ('plans', i))}, " if marked.lines else ""
            more = f" and {len(gaps) - _MOST_TOLD} more" if len(gaps) > _MOST_TOLD else ""
            raise ConfigError(
                f"{name}: {line}plans.{i} ({plan.plan_id}): no price and no unlimited allowance for "
                f"{', '.join(gaps[:_MOST_TOLD])}{more}. Add a rate, or name it in `not_sold`."
            )


def _gaps(sheet: Sheet, i: int, plan: FullPlan) -> Iterator[str]:
    card = sheet.card
    known = {kind: _known(card, kind) for kind in KINDS[:CALL_IN] + KINDS[CALL_IN + 1 :]}
    classes = tuple(dict.fromkeys(("", *(c for names, _ in known.values() for c in names))))
    places = tuple(dict.fromkeys(("home", *(p for _, names in known.values() for p in names))))
    cells = CardCells(sheet, classes, places, [(i, np.zeros(len(card.options), dtype=bool))])
    open_cells = (cells.rate < 0) & ~_unlimited(sheet, cells) & (cells.passes < 0)
    parts = np.array(cells.parts(np.flatnonzero(open_cells).astype(np.int64))).T
    for _, _, band, place, kind, to in parts.tolist():
        use = (KINDS[kind], cells.classes[to], cells.places[place])
        if kind == CALL_IN or use[1] not in known[use[0]][0] or use[2] not in known[use[0]][1]:
            continue
        if not any(row.fits(card, *use) for row in plan.not_sold):
            bands = [b for b, held in zip(card.bands, cells.band_sets[band], strict=False) if held]
            yield _text(
                card, use, bands if (cells.rate.reshape(cells.shape)[:, :, :, place, kind, to] >= 0).any() else []
            )


def _unlimited(sheet: Sheet, cells: CardCells) -> BoolArray:
    found = np.zeros(cells.n, dtype=bool)
    for row, fits in zip(sheet.allowances, cells.allowances, strict=True):
        allowance = row.allowance
        if allowance is not None and allowance.amount == "unlimited":
            found |= fits & (not allowance.single_uses)
    if sheet.card.pool is not None:
        _, _, _, place, kind, _ = cells.parts(np.arange(cells.n))
        found |= (place == 0) & (kind == KINDS.index("data"))
    return found


def _known(card: FullCard, kind: str) -> tuple[set[str], set[str]]:
    """Return the classes and the places that a kind of use can have; none where no row names the kind."""
    owners: list[FullPlan | Option] = [*card.plans, *card.options]
    rows = [r for o in owners for r in (*o.rates, *o.allowances) if kind in r.kind]
    if not rows:
        return set(), set()
    named = {c for r in rows for c in r.to or ()}
    classes = {m for c in named for m in card.classes.get(c, (c,))}
    if card.prefixes and kind != "data":
        classes |= {*card.prefixes, ""}  # a number that no prefix fits
    bought = [b for o in owners for b in o.passes if kind in b.kinds]
    places = {p for r in rows for p in r.at} | {p for b in bought for p in (*b.at, b.treat_as)}
    return classes or {""}, {m for p in places for m in card.places.get(p, (p,))}


def _text(card: FullCard, use: tuple[str, str, str], bands: list[str]) -> str:
    kind, to, at = use
    what = {"call": "a call", "sms": "a message", "data": "data"}[kind]
    unknown = " to a number that no prefix fits" if card.prefixes and kind != "data" else ""
    to_whom = f" to {to}" if to else unknown
    when = f" ({'+'.join(bands)})" if bands else ""
    return f"{what}{to_whom} at {at}{when}"
