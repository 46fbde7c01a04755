"""Checks over a whole card: names that must exist or be unique, and remarks on rows that cannot matter.

Each problem and remark begins with its key; `with_line` puts the line of the file before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from common_utils.config.yaml_text import Location, line_of
from common_utils.errors import ConfigError
from planrec.billing.cards.overlaps import overlaps
from planrec.billing.cards.rows import Allowance, Rate
from planrec.billing.cards.schema import FullCard, FullPlan, Option

_A_UNIT = 100  # hundredths of the currency

__all__ = ["never_held", "refuse_contradictions", "remarks", "with_line"]


def with_line(card: FullCard, text: str, lines: Mapping[Location, int]) -> str:
    """Return a text that begins with a key of the card, with the key's line before it where lines are known.

    Examples
    --------
    >>> from planrec.billing.cards.load import parse_card
    >>> tree = {"version": "v1", "currency": "EUR", "timezone": "Europe/Madrid", "plans": [{"plan_id": "a"}]}
    >>> with_line(parse_card(tree, "card"), "plans.a.fee: odd", {(): 1, ("plans", 0, "fee"): 7})
    'line 7, plans.a.fee: odd'
    """
    return f"line {line_of(lines, _location(card, text))}, {text}" if lines else text


def _location(card: FullCard, text: str) -> Location:
    """Return where in the file the key stands with which a text begins; plans and options are named by identifier."""
    named = [(f"plans.{p.plan_id}", ("plans", i)) for i, p in enumerate(card.plans)]
    named += [(f"options.{o.option_id}", ("options", i)) for i, o in enumerate(card.options)]
    fits = [(key, at) for key, at in named if text.startswith((f"{key}.", f"{key}:"))]
    key, at = max(fits, key=lambda found: len(found[0]), default=("", ()))
    rest = re.findall(r"[^.\[\]]+", text.removeprefix(key).partition(":")[0])
    return (*at, *(int(part) if part.isdigit() else part for part in rest))


def refuse_contradictions(card: FullCard, name: str, lines: Mapping[Location, int]) -> None:
    """Refuse a card whose names do not fit together; `lines` are those of its keys, where they are known.

    Raises
    ------
    ConfigError
        If an identifier or a prefix stands twice, or a band, plan or option is named that the card does not hold; with
        the line and the key.
    """
    problem = next(_problems(card), None)
    if problem:
        raise ConfigError(f"{name}: {with_line(card, problem, lines)}")


def _problems(card: FullCard) -> Iterator[str]:
    yield from _twice(card)
    plans, options = [p.plan_id for p in card.plans], [o.option_id for o in card.options]
    owners: list[tuple[str, FullPlan | Option]] = [(f"plans.{p.plan_id}", p) for p in card.plans]
    owners += [(f"options.{o.option_id}", o) for o in card.options]
    for key, owner in owners:
        yield from _unknown_bands(card, key, owner)
        if card.prepaid and (owner.rates or owner.allowances or owner.passes or owner.caps):
            yield f"{key}: a prepaid card uses no rates, allowances, passes or caps"
    single = {o.option_id for o in card.options if o.starts is not None}
    for option in card.options:
        if single & set(option.requires):
            yield f"options.{option.option_id}.requires: an option that is bought one by one cannot be required"
        for part, what, names, known in (
            ("only_with", "plan", option.only_with or (), plans),
            ("requires", "option", option.requires, options),
        ):
            for i in (i for i, one in enumerate(names) if one not in known):
                yield f"options.{option.option_id}.{part}[{i}]: {what} {names[i]!r} is not in the card"
    yield from _prepaid_problems(card)
    for plan in card.plans:
        yield from _sold_after_all(card, plan)


def _sold_after_all(card: FullCard, plan: FullPlan) -> Iterator[str]:
    """Yield uses of `not_sold` that a rate of the plan always prices: they would be billed."""

    def members(names: Sequence[str], sets: Mapping[str, Sequence[str]]) -> set[str]:
        return {m for name in names for m in sets.get(name, (name,))}

    for i, row in enumerate(plan.not_sold):
        for j, rate in enumerate(plan.rates):
            always = rate.when is None and rate.valid_from is None and rate.valid_to is None
            if not always or not set(row.kind) & set(rate.kind):
                continue
            classes = rate.to is None or (
                row.to is not None and members(row.to, card.classes) <= members(rate.to, card.classes)
            )
            if classes and members(row.at, card.places) <= members(rate.at, card.places):
                yield (
                    f"plans.{plan.plan_id}.not_sold[{i}]: rates[{j}] prices it, so that it would be billed; name in "
                    "`to` and `at` of that rate what is sold, or take it out of `not_sold`"
                )


def _twice(card: FullCard) -> Iterator[str]:
    """Yield identifiers and prefixes that mean two things."""
    plans, options = [p.plan_id for p in card.plans], [o.option_id for o in card.options]
    for part, what, ids in (
        ("plans", "plan_id", plans),
        ("options", "option_id", options),
        ("options", "name", [o.name for o in card.options]),
    ):
        again = next((i for i, one in enumerate(ids) if one in ids[:i]), None)
        if again is not None:
            yield f"{part}[{again}].{what}: {ids[again]!r} stands twice, first in {part}[{ids.index(ids[again])}]"
    seen: dict[str, str] = {}
    for of_class, i, prefix in ((c, i, p) for c, group in card.prefixes.items() for i, p in enumerate(group)):
        if seen.setdefault(prefix, of_class) != of_class:
            yield f"prefixes.{of_class}[{i}]: {prefix!r} is of class {seen[prefix]!r} too; leave it in one"


def never_held(card: FullCard) -> Iterator[str]:
    """Yield why options can never be held: their groups, plans and requirements contradict each other."""
    for option in card.options:
        yield from _contradictions(card, option)


def _contradictions(card: FullCard, option: Option) -> Iterator[str]:
    key, by_id = f"options.{option.option_id}.requires", {o.option_id: o for o in card.options}
    plans = [p.plan_id for p in card.plans]
    for other in (by_id[name] for name in option.requires if name in by_id):
        if other.option_id == option.option_id:
            yield f"{key}: an option cannot require itself"
        elif option.group is not None and option.group == other.group:
            yield f"{key}: {other.option_id!r} is of the same group {option.group!r}; they are never held together"
        elif not set(option.only_with or plans) & set(other.only_with or plans):
            yield f"{key}: no plan goes with it and with {other.option_id!r}"


def _unknown_bands(card: FullCard, key: str, owner: FullPlan | Option) -> Iterator[str]:
    for part, rows in (("rates", owner.rates), ("allowances", owner.allowances)):
        for i, row in enumerate(rows):
            if row.when is not None and row.when not in card.bands:
                yield f"{key}.{part}[{i}].when: no band {row.when!r} in `bands`"


def _prepaid_problems(card: FullCard) -> Iterator[str]:
    if card.prepaid and card.period.kind != "calendar_month":
        yield "prepaid: bills are of calendar months"
    for plan in card.plans:
        prices = (plan.per_minute, plan.per_message, plan.per_mb)
        if card.prepaid and None in prices:
            yield f"plans.{plan.plan_id}: a prepaid plan needs `per_minute`, `per_message` and `per_mb`"
        if not card.prepaid and (plan.pack or plan.bonus or prices != (None, None, None)):
            own = "`pack`, `bonus`, `per_minute`, `per_message`, `per_mb`"
            yield f"plans.{plan.plan_id}: {own} belong to `prepaid: true`"


def remarks(card: FullCard, lines: Mapping[Location, int] = MappingProxyType({})) -> list[str]:
    """Return what is odd and no error: limits that never bind, rows behind rows that take all, what stands twice.

    Each begins with its key, and with its line where the lines of the keys are given.

    Examples
    --------
    >>> from planrec.billing.cards.load import parse_card
    >>> plan = {"plan_id": "a", "caps": [{"name": "data", "items": "data", "amount": "1", "mode": "free"}]}
    >>> tree = {"version": "v1", "currency": "EUR", "timezone": "Europe/Madrid", "plans": [plan]}
    >>> remarks(parse_card(tree, "card"))
    ["plans.a.caps[0]: no rate charges ['data']; the cap never binds"]
    """
    found: list[str] = []
    for key, owner in [
        *((f"plans.{p.plan_id}", p) for p in card.plans),
        *((f"options.{o.option_id}", o) for o in card.options),
    ]:
        charged = _charged_items(owner) | ({i for o in card.options for i in _charged_items(o)})
        if isinstance(owner, Option):
            charged |= {i for p in card.plans for i in _charged_items(p)}
        if isinstance(owner, FullPlan):
            found.extend(_odd_money(card, key, owner))
        for i, cap in enumerate(owner.caps):
            if not set(cap.items) & charged:
                found.append(f"{key}.caps[{i}]: no rate charges {sorted(cap.items)}; the cap never binds")
        found.extend(_loose_limits(key, owner.allowances))
        found.extend(_hidden_rows(key, "rates", owner.rates))
        found.extend(_hidden_rows(key, "allowances", [a for a in owner.allowances if _takes_all(a)]))
    return [with_line(card, text, lines) for text in (*found, *overlaps(card))]


def _odd_money(card: FullCard, key: str, plan: FullPlan) -> Iterator[str]:
    """Say which items no row charges, so that they count as nothing, and a fee that looks like whole units."""
    charged = {i for owner in (plan, *card.options) for i in _charged_items(owner)}
    charged |= {"fee", plan.fee_item, "activation", *(f"option {o.name}" for o in card.options)}
    charged |= {"options"} | ({card.pool.item} if card.pool else set())
    charged |= {card.pool.over.item} if card.pool and card.pool.over else set()
    named = [(f"discounts[{i}].of", d.of) for i, d in enumerate(plan.discounts)]
    named += [("minimum_spend.counts", plan.minimum_spend.counts)] if plan.minimum_spend else []
    discounts = {d.item for d in plan.discounts}
    for part, items in named:
        known = charged | discounts if part.startswith("minimum") else charged
        for item in items:
            if item not in known:
                yield f"{key}.{part}: no row charges {item!r}; it counts as nothing"
    if plan.fee < _A_UNIT and plan.fee != int(plan.fee):
        yield f"{key}.fee: {plan.fee} are {plan.fee / _A_UNIT} {card.currency}; money is in hundredths"


def _loose_limits(key: str, rows: Sequence[Allowance]) -> Iterator[str]:
    """Say which limits inside an allowance are at least as large as the allowance."""
    for i, row in enumerate(rows):
        if row.amount == "unlimited" or row.rollover is not None or row.bank is not None:
            continue
        limits = [
            *(("per_call_max", row.per_call_max), ("per_day_max", row.per_day_max)),
            ("per_week_max", row.per_week_max),
        ]
        limits.append(("within.amount", row.within.amount if row.within else None))
        for name, limit in limits:
            if limit is not None and limit >= row.amount:
                yield f"{key}.allowances[{i}].{name}: not below the amount {row.amount}; the limit never binds"


def _takes_all(row: Allowance) -> bool:
    return row.amount == "unlimited" and not row.single_uses


def _charged_items(owner: FullPlan | Option) -> set[str]:
    items = {r.item for r in owner.rates if r.item} | {a.item for r in owner.rates for a in r.also}
    items |= {r.beyond.item for r in owner.rates if r.beyond} | {p.item for p in owner.passes}
    items |= {r.ladder.beyond.item for r in owner.rates if r.ladder and r.ladder.beyond}
    return items | {a.within.beyond.item for a in owner.allowances if a.within}


def _hidden_rows(key: str, part: str, rows: Sequence[Rate | Allowance]) -> Iterator[str]:
    for i, row in enumerate(rows):
        for earlier in rows[:i]:
            dated = isinstance(earlier, Rate) and (earlier.valid_from or earlier.valid_to)
            covers = set(row.kind) <= set(earlier.kind) and set(row.at) <= set(earlier.at) and not dated
            if covers and earlier.when is None and (earlier.to is None or set(row.to or ("?",)) <= set(earlier.to)):
                yield f"{key}.{part}[{i}]: an earlier row fits all that this one fits; it is never reached"
                break
