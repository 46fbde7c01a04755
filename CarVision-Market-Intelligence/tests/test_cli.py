from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from carvision import dashboard_server
from common_utils.bundle import Bundle
from common_utils.errors import ConfigError
from common_utils.testing.table_cli import ALL_CLI_CHECKS, CliCase
from common_utils.testing.table_fixtures import Run, TableProject
from common_utils.testing.table_reading import ALL_READING_CHECKS

HEADER = "model,model_year,odometer,condition,cylinders,fuel,transmission,type,paint_color,is_4wd"
ROWS = [
    "ford f-150,2013,92000,good,8,gas,automatic,truck,white,1",
    "ford f-150,2013,92000,broken,8,gas,automatic,truck,white,1",
    "ford f-150,2013,92000,good,8,steam,automatic,truck,white,1",
    "tatra 603,,,good,,gas,manual,sedan,,",
]
CASE: dict[str, Any] = {
    "answered": ("1", "4"),
    "explained": 4,
    "rejected": (2, 3),
    "columns": ("row", "prediction", "low", "high", "model_known"),
    "complaint": "fuel: none of gas, diesel, hybrid, other, electric (1)",
    "results": ("Interval by predicted price",),
}

ANY_SHARE = ("--set", "data.table.max_rejected_share=1")  # one row of these few is bad on purpose


@pytest.mark.parametrize("check", [*ALL_CLI_CHECKS, *ALL_READING_CHECKS], ids=lambda check: check.__name__)
def test_the_commands_keep_their_promises(
    table_project: TableProject, run: Run, bundle: Bundle, tmp_path: Path, check: Callable[[CliCase], None]
) -> None:
    check(CliCase(table_project, run, bundle, tmp_path, [HEADER, *ROWS], **CASE))


@pytest.fixture
def cars(tmp_path: Path) -> Path:
    path = tmp_path / "cars.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


def test_prices_lie_in_their_intervals_and_the_impossible_is_refused_or_unknown(
    run: Run, bundle: Bundle, cars: Path, tmp_path: Path
) -> None:
    odd = [ROWS[0].replace("2013", "3000"), ROWS[0].replace("2013", "")]
    cars.write_text("\n".join([HEADER, *ROWS, *odd]) + "\n")
    _, _, err = run(
        "predict", "--input", str(cars), "--output", str(tmp_path / "out.csv"), "--bundle", str(bundle.path), *ANY_SHARE
    )
    table = pd.read_csv(tmp_path / "out.csv")
    assert ((table["low"] <= table["prediction"]) & (table["prediction"] <= table["high"])).all()
    assert "condition: none of salvage" in err
    assert "repaired: model_year: not between 1990 and 2020, taken as unknown (1; row 5)" in err
    assert table["row"].tolist() == [1, 4, 5, 6]
    assert table.iloc[2, 1:].tolist() == table.iloc[3, 1:].tolist()


def test_explain_says_in_words_what_was_looked_at(run: Run, bundle: Bundle, cars: Path) -> None:
    arguments = ("explain", "--input", str(cars), "--row", "4", "--bundle", str(bundle.path), *ANY_SHARE)
    assert run(*arguments)[1].startswith("worth ")
    shown = {part["feature"]: part["value"] for part in json.loads(run(*arguments, "--json")[1])["contributions"]}
    assert (shown["model"], shown["model_year"], shown["is_4wd"]) == ("tatra 603", "missing", "0")


def test_the_data_card_counts_what_the_rules_removed(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    run("card", "--bundle", str(bundle.path), "--output", str(tmp_path))
    assert "price at most 1,000" in (tmp_path / "data_card.md").read_text()


def test_help_lists_the_commands_of_the_market(run: Run) -> None:
    out = run("--help")[1]
    assert "market" in out
    assert "dashboard" in out


def test_market_shows_tables_and_writes_them_with_figures(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    code, out, err = run("market", "--bundle", str(bundle.path), "--output", str(tmp_path))
    assert code == 0
    assert "Market: days listed" in out
    assert "synthetic rows of the sample generator" in err
    text = (tmp_path / "market.md").read_text()
    assert "## Market: ads above and below their interval" in text
    for name in ("depreciation.png", "yearly_loss.png", "days_listed.png"):
        assert f"figures/{name}" in text
        assert (tmp_path / "figures" / name).read_bytes().startswith(b"\x89PNG")


def test_market_without_a_folder_only_shows(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    code, out, _ = run("market", "--bundle", str(bundle.path), *ANY_SHARE)
    assert code == 0
    assert "what age costs" in out


def test_dashboard_without_streamlit_says_what_brings_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_server, "find_spec", lambda _: None)
    code, _, err = run("dashboard")
    assert code == 2
    assert "Streamlit is not installed" in err


def test_the_dashboard_of_a_wheel_lies_in_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"holds no app/dashboard\.py, and the installed package holds none"):
        dashboard_server.dashboard_command(tmp_path, port=8501)
    packaged = tmp_path / "site-packages" / "carvision" / "_app" / "dashboard.py"
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    monkeypatch.setattr(dashboard_server, "__file__", str(packaged.parents[1] / "dashboard_server.py"))
    assert dashboard_server.dashboard_command(tmp_path, port=8501)[4] == str(packaged)


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
