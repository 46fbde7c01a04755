"""Changes of the simulated world from a month on: of the rate card, of usage, of who joins, of how it is recorded."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import yaml

from planrec.billing import Catalogue, Plan
from planrec.columns import MEGABYTES, MONTH, SUBSCRIBER
from planrec.months import month_index
from planrec.simulator.campaign import in_holdout
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.usage import BURN_IN

__all__ = ["FLAGSHIP", "card_text", "rate_cards", "recorded_months"]

FLAGSHIP = "flagship"
_SLIP_SEED = 1024


def rate_cards(config: SimulatorConfig, catalogue: Catalogue) -> list[Catalogue]:
    """Return the rate card of each month, `BURN_IN` months before the table and the later months included.

    Parameters
    ----------
    config : SimulatorConfig
        Its drift may raise prices or launch a flagship.
    catalogue : Catalogue

    Returns
    -------
    list of Catalogue
        All with the same plans and allowances; successive months share one object while nothing changes.

    Examples
    --------
    >>> rise = {"kind": "price_rise", "start": "2025-02", "size": 0.1}
    >>> cards = rate_cards(SimulatorConfig(months=2, drift=[rise]), megaline)
    >>> [int(c.prices.fee_cents[0]) for c in cards]
    [2000, 2000, 2000, 2000, 2200, 2200, 2200, 2200]
    """
    first = month_index(config.first_month) - BURN_IN
    for change in config.drift:
        if change.kind == "flagship_launch":
            catalogue = _launched(catalogue, change.start, change.size)
    cards = [catalogue] * (BURN_IN + config.months + config.later_months)
    for change in config.drift:
        if change.kind == "price_rise":
            at = max(month_index(change.start) - first, 0)
            dearer: dict[int, Catalogue] = {}
            for t in range(at, len(cards)):
                cards[t] = dearer.setdefault(id(cards[t]), _dearer(cards[t], change.start, change.size))
    return cards


def _launched(catalogue: Catalogue, start: str, fee: float) -> Catalogue:
    plan = Plan.model_validate(
        {
            "plan_id": FLAGSHIP,
            "name": "Flagship",
            "monthly_fee_cents": round(fee * 100),
            "included": {
                "minutes": None,
                "messages": None,
                "megabytes": 30 * catalogue.rounding.data_unit_megabytes,
            },
            "overage": {"cents_per_minute": 0, "cents_per_message": 0, "cents_per_data_unit": 150},
            "on_sale": {"from": start},
        }
    )
    return replace(catalogue, plans=(*catalogue.plans, plan), version=f"{catalogue.version}+flagship")


def _dearer(catalogue: Catalogue, start: str, share: float) -> Catalogue:
    plans = tuple(
        p.model_copy(update={"monthly_fee_cents": round(p.monthly_fee_cents * (1 + share))}) for p in catalogue.plans
    )
    return replace(catalogue, plans=plans, version=f"{catalogue.version}+rise-{start}")


def recorded_months(months: pd.DataFrame, config: SimulatorConfig) -> pd.DataFrame:
    """Return usage months as the operator recorded them: some in the wrong unit, where the unit slips.

    Parameters
    ----------
    months : DataFrame
        Usage months as they were; not modified.
    config : SimulatorConfig

    Returns
    -------
    DataFrame
        From the slip on, a share of the subscribers have gigabytes where megabytes should be.
    """
    for change in config.drift:
        if change.kind == "unit_slip":
            names = months[SUBSCRIBER].unique()
            hit = dict(zip(names, in_holdout(names, share=min(change.size, 1.0), seed=_SLIP_SEED), strict=True))
            slipped = months[SUBSCRIBER].map(hit).astype(bool) & (months[MONTH] >= change.start)
            megabytes = months[MEGABYTES].where(~slipped, (months[MEGABYTES] / 1024).round(6))
            months = months.assign(**{MEGABYTES: megabytes})
    return months


def card_text(catalogue: Catalogue) -> str:
    """Return a rate card as the YAML that `catalogue.parse_catalogue` reads.

    Examples
    --------
    >>> from planrec.billing import parse_catalogue
    >>> parse_catalogue(card_text(card).encode(), "copy") == card
    True
    """
    content = {
        "version": catalogue.version,
        "currency": catalogue.currency,
        "rounding": catalogue.rounding.model_dump(mode="json"),
        "plans": [p.model_dump(mode="json", by_alias=True) for p in catalogue.plans],
    }
    return yaml.safe_dump(content, sort_keys=False)
