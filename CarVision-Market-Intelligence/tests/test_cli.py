from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carvision import cli, dashboard_server
from carvision.data import sample_ads
from common_utils.bundle import Bundle
from common_utils.errors import ConfigError
from common_utils.tables import write_table

HEADER = "model,model_year,odometer,condition,cylinders,fuel,transmission,type,paint_color,is_4wd"
ROWS = [
    "ford f-150,2013,92000,good,8,gas,automatic,truck,white,1",
    "ford f-150,3000,92000,good,8,gas,automatic,truck,white,1",
    "ford f-150,2013,-5,good,8,gas,automatic,truck,white,1",
    "tatra 603,,,good,,gas,manual,sedan,,",
]


@pytest.fixture
def run(project_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command as a user would; returns exit code, output and errors."""
    monkeypatch.chdir(project_folder)
    monkeypatch.delenv("CARVISION_CONFIG", raising=False)
    monkeypatch.delenv("PORTFOLIO_DATA", raising=False)

    def run_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["carvision", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run_


@pytest.fixture
def cars(tmp_path: Path) -> Path:
    path = tmp_path / "cars.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


def test_predict_writes_prices_with_intervals_and_refuses_the_impossible(
    run, bundle: Bundle, cars: Path, tmp_path: Path
) -> None:
    code, _, err = run(
        "predict", "--input", str(cars), "--output", str(tmp_path / "out.csv"), "--bundle", str(bundle.path)
    )
    assert code == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table.columns) == ["row", "prediction", "low", "high"]
    assert table["row"].tolist() == [1, 4]
    assert ((table["low"] <= table["prediction"]) & (table["prediction"] <= table["high"])).all()
    assert "model_year: not between 1990 and 2020 (1)" in err
    assert "odometer: not between 0 and 499999 (1)" in err


def test_explain_says_in_words_what_adds_up(run, bundle: Bundle, cars: Path) -> None:
    arguments = ("explain", "--input", str(cars), "--row", "4", "--bundle", str(bundle.path))
    code, out, _ = run(*arguments)
    assert code == 0
    assert out.startswith("worth ")
    assert "Path contributions" in out
    explained = json.loads(run(*arguments, "--json")[1])
    parts = sum(part["amount"] for part in explained["contributions"])
    assert explained["base"] + parts == pytest.approx(explained["score"], abs=1e-12)
    shown = {part["feature"]: part["value"] for part in explained["contributions"]}
    assert (shown["model"], shown["model_year"], shown["is_4wd"]) == ("tatra 603", "missing", "0")


def test_explain_an_impossible_car_is_refused(run, bundle: Bundle, cars: Path) -> None:
    code, _, err = run("explain", "--input", str(cars), "--row", "2", "--bundle", str(bundle.path))
    assert code == 2
    assert "no such record, or it was rejected" in err


def test_market_shows_tables_and_writes_them_with_figures(run, bundle: Bundle, tmp_path: Path) -> None:
    code, out, err = run("market", "--bundle", str(bundle.path), "--output", str(tmp_path))
    assert code == 0
    assert "Market: days listed" in out
    assert "synthetic rows of the sample generator" in err
    text = (tmp_path / "market.md").read_text()
    assert "## Market: ads above and below their interval" in text
    for name in ("depreciation.png", "yearly_loss.png", "days_listed.png"):
        assert f"figures/{name}" in text
        assert (tmp_path / "figures" / name).read_bytes().startswith(b"\x89PNG")


def test_market_without_a_folder_only_shows(run, bundle: Bundle, tmp_path: Path) -> None:
    code, out, _ = run("market", "--bundle", str(bundle.path))
    assert code == 0
    assert "what age costs" in out


def test_evaluate_measures_the_bundle_again(run, bundle: Bundle, tmp_path: Path) -> None:
    code, out, _ = run("evaluate", "--json", "--bundle", str(bundle.path), "--output", str(tmp_path / "results.md"))
    assert code == 0
    assert json.loads(out)["holdout"] == bundle.read_json("metrics.json")["holdout"]
    document = (tmp_path / "results.md").read_text()
    assert "## Goals" in document
    assert "Interval by predicted price" in document


def test_evaluate_on_other_rows_says_so(run, bundle: Bundle, tmp_path: Path) -> None:
    write_table(sample_ads(700, np.random.default_rng(5)), tmp_path / "other.csv")
    code, _, err = run("evaluate", "--bundle", str(bundle.path), "--data", str(tmp_path / "other.csv"))
    assert code == 0
    assert "differ from those the bundle was trained on" in err


def test_card_writes_cards_and_figures(run, bundle: Bundle, tmp_path: Path) -> None:
    code, _, _ = run("card", "--bundle", str(bundle.path), "--output", str(tmp_path))
    assert code == 0
    assert "# Model card: CarVision" in (tmp_path / "model_card.md").read_text()
    assert "price at most 1,000" in (tmp_path / "data_card.md").read_text()
    assert (tmp_path / "figures" / "coverage.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("train", "--set", "cleaning.price_abvoe=1"), 2, "cleaning.price_above", id="unknown-setting"),
        pytest.param(("train", "--data", "nowhere.csv"), 3, "nowhere.csv", id="no-table"),
        pytest.param(("market", "--bundle", "nowhere"), 4, "nowhere", id="no-bundle"),
    ],
)
def test_errors_say_what_to_do_and_leave_with_their_code(
    run, arguments: tuple[str, ...], code: int, message: str
) -> None:
    found, _, err = run(*arguments)
    assert found == code
    assert message in err


def test_help_lists_the_commands(run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for command in ("train", "evaluate", "predict", "explain", "market", "dashboard", "serve", "card"):
        assert command in out


def test_dashboard_without_streamlit_says_what_brings_it(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_server, "find_spec", lambda _: None)
    code, _, err = run("dashboard")
    assert code == 2
    assert "Streamlit is not installed" in err


def test_dashboard_that_fails_is_told(project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_server, "find_spec", lambda _: object())
    monkeypatch.setattr(dashboard_server, "dashboard_command", lambda *_, **__: ["python3", "-c", "exit(3)"])
    with pytest.raises(ConfigError, match="code 3"):
        dashboard_server.serve_dashboard(project_folder, tmp_path, port=8501)


def test_dashboard_shows_the_bundle_that_was_named(
    project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = f"import os; assert os.environ['CARVISION_BUNDLE'] == {str(tmp_path)!r}"
    monkeypatch.setattr(dashboard_server, "find_spec", lambda _: object())
    monkeypatch.setattr(dashboard_server, "dashboard_command", lambda *_, **__: ["python3", "-c", check])
    dashboard_server.serve_dashboard(project_folder, tmp_path, port=8501)
