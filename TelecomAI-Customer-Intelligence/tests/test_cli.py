from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from common_utils.bundle import Bundle
from telecom import cli
from telecom.caveat import CAVEAT

HEADER = "calls,minutes,messages,mb_used"
ROWS = ["40,311.9,83,19915.42", "85,-1,56,22696.96", "0,0,0,40000.5"]


@pytest.fixture
def run(project_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command as a user would; returns exit code, output and errors."""
    monkeypatch.chdir(project_folder)
    monkeypatch.delenv("TELECOM_CONFIG", raising=False)
    monkeypatch.delenv("PORTFOLIO_DATA", raising=False)

    def run_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["telecom", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run_


@pytest.fixture
def months(tmp_path: Path) -> Path:
    path = tmp_path / "months.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


def test_predict_writes_row_number_prediction_and_probability(
    run, bundle: Bundle, months: Path, tmp_path: Path
) -> None:
    code, _, err = run(
        "predict", "--input", str(months), "--output", str(tmp_path / "out.csv"), "--bundle", str(bundle.path)
    )
    assert code == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table.columns) == ["row", "prediction", "probability"]
    assert table["row"].tolist() == [1, 3]
    assert set(table["prediction"]) <= {"smart", "ultra"}
    assert table["probability"].between(0, 1).all()
    assert "minutes: not between 0 and 44,640 (1)" in err
    assert "not the best plan; for advice use PlanRec" in err


def test_explain_says_in_words_what_adds_up(run, bundle: Bundle, months: Path) -> None:
    arguments = ("explain", "--input", str(months), "--row", "3", "--bundle", str(bundle.path))
    code, out, _ = run(*arguments)
    assert code == 0
    assert "likely: being on Ultra" in out
    assert "Path contributions" in out
    explained = json.loads(run(*arguments, "--json")[1])
    parts = sum(part["amount"] for part in explained["contributions"])
    assert explained["base"] + parts == pytest.approx(explained["score"], abs=1e-12)
    shown = {part["feature"]: part["value"] for part in explained["contributions"]}
    assert shown == {"calls": "0", "minutes": "0", "messages": "0", "mb_used": "40,000.5"}


def test_explain_a_record_that_was_rejected_is_refused(run, bundle: Bundle, months: Path) -> None:
    code, _, err = run("explain", "--input", str(months), "--row", "2", "--bundle", str(bundle.path))
    assert code == 2
    assert "no such record, or it was rejected" in err


def test_evaluate_measures_the_bundle_again(run, bundle: Bundle, tmp_path: Path) -> None:
    code, out, _ = run("evaluate", "--json", "--bundle", str(bundle.path), "--output", str(tmp_path / "results.md"))
    assert code == 0
    assert json.loads(out)["holdout"] == bundle.read_json("metrics.json")["holdout"]
    document = (tmp_path / "results.md").read_text()
    assert "## Goals" in document
    assert "The plan held against the cheaper one" in document
    assert CAVEAT in document


def test_evaluate_on_other_rows_says_so(run, bundle: Bundle, tmp_path: Path) -> None:
    import numpy as np

    from common_utils.tables import write_table
    from telecom.data import sample_months

    write_table(sample_months(700, np.random.default_rng(5)), tmp_path / "other.csv")
    code, out, err = run("evaluate", "--bundle", str(bundle.path), "--data", str(tmp_path / "other.csv"))
    assert code == 0
    assert "differ from those the bundle was trained on" in err
    assert "the table other.csv" in err
    assert "Paired differences" in out


def test_train_writes_a_bundle_and_shows_the_goals(run, small: tuple[str, ...], tmp_path: Path) -> None:
    settings = [part for setting in small for part in ("--set", setting)]
    code, out, err = run("train", "--output", str(tmp_path), *settings)
    assert code == 0
    assert (tmp_path / "model.joblib").is_file()
    assert "Goals" in out
    assert "synthetic" in err
    assert "same person on both sides" in err


def test_card_writes_cards_and_figures(run, bundle: Bundle, tmp_path: Path) -> None:
    code, _, _ = run("card", "--bundle", str(bundle.path), "--output", str(tmp_path))
    assert code == 0
    assert "# Model card: TelecomAI" in (tmp_path / "model_card.md").read_text()
    assert "# Data card: TelecomAI" in (tmp_path / "data_card.md").read_text()
    assert (tmp_path / "figures" / "bands.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("train", "--set", "training.sede=1"), 2, "training.seed", id="unknown-setting"),
        pytest.param(("train", "--data", "nowhere.csv"), 3, "nowhere.csv", id="no-table"),
        pytest.param(("train", "--set", "data.source=table"), 2, "PORTFOLIO_DATA", id="table-without-name"),
        pytest.param(("evaluate", "--bundle", "nowhere"), 4, "nowhere", id="no-bundle"),
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
    assert "the plan held, not the best plan" in " ".join(out.split())
    for command in ("train", "evaluate", "predict", "explain", "serve", "card"):
        assert command in out
