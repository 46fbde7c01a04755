"""The bundle's rate card against the one in force: prices, launches and ends of sale, each found and each silent."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from planrec.billing import Catalogue
from planrec.billing.catalogue import OnSale
from planrec.monitoring.rate_card import rate_card_findings
from planrec.months import month_index

_TRAINED, _MONTH = month_index("2025-08"), month_index("2025-10")
_USAGE = pd.DataFrame(
    {"minutes": [100.0, 600.0], "messages": [0.0, 0.0], "megabytes": [0.0, 0.0], "current_plan": ["surf", "surf"]}
)


def _levels(bundle: Catalogue, now: Catalogue, usage: pd.DataFrame = _USAGE) -> dict[str, str]:
    found = rate_card_findings(bundle, now, usage, trained=_TRAINED, month=_MONTH)
    return {finding.check: finding.level for finding in found}


def _changed(card: Catalogue, **update: object) -> Catalogue:
    plans = (card.plans[0].model_copy(update=update), *card.plans[1:])
    return replace(card, plans=plans)


_WELL = {"card_prices": "ok", "card_plans_launched": "ok", "card_plans_withdrawn": "ok"}


def test_the_same_card_is_well(megaline: Catalogue) -> None:
    assert _levels(megaline, replace(megaline, version="another name")) == _WELL


def test_a_price_rise_is_told_with_what_it_does_to_bills(megaline: Catalogue) -> None:
    # surf costs 20.00; 100 minutes more than its 500 cost 3.00: bills of 20.00 and 23.00 become 22.00 and 25.00.
    dearer = _changed(megaline, monthly_fee_cents=2200)
    found = rate_card_findings(megaline, dearer, _USAGE, trained=_TRAINED, month=_MONTH)[0]
    assert (found.check, found.level, found.count) == ("card_prices", "alarm", 2)
    assert found.value == pytest.approx(4 / 43)
    assert "surf; this month's bills on the plans held change by +9.3 %" in found.sentence


def test_without_plans_held_the_price_rise_is_told_all_the_same(megaline: Catalogue) -> None:
    dearer = _changed(megaline, monthly_fee_cents=2200)
    assert _levels(megaline, dearer, _USAGE.drop(columns="current_plan"))["card_prices"] == "alarm"
    assert _levels(megaline, dearer, _USAGE.assign(current_plan="gone"))["card_prices"] == "alarm"


def test_another_rounding_is_another_price(megaline: Catalogue) -> None:
    by_month = replace(megaline, rounding=megaline.rounding.model_copy(update={"minutes": "month"}))
    found = rate_card_findings(megaline, by_month, _USAGE, trained=_TRAINED, month=_MONTH)[0]
    assert (found.level, "the rounding" in found.sentence) == ("alarm", True)


def test_a_plan_the_bundle_does_not_know_is_an_alarm(megaline: Catalogue) -> None:
    launched = replace(megaline, plans=(*megaline.plans, megaline.plans[0].model_copy(update={"plan_id": "new"})))
    assert _levels(megaline, launched) == _WELL | {"card_plans_launched": "alarm"}


def test_a_launch_the_bundle_knew_of_is_a_notice(megaline: Catalogue) -> None:
    later = _changed(megaline, on_sale=OnSale.model_validate({"from": "2025-10"}))
    assert _levels(later, later) == _WELL | {"card_plans_launched": "notice"}


def test_a_plan_that_is_gone_is_an_alarm_unless_the_bundle_knew(megaline: Catalogue) -> None:
    ended = _changed(megaline, on_sale=OnSale.model_validate({"to": "2025-09"}))
    assert _levels(megaline, ended) == _WELL | {"card_plans_withdrawn": "alarm"}
    assert _levels(ended, ended) == _WELL
    assert _levels(megaline, replace(megaline, plans=megaline.plans[1:])) == _WELL | {"card_plans_withdrawn": "alarm"}
