from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from common_utils.errors import ConfigError
from planrec.billing import UNLIMITED, Catalogue, load_catalogue
from planrec.months import month_index

CARD = {
    "version": "v1",
    "currency": "EUR",
    "rounding": {"minutes": "call", "data_unit_megabytes": 1024},
    "plans": [
        {
            "plan_id": "a",
            "name": "A",
            "monthly_fee_cents": 1000,
            "included": {"minutes": 100, "messages": None, "megabytes": 2048},
            "overage": {"cents_per_minute": 1, "cents_per_message": 2, "cents_per_data_unit": 3},
            "on_sale": {"from": "2025-03", "to": "2025-06"},
        }
    ],
}


def write(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "plans.yaml"
    path.write_text(yaml.safe_dump({**CARD, **changes}), encoding="utf-8")
    return path


def plan(**changes: object) -> dict[str, object]:
    return {**CARD["plans"][0], **changes}  # type: ignore[dict-item]


def test_shipped_catalogue_has_at_least_twelve_plans_on_sale_every_month(catalogue: Catalogue) -> None:
    assert len(catalogue.plans) == 13
    months = np.arange(month_index("2025-01"), month_index("2025-12") + 1)
    assert ((catalogue.sale_state(months) == 0).sum(axis=1) == 12).all()


def test_megaline_prices_are_those_of_the_published_table(megaline: Catalogue) -> None:
    prices = megaline.prices
    assert prices.fee_cents.tolist() == [2000, 7000]
    assert prices.included_minutes.tolist() == [500, 3000]
    assert prices.included_messages.tolist() == [50, 1000]
    assert prices.included_data_units.tolist() == [15, 30]
    assert prices.cents_per_minute.tolist() == [3, 1]
    assert prices.cents_per_message.tolist() == [3, 1]
    assert prices.cents_per_data_unit.tolist() == [1000, 700]


def test_sale_window_includes_both_ends(tmp_path: Path) -> None:
    card = load_catalogue(write(tmp_path))
    months = ["2025-02", "2025-03", "2025-06", "2025-07"]
    assert [int(card.sale_state(month_index(m))[0]) for m in months] == [-1, 0, 0, 1]


def test_null_allowance_is_unlimited(tmp_path: Path) -> None:
    card = load_catalogue(write(tmp_path))
    assert card.prices.included_messages.tolist() == [UNLIMITED]
    assert card.index("a") == 0
    assert card.index("b") == card.index(None) == -1


def test_age_limits_are_open_where_nothing_is_said(catalogue: Catalogue) -> None:
    youngest, oldest = catalogue.age_limits
    assert oldest[catalogue.index("young-10")] == 27
    assert youngest[catalogue.index("senior-talk")] == 60
    assert np.isinf(youngest[catalogue.index("unlimited")])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"plans": []}, "the catalogue holds no plan", id="no-plan"),
        pytest.param({"rounding": {"minutes": "week"}}, "rounding.minutes: ", id="unknown-rounding"),
        pytest.param({"colour": 1}, r"line \d+, colour: unknown key", id="unknown-key"),
        pytest.param({"currency": "euro"}, "currency: ", id="no-iso-currency"),
        pytest.param({"plans": [plan(), plan()]}, "plan_id 'a' stands twice", id="same-plan-twice"),
        pytest.param(
            {"plans": [plan(monthly_fee_cents=-1)]},
            r"line \d+, plans.0.monthly_fee_cents: input should be greater",
            id="negative-fee",
        ),
        pytest.param(
            {"plans": [plan(monthly_fee_cents=19.99)]},
            "plans.0.monthly_fee_cents: write a whole number",
            id="fee-in-euros",
        ),
        pytest.param(
            {"plans": [plan(included={"minutes": 1, "messages": 1, "megabytes": 500})]},
            "not whole data units of 1024",
            id="part-of-a-unit-included",
        ),
        pytest.param(
            {"plans": [plan(on_sale={"from": "2025-06", "to": "2025-03"})]}, "lies before", id="sale-ends-first"
        ),
        pytest.param({"plans": [plan(on_sale={"from": "2025-13"})]}, "on_sale.from", id="month-13"),
        pytest.param({"plans": ["a"]}, "plans.0: ", id="plan-is-a-word"),
    ],
)
def test_bad_rate_card_is_refused_with_plan_and_field(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_catalogue(write(tmp_path, **changes))


def test_many_problems_are_capped_at_five(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\nand 2 more$"):
        load_catalogue(write(tmp_path, plans=[plan(plan_id=f"p{i}", monthly_fee_cents=-1) for i in range(7)]))


def test_missing_and_unreadable_rate_cards_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_catalogue(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("plans: [", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1: expected the node content"):
        load_catalogue(broken)


def test_plan_without_perks_has_none_and_the_card_names_them(catalogue: Catalogue, megaline: Catalogue) -> None:
    assert all(plan.perks == () for plan in megaline.plans)
    assert catalogue.plans[catalogue.index("family-40")].perks == ("streaming", "data-sharing")


def test_what_plans_offer_beside_prices(catalogue: Catalogue, megaline: Catalogue, tmp_path: Path) -> None:
    at = [catalogue.index(p) for p in ("basic-6", "family-40", "voice-free", "unlimited")]
    assert catalogue.perk_counts[at].tolist() == [0, 2, 1, 3]
    assert catalogue.contract_years[at].tolist() == [0, 2, 1, 2]
    assert catalogue.unlimited_shares[at].tolist() == [0, 0, pytest.approx(2 / 3), 1]
    assert megaline.unlimited_shares.tolist() == megaline.perk_counts.tolist() == megaline.contract_years.tolist()
    assert load_catalogue(write(tmp_path)).unlimited_shares.tolist() == [pytest.approx(1 / 3)]
