"""`planrec what-if` and `planrec draft` as a pricing user meets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common_utils.bundle import Bundle, write_bundle
from planrec.billing import load_catalogue
from planrec.config import PlanRecConfig
from planrec.simulator.operator import simulate

USAGE = """subscriber_id,month,minutes,messages,megabytes,current_plan
a,2018-01,400,10,12288,surf
a,2018-02,400,10,12288,surf
b,2018-02,0,0,0,surf
c,2018-03,0,0,0,
"""
SWELL = """plan_id: swell
name: Swell
monthly_fee_cents: 1500
included: {minutes: 800, messages: 100, megabytes: 20480}
overage: {cents_per_minute: 2, cents_per_message: 2, cents_per_data_unit: 800}
"""


@pytest.fixture
def usage_text() -> str:
    return USAGE


@pytest.fixture
def swell(tmp_path: Path) -> Path:
    path = tmp_path / "swell.yaml"
    path.write_text(SWELL, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def operator(settings: PlanRecConfig, project_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The usage months the bundle was trained on."""
    card = load_catalogue(project_folder / "configs" / "plans.yaml")
    path = tmp_path_factory.mktemp("operator") / "months.parquet"
    simulate(settings.simulator, card, np.random.default_rng(settings.training.seed)).months.to_parquet(path)
    return path


def test_what_if_writes_a_row_for_each_subscriber_and_plan(run, usage, plans, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "answers.parquet"
    base = ("what-if", "--usage", usage, "--plans", plans, "--as-of", "2018-02", "--output", output)
    assert run(*base, "--travel", "--megabytes-factor", 1) == 0
    table = pd.read_parquet(output)
    assert table.columns.tolist() == [
        *("subscriber_id", "plan_id", "expected_bill_cents", "expected_bill_then_cents", "travel_bill_cents"),
        *("year_bill_cents", "year_bill_then_cents", "best_now", "best_then", "advice_changes", "reason_code"),
    ]
    surf = table.iloc[0]
    assert (surf["expected_bill_cents"], surf["travel_bill_cents"]) == (2000, 5000)
    assert (surf["year_bill_cents"], surf["year_bill_then_cents"]) == (24_000, 27_000)
    assert table["subscriber_id"].tolist() == ["a", "a", "b", "b"]
    captured = capsys.readouterr()
    assert "The advice changes for 0 of 2 subscriber(s)." in captured.out
    assert "Usage abroad is charged as at home" in captured.out
    assert "month of travel" in captured.out


def test_what_if_shows_who_would_take_a_drafted_plan(run, usage, plans, swell, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "answers.csv"
    base = ("what-if", "--usage", usage, "--plans", plans, "--as-of", "2018-03", "--output", output)
    assert run(*base, "--plan", swell, "--usage-factor", 1.5, "--minutes-factor", 1) == 0
    table = pd.read_csv(output)
    draft = table[table["plan_id"] == "swell"]
    assert draft["expected_bill_cents"].isna().all()
    assert draft["expected_bill_then_cents"].tolist() == [1500, 1500, 1500]
    assert draft["best_then"].all()
    assert "travel_bill_cents" not in table.columns
    assert "The advice changes for 3 of 3 subscriber(s)." in capsys.readouterr().out


def test_what_if_answers_by_the_forecast_of_a_bundle(run, bundle: Bundle, operator, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "answers.csv"
    base = ("what-if", "--usage", operator, "--bundle", bundle.path, "--as-of", "2025-09", "--output", output)
    assert run(*base, "--usage-factor", 1.2) == 0
    table = pd.read_csv(output)
    assert (table["expected_bill_then_cents"] >= table["expected_bill_cents"]).all()
    assert table["advice_changes"].any()
    assert table.loc[table["plan_id"] == "max-voice", "best_now"].any()  # on sale from October on, as the change is
    assert "max-voice" in capsys.readouterr().out


def test_what_if_with_a_rate_card_needs_no_settings(run, usage, plans, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.delenv("PLANREC__TRACKING__FOLDER")
    words = ("what-if", "--usage", usage, "--plans", plans, "--as-of", "2018-02", "--usage-factor", "1.2")
    assert run(*words, "--output", tmp_path / "o.csv") == 0


def test_what_if_needs_no_plan_held(run, usage, plans, tmp_path) -> None:  # type: ignore[no-untyped-def]
    usage.write_text(USAGE.replace(",current_plan", "").replace(",surf", "").replace(",\n", "\n"), encoding="utf-8")
    output = tmp_path / "answers.csv"
    base = ("what-if", "--usage", usage, "--plans", plans, "--as-of", "2018-03", "--output", output)
    assert run(*base, "--usage-factor", 2) == 0
    assert len(pd.read_csv(output)) == 6


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param([], 2, "nothing is asked", id="nothing"),
        pytest.param(["--usage-factor", "101"], 2, "", id="factor-too-large"),
        pytest.param(["--usage-factor", "nan"], 2, "", id="no-number"),
        pytest.param(["--plan", "none.yaml"], 2, "none.yaml: cannot be read", id="no-plan-file"),
        pytest.param(["--travel", "--bundle", "x"], 2, "not both", id="card-and-bundle"),
        pytest.param(["--travel", "--as-of", "2017-12"], 3, "no month up to 2017-12", id="before-all-usage"),
        pytest.param(["--travel", "--output", "out.xlsx"], 2, "'--output': out.xlsx", id="unknown-ending"),
    ],
)
def test_what_if_errors_leave_with_their_code(run, usage, plans, tmp_path, capsys, arguments, code, message) -> None:  # type: ignore[no-untyped-def]
    base = ["--usage", usage, "--plans", plans, "--as-of", "2018-02", "--output", tmp_path / "o.csv"]
    assert run("what-if", *base, *arguments) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "o.csv").exists()


def test_draft_scores_one_plan_more(run, bundle: Bundle, operator, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    output, plan = tmp_path / "demand.csv", tmp_path / "swell.yaml"
    plan.write_text(SWELL, encoding="utf-8")
    base = ("draft", "--usage", operator, "--bundle", bundle.path, "--as-of", "2025-10", "--plan", plan)
    assert run(*base, "--output", output) == 0
    table = pd.read_csv(output)
    new = table[table["new"]]
    assert new["plan_id"].tolist() == ["swell"]
    assert new["demand_draft"].item() > 20
    assert table.loc[~table["new"], "change"].le(0).all()
    assert table["demand_draft"].sum() == pytest.approx(table["held"].sum())
    captured = capsys.readouterr()
    for text in (
        "swell (new)",
        "share of new",
        "New plans are taken by",
        "Assumed: every subscriber who is free to change",
    ):
        assert text in captured.out
    assert "have no recent month up to 2025-10: taken as gone" in captured.err
    assert "14 rows written" in captured.err


def test_a_dry_run_of_a_draft_scores_a_sample_and_writes_nothing(  # type: ignore[no-untyped-def]
    run, bundle: Bundle, operator, tmp_path, capsys
) -> None:
    output, plan = tmp_path / "demand.csv", tmp_path / "swell.yaml"
    plan.write_text(SWELL, encoding="utf-8")
    base = ("draft", "--usage", operator, "--bundle", bundle.path, "--as-of", "2025-10", "--plan", plan)
    assert run(*base, "--output", output, "--dry-run") == 0
    assert "a process\ndisk: 0.0 MB\n" in capsys.readouterr().out
    assert not output.exists()


def test_draft_scores_a_whole_rate_card(run, bundle: Bundle, operator, project_folder, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    text = (project_folder / "configs" / "plans.yaml").read_text(encoding="utf-8")
    new = (
        SWELL.replace("plan_id", "  - plan_id", 1).replace("\n", "\n    ").rstrip() + "\n    on_sale: {from: 2030-01}\n"
    )
    card = tmp_path / "draft.yaml"
    card.write_text(text + new, encoding="utf-8")
    base = ("draft", "--usage", operator, "--bundle", bundle.path, "--as-of", "2025-10", "--draft", card)
    assert run(*base, "--bound-decide") == 0
    out = capsys.readouterr().out
    assert "swell is taken by nobody: is it on sale in 2025-11?" in out
    assert ", 0 of them bound by a contract." in out


def test_draft_leaves_out_plans_that_usage_months_cannot_price(
    run, bundle, operator, project_folder, tmp_path, capsys
) -> None:  # type: ignore[no-untyped-def]
    text = (project_folder / "configs" / "plans.yaml").read_text(encoding="utf-8")
    nightly = "  - {plan_id: nightly, fee: 100, rates: [{kind: data, at: [eu], item: data, per_mb: 0.8}]}\n"
    card, output = tmp_path / "draft.yaml", tmp_path / "demand.csv"
    changed = text.replace("monthly_fee_cents: 2790", "monthly_fee_cents: 2690")
    card.write_text("timezone: Europe/Madrid\n" + changed + nightly, encoding="utf-8")
    base = ("draft", "--usage", operator, "--bundle", bundle.path, "--as-of", "2025-10", "--draft", card)
    assert run(*base, "--output", output) == 0
    assert "nightly" not in pd.read_csv(output)["plan_id"].tolist()
    said = capsys.readouterr()
    assert "plan nightly is left out (NEEDS_USAGE_DETAIL)" in said.out + said.err
    assert "the place of each use (rates[0].at)" in said.out + said.err


def test_draft_needs_one_draft(run, bundle: Bundle, operator, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("draft", "--usage", operator, "--bundle", bundle.path, "--as-of", "2025-10") == 2
    assert "give --draft with a whole rate card, or --plan" in capsys.readouterr().err


def test_draft_refuses_a_bundle_without_a_choice_model(run, bundle: Bundle, operator, swell, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    def write(folder: Path) -> None:
        for name in ("forecast.json", "plans.yaml", "config.yaml", "choice.json"):
            (folder / name).write_bytes(bundle.read_bytes(name))

    other = write_bundle(tmp_path / "artifacts", info=dict(bundle.info), write=write)
    assert run("draft", "--usage", operator, "--bundle", other.path, "--as-of", "2025-10", "--plan", swell) == 4
    assert "holds no choice model (choice_model.json)\nTrain again" in capsys.readouterr().err
