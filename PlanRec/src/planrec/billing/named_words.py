"""The places that rows of a full card name: use at any other can only be meant for one of these."""

from __future__ import annotations

from planrec.billing.cards import FullCard

__all__ = ["named_places"]


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
