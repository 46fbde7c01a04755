"""A bundle on a card of short and full plans: the short ones are answered as alone, and the others are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from mixed_operator import PEOPLE, mixed_bundle, mixed_card, write_case
from same_answers import AS_OF, Case, body_of, request_of, same_plans

from app.fastapi_app import create_app
from app.live import open_live
from common_utils.bundle import Bundle
from common_utils.tables import RowReport
from planrec.billing import parse_catalogue
from planrec.bundle import PlanRecBundle
from planrec.decisions import columns_of, latest_rows
from planrec.months import month_index
from planrec.outlook import history_of
from planrec.usage.months_table import DETAILED_PLAN, UNKNOWN_PLAN, with_known_plans
from planrec.usage.plan_names import nearest_plans

DRAFT = """plan_id: draft-1
name: Draft
monthly_fee_cents: 1500
included: {minutes: 300, messages: null, megabytes: 10240}
overage: {cents_per_minute: 5, cents_per_message: 0, cents_per_data_unit: 250}
"""
Run = Callable[..., int]


@pytest.fixture(scope="module")
def card(project_folder: Path) -> str:
    return mixed_card(project_folder)


@pytest.fixture(scope="module")
def mixed(bundle: Bundle, card: str, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return mixed_bundle(bundle, card, tmp_path_factory.mktemp("mixed"))


@pytest.fixture(scope="module")
def case(card: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    held = ("basic-6", "smart-12", "smart-25", "unlimited", "talk-800")
    return write_case(card, tmp_path_factory.mktemp("case"), held)


@pytest.fixture(scope="module")
def usage(case: tuple[Path, Path]) -> Path:
    """Six months of a few people, each on a short plan of the card."""
    return case[0]


@pytest.fixture(scope="module")
def cells(case: tuple[Path, Path]) -> Path:
    """The usage months as cells."""
    return case[1]


@pytest.fixture(scope="module")
def service(mixed: Bundle) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: open_live(mixed.path))) as client:
        yield client


@pytest.mark.parametrize("mode", ["advice", "offer"])
def test_service_and_batch_give_one_answer(
    mixed: Bundle, usage: Path, service: TestClient, run: Run, tmp_path: Path, mode: str
) -> None:
    records = {str(name): request_of(part) for name, part in pd.read_csv(usage).groupby("subscriber_id")}
    same_plans(Case(mixed, usage, records, service, run), tmp_path, mode)
    answer = service.post("/recommend", json=body_of(records["s00"], as_of=AS_OF)).json()
    assert {"plan_id": "basic-6x", "reason_code": "NEEDS_USAGE_DETAIL"} in answer["excluded"]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(("recommend", "--explain", "--top", 50), id="advice"),
        pytest.param(("recommend", "--mode", "offer", "--explain"), id="offers"),
        pytest.param(("what-if", "--travel", "--usage-factor", 1.2), id="what-if"),
        pytest.param(("predict",), id="predict"),
        pytest.param(("draft", "--plan", "plan.yaml"), id="draft"),
    ],
)
def test_short_plans_are_answered_as_on_the_short_card(
    bundle: Bundle, mixed: Bundle, usage: Path, run: Run, tmp_path: Path, capsys, asked: tuple[object, ...]
) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "plan.yaml").write_text(DRAFT, encoding="utf-8")
    words = [tmp_path / "plan.yaml" if word == "plan.yaml" else word for word in asked]
    texts: list[str] = []
    for one in (bundle, mixed):
        capsys.readouterr()
        out = tmp_path / f"{one.version}.csv"
        assert run(*words, "--usage", usage, "--as-of", AS_OF, "--bundle", one.path, "--output", out) == 0
        texts.append(out.read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    said = capsys.readouterr()
    assert "plan basic-6x is left out (NEEDS_USAGE_DETAIL)" in said.out + said.err


@pytest.mark.parametrize("basis", ["forecast", "past"])
def test_with_cells_a_full_plan_is_ranked_and_the_short_ones_are_as_without(
    mixed: Bundle, usage: Path, cells: Path, run: Run, tmp_path: Path, basis: str
) -> None:
    asked = ("recommend", "--usage", usage, "--as-of", AS_OF, "--bundle", mixed.path, "--basis", basis, "--top", 99)
    assert run(*asked, "--output", tmp_path / "plain.csv") == 0
    assert run(*asked, "--output", tmp_path / "cells.csv", "--cells", cells, "--explain") == 0
    plain, found = (pd.read_csv(tmp_path / name) for name in ("plain.csv", "cells.csv"))
    keys, figures = ["subscriber_id", "plan_id"], ["expected_bill_cents", "saving_cents", "p_pay_more", "is_current"]
    full = found[found["plan_id"] == "basic-6x"]
    free = [f"s{i:02d}" for i in range(0, PEOPLE, 3)]  # a contract binds the others
    assert full["subscriber_id"].tolist() == free
    same = found[found["plan_id"] != "basic-6x"].set_index(keys)[figures].sort_index()
    pd.testing.assert_frame_equal(same, plain.set_index(keys)[figures].sort_index())
    assert full["reasons"].str.contains("Basic 6 by the second would have cost").all()
    if basis == "past":
        # s03: one call of 120 and more minutes, 9 messages, one session; cents of each item are rounded, half up.
        months = pd.read_csv(usage).query("subscriber_id == 's03'")
        calls, data = 18.15 + 3 * months["minutes"], 0.8 * months["megabytes"]
        expected = (np.floor(calls + 0.5) + 9 * 9 + np.floor(data + 0.5)).mean()
        assert full.set_index("subscriber_id")["expected_bill_cents"]["s03"] == np.floor(expected + 0.5)


def test_a_forecast_rates_full_plans_on_own_months_scaled(
    mixed: Bundle, usage: Path, cells: Path, run: Run, tmp_path: Path
) -> None:
    asked = ("recommend", "--usage", usage, "--as-of", AS_OF, "--bundle", mixed.path, "--cells", cells, "--top", 99)
    assert run(*asked, "--output", tmp_path / "out.csv") == 0
    found = pd.read_csv(tmp_path / "out.csv").query("plan_id == 'basic-6x'").set_index("subscriber_id")
    months = pd.read_csv(usage)
    opened = PlanRecBundle.open(mixed.path)
    columns = latest_rows(months, as_of=month_index(AS_OF), history_months=6)
    ahead = opened.forecast.scenarios(history_of(columns_of(columns), 6)).usage
    # One call of all minutes and one session a month: set-up and prices of what the scenario holds, but for rounding.
    bills = 18.15 * (ahead.minutes > 0) + 3 * ahead.minutes + 9 * ahead.messages + 0.8 * ahead.megabytes
    wanted = pd.Series(bills.mean(axis=1), index=columns["subscriber_id"])[found.index]
    apart = (found["expected_bill_cents"] - wanted).abs()
    assert (apart < 0.01 * wanted + 15).all(), apart.max()


def test_what_if_takes_cells_as_recommend_does(
    mixed: Bundle, usage: Path, cells: Path, run: Run, tmp_path: Path
) -> None:
    asked = ("--usage", usage, "--as-of", AS_OF, "--bundle", mixed.path, "--cells", cells)
    assert run("recommend", *asked, "--top", 99, "--output", tmp_path / "advice.csv") == 0
    assert run("what-if", *asked, "--usage-factor", 2, "--output", tmp_path / "what_if.csv") == 0
    advice, found = (
        pd.read_csv(tmp_path / name).set_index(["subscriber_id", "plan_id"]) for name in ("advice.csv", "what_if.csv")
    )
    ranked = advice[advice["rank"] > 0]["expected_bill_cents"]
    assert "basic-6x" in ranked.index.get_level_values("plan_id")
    assert found["expected_bill_cents"][ranked.index].tolist() == ranked.tolist()
    # One call, one session, single messages: all but the set-up doubles, cents of each month but rounded.
    full = found.xs("basic-6x", level="plan_id")
    apart = (full["expected_bill_then_cents"] - 2 * full["expected_bill_cents"]).abs()
    assert (apart <= 2).all(), apart.max()


def test_offers_take_no_cells(mixed: Bundle, usage: Path, cells: Path, run: Run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    asked = ("recommend", "--mode", "offer", "--usage", usage, "--as-of", AS_OF, "--bundle", mixed.path)
    assert run(*asked, "--cells", cells, "--output", tmp_path / "out.csv") == 2
    assert "the models of offers score plans in the short form" in capsys.readouterr().err


def test_who_holds_a_plan_that_is_not_priced_is_told_so_and_not_that_the_card_lacks_it(
    mixed: Bundle, usage: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held, out = tmp_path / "usage.csv", tmp_path / "out.csv"
    pd.read_csv(usage).assign(current_plan="basic-6x", contract_months_left=0).to_csv(held, index=False)
    asked = ("--usage", held, "--as-of", AS_OF, "--bundle", mixed.path, "--output", out, "--top", 50)
    assert run("recommend", *asked) == 0
    said = capsys.readouterr().err
    assert "in the rate card, but three totals of a month do not price it: 'basic-6x'" in said
    assert "not in the rate card" not in said
    assert "12 subscriber(s) hold a plan that the rate card does not price: saving left empty" in said
    answers = pd.read_csv(out)
    assert answers["saving_cents"].isna().all()
    assert not answers["is_current"].any()


def test_notices_of_a_mixed_card_compare_its_short_plans_and_name_the_others(
    card: str, usage: Path, project_folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "card.yaml").write_text(card, encoding="utf-8")
    figures: list[list[object]] = []
    for plans in (project_folder / "configs" / "plans.yaml", tmp_path / "card.yaml"):
        out = tmp_path / f"{plans.stem}.jsonl"
        assert run("notices", "--plans", plans, "--usage", usage, "--as-of", "2025-11-05", "--output", out) == 0
        _, *notices = map(json.loads, out.read_text(encoding="utf-8").splitlines())
        named = [one["figures"]["not_offered"].pop("basic-6x", None) for one in notices]
        assert set(named) == {"NEEDS_USAGE_DETAIL" if figures else None}
        figures.append([(one["subscriber_id"], one["figures"], one["text"]) for one in notices])
    assert figures[0] == figures[1] != []
    assert "plan basic-6x is left out (NEEDS_USAGE_DETAIL)" in capsys.readouterr().err
    assert run("notices", "--plans", tmp_path / "card.yaml", "--verify", out) == 0


def test_a_plan_held_that_three_totals_do_not_price_is_none_of_those_with_a_near_name(card: str) -> None:
    catalogue = parse_catalogue(card.encode(), "card")
    months = pd.DataFrame({"current_plan": ["basic-6x", "basic-6", "basic-6y"]})
    known, report = with_known_plans(months, RowReport("usage", read=3, kept=3), catalogue)
    assert known["current_plan"].tolist()[1] == "basic-6"
    assert known["current_plan"].isna().tolist() == [True, False, True]
    assert report.repaired == {UNKNOWN_PLAN: 1, DETAILED_PLAN: 1}
    assert report.notes == (
        "current_plan not in the rate card: 'basic-6y' (nearest: 'basic-6')",
        "current_plan in the rate card, but three totals of a month do not price it: 'basic-6x'",
    )
    assert nearest_plans("basic-6x", catalogue) == ()


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/recommend", "/recommend/batch", "/what-if"])
def test_the_service_answers_who_holds_a_plan_that_is_not_priced_as_batch_does(service: TestClient, path: str) -> None:
    asked = {"usage": [{"month": "2025-10", "minutes": 300, "messages": 20, "megabytes": 9000}], "age": 34}

    def answer(held: dict[str, str]) -> dict[str, object]:
        one = {**asked, **held, **({"change": {"minutes": 1.2}} if path == "/what-if" else {})}
        found = service.post(path, json={"records": [one]} if path.endswith("batch") else one)
        assert found.status_code == (422 if held.get("current_plan") == "ghost" else 200), found.text
        body = found.json()
        return body[next(iter(body))][0] if path.endswith("batch") and found.is_success else body

    said = answer({"current_plan": "basic-6x"})
    assert said.pop("notes") == [DETAILED_PLAN]
    assert said == answer({})
    if path == "/recommend":
        declined = service.post(path, json={**asked, "exclude": ["basic-6x"]})
        assert declined.json() == said, declined.text
    assert "current_plan is not a plan of this catalogue" in str(answer({"current_plan": "ghost"})["detail"])
