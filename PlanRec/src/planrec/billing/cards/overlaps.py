"""What two rows of a card both claim: hours of a band, members of a set, days and prefixes that stand twice.

None is an error, since the first row that fits holds; each remark says which one that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from planrec.billing.cards.rows import Band, Rate
from planrec.billing.cards.schema import FullCard

__all__ = ["overlaps"]


def overlaps(card: FullCard) -> Iterator[str]:
    """Yield what is claimed twice, each text beginning with its key.

    Examples
    --------
    >>> from planrec.billing.cards.load import parse_card
    >>> tree = {"version": "v1", "currency": "EUR", "timezone": "Europe/Madrid", "plans": [{"plan_id": "a"}],
    ...     "places": {"zone_1": ["fr", "ch"], "zone_2": ["us", "ch"]}}
    >>> list(overlaps(parse_card(tree, "card")))
    ["places.zone_2: 'ch' is in zone_1 too; the first row that fits holds"]
    """
    owners = [(f"plans.{p.plan_id}", p.rates) for p in card.plans]
    owners += [(f"options.{o.option_id}", o.rates) for o in card.options]
    for key, rates in owners:
        yield from _rates_of_one_hour(card, key, rates)
    for name, band in card.bands.items():
        for i in range(len(band)):
            if _shared(band[i : i + 1], band[:i]):
                yield f"bands.{name}[{i}]: {_shared(band[i : i + 1], band[:i])} stands in an earlier window too"
    yield from _sets(card)
    for i, day in enumerate(card.holidays):
        if day in card.holidays[:i]:
            yield f"holidays[{i}]: {day} stands twice"
    for name, prefixes in card.prefixes.items():
        for i, prefix in enumerate(prefixes):
            if prefix in prefixes[:i]:
                yield f"prefixes.{name}[{i}]: {prefix!r} stands twice"


def _sets(card: FullCard) -> Iterator[str]:
    """Yield members of two sets; sets of classes may hold each other, as `any` holds `national`."""
    for what, sets in (("places", card.places), ("classes", card.classes)):
        named = list(sets.items())
        for i, (name, members) in enumerate(named):
            for other, others in named[:i]:
                both = [m for m in members if m in others]
                inside = set(members) <= set(others) or set(others) <= set(members)
                if both and not (what == "classes" and inside):
                    yield f"{what}.{name}: {both[0]!r} is in {other} too; the first row that fits holds"


def _rates_of_one_hour(card: FullCard, key: str, rates: Sequence[Rate]) -> Iterator[str]:
    for i, rate in enumerate(rates):
        for j, earlier in enumerate(rates[:i]):
            if rate.when is None or earlier.when is None or rate.when == earlier.when:
                continue
            hours = _shared(card.bands[rate.when], card.bands[earlier.when])
            if hours and _of_one_use(card, rate, earlier):
                yield (
                    f"{key}.rates[{i}].when: band {rate.when!r} overlaps {earlier.when!r} of rates[{j}] ({hours}); "
                    f"there rates[{j}] holds, the first that fits"
                )


def _of_one_use(card: FullCard, one: Rate, two: Rate) -> bool:
    """Return whether a use can fit both rates, the hour aside."""

    def members(names: Sequence[str], sets: dict[str, tuple[str, ...]]) -> set[str]:
        return {m for name in names for m in sets.get(name, (name,))}

    kinds = set(one.kind) & set(two.kind)
    places = members(one.at, card.places) & members(two.at, card.places)
    classes = one.to is None or two.to is None or members(one.to, card.classes) & members(two.to, card.classes)
    begins = max(one.valid_from or date.min, two.valid_from or date.min)
    return bool(kinds and places and classes) and begins <= min(one.valid_to or date.max, two.valid_to or date.max)


def _shared(one: Band, two: Band) -> str:
    """Return the first hours that two bands share, as `sat 00:00-06:00`; "" where they share none."""
    for a in one:
        for b in two:
            day = next((day for day in a.days if day in b.days), None)
            first, last = max(a.first, b.first), min(a.last, b.last)
            if day is not None and first < last:
                return f"{day} {first}-{last}"
    return ""
