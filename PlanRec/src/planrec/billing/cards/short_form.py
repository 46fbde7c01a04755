"""The short form of a plan (a fee, three allowances, three prices) written out as the full form that means the same."""

from __future__ import annotations

from common_utils.config.yaml_text import line_of
from common_utils.errors import ConfigError
from planrec.billing.cards.yaml_text import MarkedTree, Tree

__all__ = ["in_full", "is_short"]

_SHORT = {"plan_id", "name", "monthly_fee_cents", "included", "overage"}
_NO_PRICE = {"on_sale", "contract_months", "perks", "eligibility"}  # who may take a plan, not what it costs
_ROUNDING = {"minutes", "data_unit_megabytes"}


def is_short(plan: object) -> bool:
    """Return whether a plan is written in the short form.

    Examples
    --------
    >>> is_short({"plan_id": "a", "monthly_fee_cents": "900"}), is_short({"plan_id": "a", "fee": "900"})
    (True, False)
    """
    return isinstance(plan, dict) and "monthly_fee_cents" in plan


def in_full(marked: MarkedTree, name: str) -> MarkedTree:
    """Return a card with its short plans written out, each at its place; other cards as they are.

    Minutes are those of calls that are each rounded up; megabytes beyond the allowance are started units of the period.

    Parameters
    ----------
    marked : MarkedTree
        Mappings, lists and text.
    name : str
        What messages call the card.

    Raises
    ------
    ConfigError
        If a short plan lacks a key or has one that it does not know, or the minutes are rounded a month, which calls
        cannot be billed by.

    Examples
    --------
    >>> short = {"plan_id": "a", "monthly_fee_cents": "900",
    ...     "included": {"minutes": "100", "messages": None, "megabytes": "1024"},
    ...     "overage": {"cents_per_minute": "9", "cents_per_message": "9", "cents_per_data_unit": "500"}}
    >>> tree = in_full(MarkedTree({"plans": [short], "rounding": {"minutes": "call"}}), "card").tree
    >>> tree["plans"][0]["allowances"][0]
    {'name': 'minutes', 'kind': 'call', 'amount': '100', 'unit': 'minute'}
    """
    tree = marked.tree
    plans = tree.get("plans") if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or not isinstance(plans, list) or not any(is_short(p) for p in plans):
        return marked
    rounding = tree.get("rounding")
    told = rounding if isinstance(rounding, dict) else {}
    if told.get("minutes") != "call":
        first = next(i for i, p in enumerate(plans) if is_short(p))
        line = line_of(marked.lines, ("rounding", "minutes") if rounding else ("plans", first, "monthly_fee_cents"))
        raise ConfigError(
            f"{name}: {_line(line, marked)}rounding.minutes: plans in the short form bill calls only where "
            "each call is rounded up; write `minutes: call`, or write these plans with `rates`."
        )
    unit = told.get("data_unit_megabytes") or "1024"
    full = [
        _full(p, f"{name}: {_line(line_of(marked.lines, ('plans', i)), marked)}plans.{i}", unit)
        if isinstance(p, dict) and is_short(p)
        else p
        for i, p in enumerate(plans)
    ]
    rest: dict[str, Tree] = {key: value for key, value in told.items() if key not in _ROUNDING}
    return MarkedTree({**tree, "plans": full, "rounding": rest}, marked.lines)


def _line(line: int, marked: MarkedTree) -> str:
    return f"line {line}, " if marked.lines else ""


def _full(plan: dict[str, Tree], where: str, unit: Tree) -> Tree:
    unknown = sorted(set(plan) - _SHORT - _NO_PRICE)
    if unknown:
        raise ConfigError(
            f"{where}.{unknown[0]}: unknown key; a plan in the short form has {', '.join(sorted(_SHORT | _NO_PRICE))}."
        )
    included = _part(plan, "included", ("minutes", "messages", "megabytes"), where)
    overage = _part(plan, "overage", ("cents_per_minute", "cents_per_message", "cents_per_data_unit"), where)
    minute: dict[str, Tree] = {"unit": "minute"}
    allowances = [
        _allowance("minutes", "call", included["minutes"], minute),
        _allowance("messages", "sms", included["messages"], {}),
        _allowance("data", "data", included["megabytes"], {}),
    ]
    rates: list[Tree] = [
        {"kind": "call", "item": "minutes", "increment": "60/60", "per_minute": overage["cents_per_minute"]},
        {"kind": "sms", "item": "messages", "each": overage["cents_per_message"]},
        {
            "kind": "data",
            "item": "data",
            "block_mb": unit,
            "per_block": overage["cents_per_data_unit"],
            "rounded": "period",
        },
    ]
    full: dict[str, Tree] = {"plan_id": plan.get("plan_id"), "fee": plan["monthly_fee_cents"]}
    full |= {"name": plan["name"]} if "name" in plan else {}
    return {**full, "allowances": allowances, "rates": rates}


def _part(plan: dict[str, Tree], key: str, names: tuple[str, ...], where: str) -> dict[str, Tree]:
    part = plan.get(key)
    if not isinstance(part, dict) or set(part) != set(names):
        raise ConfigError(f"{where}.{key}: write {', '.join(names)}.")
    return part


def _allowance(name: str, kind: str, amount: Tree, unit: dict[str, Tree]) -> Tree:
    if amount is None:
        return {"name": name, "kind": kind, "amount": "unlimited"}
    return {"name": name, "kind": kind, "amount": amount, **unit}
