"""Commands on data and bundles: training, figures, cards, releases."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

from common_utils.bundle import Bundle, write_bundle
from common_utils.errors import PortfolioError
from common_utils.tables import Reading, RowReport
from common_utils.testing.command_lines import heavy_help
from planrec.commands.run import learn
from planrec.config import load_planrec_config
from planrec.preparation import prepare
from planrec.reporting.figures import FIGURES


def test_simulate_then_data_accounts_for_every_row(run, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "operator"
    assert run("simulate", "--output", folder, "--set", "simulator.subscribers=50") == 0
    assert run("data", "--data-source", "simulator", "--data", folder) == 0
    captured = capsys.readouterr()
    assert "subscribers" in captured.out
    assert "read" in captured.err


def test_train_shows_every_table_and_where_the_card_is(run, tmp_path, small, capsys) -> None:  # type: ignore[no-untyped-def]
    settings = [part for setting in small for part in ("--set", setting)]
    assert run("train", "--output", tmp_path, *settings) == 0
    captured = capsys.readouterr()
    for title in ("Choice model", "Policies: choice and money", "Advice by minimum gain", "Advice by segment"):
        assert title in captured.out
    assert "model_card.md" in captured.err
    assert (tmp_path / "current" / "model_card.md").is_file()


def test_training_shows_what_became_of_the_rows(  # type: ignore[no-untyped-def]
    run, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    def learnt(*_: object, reading: Reading, **__: object) -> Bundle:
        reading.accounts.update(RowReport("usage months", read=3, kept=2, rejected={"minutes: not a number": 1}))
        return bundle

    monkeypatch.setattr(learn, "train", learnt)
    assert run("train", "--output", tmp_path) == 0
    said = capsys.readouterr().err
    assert "usage months: 3 rows read, 2 kept, 1 rejected\n  rejected: minutes: not a number (1)" in said


def test_months_set_aside_before_learning_stand_in_the_account(project_folder: Path, tmp_path: Path) -> None:
    months = [f"2025-{month:02d}" for month in range(4, 11)]
    lines = [f"{100 + who},{month},300,20,9000,basic-6" for who in range(40) for month in months]
    lines[3], lines[-1] = lines[3].replace("300", "?"), "100,2099-01,1,1,1,basic-6"
    path, plans = tmp_path / "usage.csv", project_folder / "configs" / "plans.yaml"
    path.write_text("subscriber_id,month,minutes,messages,megabytes,current_plan\n" + "\n".join(lines) + "\n")
    said = ["data.source=table", f"data.folder={path}", "data.table.kind=months", f"data.table.plans={plans}"]
    settings, reading = load_planrec_config(project_folder, overrides=said, environ={}), Reading()
    with suppress(PortfolioError):  # they are too few to learn from, and that is found later
        prepare(settings, project_folder, lambda _: None, reading)
    (account,) = reading.accounts.reports
    assert (account.read, account.kept) == (280, 278)
    assert account.rejected == {"minutes: not a number": 1}
    assert account.set_aside == {"after 2025-10, the last month that counts": 1}


def test_evaluate_prints_json_and_nothing_else(run, bundle: Bundle, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("evaluate", "--json", "--bundle", bundle.path) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["bundle"] == bundle.version
    assert metrics["policies"] == bundle.read_json("metrics.json")["policies"]


def test_evaluate_draws_every_figure(run, bundle: Bundle, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("evaluate", "--json", "--bundle", str(bundle.path), "--plots", str(tmp_path / "plots")) == 0
    drawn = {path.name for path in (tmp_path / "plots").iterdir()}
    assert drawn == set(FIGURES)
    assert {"reliability.png", "gain_by_k.png", "segments.png", "frontier.png"} <= drawn
    assert (tmp_path / "plots" / "frontier.png").read_bytes().startswith(b"\x89PNG")
    assert f"{len(FIGURES)} figures written to" in capsys.readouterr().err
    assert run("evaluate", "--data-source", "megaline", "--plots", str(tmp_path)) == 2
    assert "leave it out with --data-source megaline" in capsys.readouterr().err


def test_evaluate_says_when_the_data_are_not_those_of_the_bundle(run, bundle: Bundle, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    run("simulate", "--output", tmp_path, "--set", "simulator.subscribers=1500", "--set", "training.seed=9")
    assert run("evaluate", "--bundle", bundle.path, "--data", tmp_path) == 0
    captured = capsys.readouterr()
    assert "the data differ from those the bundle was trained on" in captured.err
    assert " rows read, " in captured.err
    assert "Policies" in captured.out


def test_evaluate_refuses_another_source_than_the_bundles(run, bundle: Bundle, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("evaluate", "--bundle", bundle.path, "--data-source", "table") == 2
    assert "was trained on source 'simulator', not 'table'" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["forecast.json", "choice_model.json", "choice.json"])
def test_evaluate_refuses_an_older_bundle_before_any_work(  # type: ignore[no-untyped-def]
    run, bundle: Bundle, tmp_path, capsys, monkeypatch, file: str
) -> None:
    def write(folder: Path) -> None:
        for name in bundle.files:
            (folder / name).write_bytes(b'{"format": 1}' if name == file else bundle.read_bytes(name))

    def work(*_: object) -> None:
        pytest.fail("a table was read")

    monkeypatch.setattr(learn, "prepare", work)
    older = write_bundle(tmp_path, info=dict(bundle.info), write=write)
    assert run("evaluate", "--bundle", older.path) == 4
    assert "from an older version of the code" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "said"),
    [
        pytest.param("plans.yaml", "the rate card differs from the bundle's", id="rate-card"),
        pytest.param("rules.yaml", "the rules differ from the bundle's", id="rules"),
    ],
)
def test_evaluate_says_when_a_file_is_not_the_bundles(  # type: ignore[no-untyped-def]
    run, bundle: Bundle, project_folder, tmp_path, capsys, file: str, said: str
) -> None:
    configs = shutil.copytree(project_folder / "configs", tmp_path / "configs")
    (configs / file).write_bytes((configs / file).read_bytes() + b"# later\n")
    assert run("evaluate", "--json", "--bundle", bundle.path, "--config", configs / "config.yaml") == 0
    assert said in capsys.readouterr().err


def test_predict_writes_probabilities_that_add_up(run, usage, bundle: Bundle, tmp_path) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "predictions.csv"
    assert run("predict", "--usage", usage, "--as-of", "2018-02", "--bundle", bundle.path, "--output", output) == 0
    table = pd.read_csv(output)
    assert table["subscriber_id"].tolist() == ["a", "b"]
    assert table.filter(like="p_").sum(axis=1).round(9).tolist() == [1.0, 1.0]
    assert run("predict", "--usage", usage, "--as-of", "2017-01", "--bundle", bundle.path, "--output", output) == 3


def test_card_writes_cards_and_figures_with_the_figures_of_the_bundle(run, bundle: Bundle, tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert run("card", "--bundle", bundle.path, "--output", tmp_path) == 0
    card = (tmp_path / "model_card.md").read_text(encoding="utf-8")
    accuracy = bundle.read_json("metrics.json")["test"]["accuracy"]["estimate"]
    assert f"{accuracy:.3f}" in card
    assert "${" not in card + (tmp_path / "data_card.md").read_text(encoding="utf-8")
    assert (tmp_path / "figures" / "regret.png").is_file()


def test_a_missing_bundle_is_an_artifact_error(run, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("evaluate", "--bundle", tmp_path / "none") == 4
    assert "planrec: " in capsys.readouterr().err


def test_help_imports_nothing_that_only_work_needs() -> None:
    assert heavy_help("planrec") == []


def test_help_lists_the_commands(project_folder: Path) -> None:
    command = [sys.executable, "-m", "planrec.cli", "--help"]
    result = subprocess.run(command, cwd=project_folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for command in ("simulate", "data", "bill", "train", "evaluate", "recommend", "predict", "serve", "rules", "card"):
        assert command in result.stdout


@pytest.mark.realdata
def test_megaline_back_test_prints_three_protocols(run, megaline_folder: Path, small, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    settings = [part for setting in small for part in ("--set", setting)]
    assert run("evaluate", "--data-source", "megaline", "--data", megaline_folder, *settings) == 0
    shown = capsys.readouterr().out
    assert "Megaline, no churn cut, months with events: 1,803 customer-months (1,042 settled)" in shown
    assert "Plan held, predicted from usage alone" in shown
    written = tmp_path / "megaline.md"
    call = ("evaluate", "--json", "--data-source", "megaline", "--data", megaline_folder, "--output", written)
    assert run(*call, *settings) == 0
    assert "19.01" in written.read_text(encoding="utf-8")
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == {"bills", "held_plan"}


def test_megaline_without_a_folder_is_refused(run, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv("PORTFOLIO_DATA", raising=False)
    assert run("evaluate", "--data-source", "megaline") in (2, 3)
    assert "PORTFOLIO_DATA" in capsys.readouterr().err


def test_readme_results_are_replaced_between_the_marks() -> None:
    from planrec.reporting.tables import results_block

    metrics = {"currency": "EUR", "policies": [], "cross_validation": {"accuracy": {"estimate": 0.5}}}
    readme = "above\n<!-- results:start -->\nold\n<!-- results:end -->\nbelow"
    written = results_block(readme, metrics)
    assert written.startswith("above\n<!-- results:start -->\n")
    assert written.endswith("\n<!-- results:end -->\nbelow")
    assert "old" not in written
    assert "0.500" in written


def test_release_commands_show_and_change_what_is_live(run, bundle: Bundle, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    root = ("--artifacts", tmp_path / "artifacts")
    assert run("release", "publish", "--bundle", bundle.path, "--why", "trained elsewhere", *root) == 0
    assert run("release", "promote", bundle.version, "--why", "it is better", "--who", "ana", *root) == 0
    capsys.readouterr()
    assert run("release", "history", "--json", *root) == 0
    history = json.loads(capsys.readouterr().out)
    assert history["live"] == bundle.version
    assert [(e["action"], e["who"]) for e in history["entries"]][1] == ("promote", "ana")
    assert run("release", "rollback", "--why", "it is worse", *root) == 4
    assert "no version was live before" in capsys.readouterr().err
    assert run("release", "list", "--set", "releases.signatures=required", *root) == 2
    assert "there is no key" in capsys.readouterr().err
