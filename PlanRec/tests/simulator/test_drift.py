from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from planrec.billing import Catalogue, parse_catalogue
from planrec.columns import CURRENT_PLAN, MONTH
from planrec.months import month_index
from planrec.simulator.config import Drift, SimulatorConfig
from planrec.simulator.drift import FLAGSHIP, card_text, rate_cards, recorded_months
from planrec.simulator.market import run_market
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation
from planrec.simulator.usage import draw_population, draw_usage

SIZE = {"subscribers": 400, "months": 6}


def operator(catalogue: Catalogue, *drift: Drift, **settings: object) -> Simulation:
    config = SimulatorConfig.model_validate(SIZE | settings | {"drift": drift})
    return simulate(config, catalogue, np.random.default_rng(8))


def demand(*drift: Drift, **settings: object) -> np.ndarray:
    config = SimulatorConfig.model_validate(SIZE | {"joins_late": 0} | settings | {"drift": drift})
    rng = np.random.default_rng(8)
    return draw_usage(config, draw_population(config, rng), rng, whole_minutes=True)


def test_drift_is_off_by_default(catalogue: Catalogue) -> None:
    assert SimulatorConfig().drift == ()
    plain = operator(catalogue)
    assert list(plain.rate_cards) == ["2025-01"]
    assert plain.rate_cards["2025-01"] is plain.catalogue is catalogue


def test_price_rise_raises_fees_from_its_month_on(catalogue: Catalogue) -> None:
    rise = Drift(kind="price_rise", start="2025-04", size=0.1)
    after = operator(catalogue, rise)
    assert list(after.rate_cards) == ["2025-01", "2025-04"]
    old, new = (c.prices.fee_cents for c in after.rate_cards.values())
    assert new.tolist() == [round(fee * 1.1) for fee in old.tolist()]
    bills, plain = after.truth.bills, operator(catalogue).truth.bills
    plans = list(catalogue.plan_ids)
    raised = bills[plans].to_numpy() - plain[plans].to_numpy()
    late = (bills[MONTH] >= "2025-04").to_numpy()
    assert (raised[late] == new - old).all()
    assert (raised[~late] == 0).all()


def test_two_price_rises_add_up(megaline: Catalogue) -> None:
    rises = [{"kind": "price_rise", "start": m, "size": 0.5} for m in ("2025-02", "2025-03")]
    cards = rate_cards(SimulatorConfig(months=3, later_months=2, drift=rises), megaline)
    assert [int(c.prices.fee_cents[0]) for c in cards] == [2000] * 4 + [3000] + [4500] * 3


def test_flagship_can_be_taken_from_its_launch_on(catalogue: Catalogue) -> None:
    after = operator(catalogue, Drift(kind="flagship_launch", start="2025-04", size=15))
    taken = after.months[after.months[CURRENT_PLAN] == FLAGSHIP]
    assert after.catalogue.plan_ids == (*catalogue.plan_ids, FLAGSHIP)
    assert after.catalogue.prices.fee_cents[-1] == 1500
    assert taken[MONTH].min() == "2025-04"
    assert len(taken) > 20
    assert after.truth.utilities[FLAGSHIP].notna().any()


def test_data_growth_multiplies_megabytes_from_its_month_on() -> None:
    ratio = demand(Drift(kind="data_growth", start="2025-03", size=1.5)).sum(axis=0) / demand().sum(axis=0)
    assert ratio[:, 2] == pytest.approx([1] * 5 + [1.5] * 7, abs=1e-4)  # 3 months before the table, 2 of it
    assert (ratio[:, :2] == 1).all()


def test_roaming_ban_takes_the_data_of_travel_months() -> None:
    banned = demand(Drift(kind="roaming_ban", start="2025-03", size=1), roaming=1, absent=0)
    assert (banned[:, 5:, 2] == 0).all()
    assert (banned[:, :5] == demand(roaming=1, absent=0)[:, :5]).all()


def test_new_segment_comes_with_those_who_join_from_its_month_on(catalogue: Catalogue) -> None:
    new = Drift(kind="new_segment", start="2025-03", size=0.5)
    config = SimulatorConfig.model_validate(SIZE | {"subscribers": 2000, "joins_late": 1, "drift": [new]})
    market = run_market(config, catalogue, np.random.default_rng(8))
    streams = market.people.segment == len(config.segments)
    late = market.people.joined >= month_index("2025-03") - month_index("2025-01")
    assert not streams[~late].any()
    assert streams[late].mean() == pytest.approx(0.5, abs=0.05)
    assert np.median(np.exp(market.people.level[streams, 2])) == pytest.approx(70_000, rel=0.1)
    assert "streamer" in set(operator(catalogue, new, joins_late=1).truth.subscribers["segment"])


def test_unit_slip_is_in_the_record_and_not_in_the_truth(catalogue: Catalogue) -> None:
    plain = operator(catalogue)
    slipped = operator(catalogue, Drift(kind="unit_slip", start="2025-04", size=0.5))
    assert slipped.truth.bills.equals(plain.truth.bills)
    ratio = (slipped.months["megabytes"] / plain.months["megabytes"]).dropna()
    late = slipped.months[MONTH] >= "2025-04"
    assert (ratio[~late] == 1).all()
    small = np.isclose(ratio[late], 1 / 1024, rtol=0.01)
    assert (small | (ratio[late] == 1)).all()
    assert small.mean() == pytest.approx(0.5, abs=0.08)


def test_recorded_months_leave_the_caller_s_table_alone() -> None:
    months = pd.DataFrame({"subscriber_id": ["a"], "month": ["2025-05"], "megabytes": [2048.0]})
    config = SimulatorConfig(drift=[{"kind": "unit_slip", "start": "2025-05", "size": 1}])
    assert recorded_months(months, config)["megabytes"].tolist() == [2.0]
    assert months["megabytes"].tolist() == [2048.0]
    assert recorded_months(months, SimulatorConfig()) is months


def test_rate_card_is_written_as_it_is_read(catalogue: Catalogue, megaline: Catalogue) -> None:
    launch = {"kind": "flagship_launch", "start": "2025-04", "size": 20}
    for card in (catalogue, megaline, rate_cards(SimulatorConfig(drift=[launch]), catalogue)[0]):
        assert parse_catalogue(card_text(card).encode(), "copy") == card


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"drift": [{"kind": "new_segment", "start": "2025-02", "size": 1}] * 2}, "at most once", id="two"),
        pytest.param(
            {"drift": [{"kind": "new_segment", "start": "2025-02", "size": 1}], "profile": "light"},
            "needs the profile heavy",
            id="no-segments",
        ),
        pytest.param({"drift": [{"kind": "war", "start": "2025-02", "size": 1}]}, "kind", id="unknown-kind"),
        pytest.param({"drift": [{"kind": "price_rise", "start": "2025-2", "size": 1}]}, "start", id="no-month"),
    ],
)
def test_drift_that_cannot_be_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SimulatorConfig.model_validate(settings)
