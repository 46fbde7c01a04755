"""Events of a simulated operator with classes, zones and times are billed by the card; they add up to usage months."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import ConfigError
from planrec.billing import Catalogue
from planrec.billing.cards import load_request
from planrec.billing.complete_cards import load_complete_card
from planrec.billing.events import read_events
from planrec.billing.rating import bill_events, unbilled_events
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.full_cards.traits import EventTraits, Zone, load_traits
from planrec.simulator.full_cards.write import write_full_card
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation


@pytest.fixture(scope="module")
def traits() -> EventTraits:
    loaded = load_traits(Path(__file__).parents[2] / "examples" / "cards" / "litora" / "traits.yaml")
    zones = {"eu": Zone(share=0.5), "far": Zone(share=0.5, plans=("open",), calls=("mobile",))}
    return loaded.model_copy(update={"travel": 0.5, "zones": zones, "plans": {"pay": 0.5, "open": 0.5}})


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    settings = SimulatorConfig.model_validate({"subscribers": 60, "months": 3, "event_subscribers": 40})
    return simulate(settings, catalogue, np.random.default_rng(42))


@pytest.fixture(scope="module")
def folder(operator: Simulation, traits: EventTraits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("operator")
    assert [path.name for path in write_full_card(operator, traits, folder)] == [
        "events.csv",
        "accounts.yaml",
        "card.yaml",
    ]
    return folder


@pytest.fixture(scope="module")
def events(folder: Path) -> pd.DataFrame:
    frame = pd.read_csv(folder / "events.csv", dtype={"to": "str"}, keep_default_na=True)
    frame["month"] = pd.to_datetime(frame["start"]).dt.tz_convert("Europe/Madrid").dt.strftime("%Y-%m")
    return frame


def test_the_files_are_billed_by_the_card(folder: Path) -> None:
    card, request = load_complete_card(folder / "card.yaml"), load_request(folder / "accounts.yaml")
    data = (folder / "events.csv").read_bytes()
    events = read_events(data, "events.csv", card.timezone, request.subscribers, card.prefixes)
    book = bill_events(card, request, events)
    assert not unbilled_events(card, request, events)
    items = {line.item for line in book.lines()}
    assert {"calls", "calls abroad", "special numbers", "messages", "data", "roaming days", "roaming calls"} <= items


def test_events_sum_to_the_usage_months(operator: Simulation, events: pd.DataFrame) -> None:
    months = operator.months[operator.months["subscriber_id"].isin(events["subscriber"].unique())]
    months = months.set_index(["subscriber_id", "month"]).sort_index()
    key = ["subscriber", "month"]
    made = events.assign(
        minutes=np.where(events["kind"] == "call", np.ceil(events["seconds"] / 60), 0),
        messages=events["kind"] == "sms",
        megabytes=events["mb"].fillna(0),
    )
    sums = made.groupby(key)[["minutes", "messages", "megabytes"]].sum()
    wanted = months.loc[sums.index.set_names(["subscriber_id", "month"]), ["minutes", "messages", "megabytes"]]
    np.testing.assert_allclose(sums.to_numpy(dtype=np.float64), wanted.to_numpy(dtype=np.float64), atol=1e-6)
    assert len(sums) > 100


def test_calls_go_to_the_classes_in_their_shares_and_zones_to_those_who_can_be_there(
    folder: Path, events: pd.DataFrame, traits: EventTraits
) -> None:
    calls = events[events["kind"] == "call"]
    assert calls["to"].value_counts(normalize=True)["mobile"] == pytest.approx(0.66, abs=0.1)
    mobile = (calls["to"] == "mobile").groupby(calls["subscriber"]).mean()
    assert mobile.std() > 0.1  # everybody has a mix of their own
    assert 0.02 < (events["at"] != "home").mean() < 0.25
    assert set(calls[calls["at"] == "far"]["to"]) == {"mobile"}
    assert len(set(calls[calls["at"] == "eu"]["to"])) == 4
    plans = {who: holder.plan for who, holder in load_request(folder / "accounts.yaml").subscribers.items()}
    assert set(events[events["at"] == "far"]["subscriber"].map(plans)) == {"open"}
    heard = (events["kind"] == "call_in").sum() / len(calls)
    assert heard == pytest.approx(traits.received, abs=0.05)


def test_the_same_state_draws_the_same_events(
    operator: Simulation, traits: EventTraits, folder: Path, tmp_path: Path
) -> None:
    write_full_card(operator, traits, tmp_path)
    for name in ("events.csv", "accounts.yaml"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_an_operator_without_zones_stays_at_home(operator: Simulation, traits: EventTraits, tmp_path: Path) -> None:
    write_full_card(operator, traits.model_copy(update={"zones": {}}), tmp_path)
    assert set(pd.read_csv(tmp_path / "events.csv")["at"]) == {"home"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"plans": {"trio": 1.0}}, "plans: 'trio' is not in card", id="plan"),
        pytest.param({"calls": {"moon": 1.0}}, "calls: 'moon' is not in card", id="class"),
        pytest.param({"messages": {"moon": 1.0}}, "messages: 'moon' is not in card", id="message"),
    ],
)
def test_what_the_card_does_not_know_is_refused(
    operator: Simulation, traits: EventTraits, tmp_path: Path, change: dict[str, dict[str, float]], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        write_full_card(operator, traits.model_copy(update=change), tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("plans: {a: 0.5}\ncalls: {b: 1}\nmessages: {b: 1}\ncard: c", "`plans` add up to 0.5", id="sum"),
        pytest.param("card: c", "plans", id="missing"),
    ],
)
def test_a_file_of_traits_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "traits.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_traits(tmp_path / "traits.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_traits(tmp_path / "none.yaml")
