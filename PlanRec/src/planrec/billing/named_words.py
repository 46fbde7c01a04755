"""The places and classes that rows of a full card name: use of any other can only be meant for one of these."""

from __future__ import annotations

from planrec.billing.cards import FullCard

__all__ = ["named_classes", "named_places"]


def named_places(card: FullCard) -> set[str]:
    """Return all places that rows of a card name, alone or in a set, and home.

    Examples
    --------
    >>> from planrec.billing.cards import parse_card
    >>> rate = {"kind": "call", "item": "calls", "at": ["eu", "usa"], "per_minute": "9"}
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "places": {"eu": ["france", "spain"]}}
    >>> sorted(named_places(parse_card({**tree, "plans": [{"plan_id": "a", "rates": [rate]}]}, "card")))
    ['eu', 'france', 'home', 'spain', 'usa']
    """
    owners = (*card.plans, *card.options)
    rows = [row for owner in owners for row in (*owner.rates, *owner.allowances, *owner.passes)]
    named = {place for row in rows for place in row.at} | {
        p for plan in card.plans for n in plan.not_sold for p in n.at
    }
    named |= {bought.treat_as for owner in owners for bought in owner.passes}
    return {"home", *named, *(place for name in named for place in card.places.get(name, ()))}


def named_classes(card: FullCard) -> set[str]:
    """Return all classes that rows of a card name, alone or in a set, those of its prefixes, and "".

    Examples
    --------
    >>> from planrec.billing.cards import parse_card
    >>> rate = {"kind": "call", "item": "calls", "to": ["fixed"], "per_minute": "9"}
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "prefixes": {"premium": ["807"]}}
    >>> sorted(named_classes(parse_card({**tree, "plans": [{"plan_id": "a", "rates": [rate]}]}, "card")))
    ['', 'fixed', 'premium']
    """
    rows = [row for owner in (*card.plans, *card.options) for row in (*owner.rates, *owner.allowances)]
    named = {name for row in rows for name in row.to or ()}
    named |= {name for plan in card.plans for row in plan.not_sold for name in row.to or ()}
    return {"", *named, *card.prefixes, *(one for name in named for one in card.classes.get(name, ()))}
