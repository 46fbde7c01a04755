from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from bankchurn import cli
from common_utils.bundle import Bundle

HEADER = "CreditScore,Geography,Gender,Age,Tenure,Balance,NumOfProducts,HasCrCard,IsActiveMember,EstimatedSalary"
ROWS = ["619,France,Female,42,2,0,1,1,1,101348.88", "502,Spain,Male,7,1,0,1,0,1,1", "700,Germany,Male,50,,9000,1,0,0,1"]


@pytest.fixture
def run(project_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command as a user would; returns exit code, output and errors."""
    monkeypatch.chdir(project_folder)
    monkeypatch.delenv("BANKCHURN_CONFIG", raising=False)
    monkeypatch.delenv("PORTFOLIO_DATA", raising=False)

    def run_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["bankchurn", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run_


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


def test_predict_writes_row_number_prediction_and_probability(
    run, bundle: Bundle, customers: Path, tmp_path: Path
) -> None:
    code, _, err = run(
        "predict", "--input", str(customers), "--output", str(tmp_path / "out.csv"), "--bundle", str(bundle.path)
    )
    assert code == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table.columns) == ["row", "prediction", "probability"]
    assert table["row"].tolist() == [1, 3]
    assert set(table["prediction"]) <= {"leaves", "stays"}
    assert table["probability"].between(0, 1).all()
    assert "Age: not between 18 and 110 (1)" in err


def test_predict_names_customers_by_their_id_where_there_is_one(run, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(f"CustomerId,{HEADER}\n007,{ROWS[0]}\n")
    run("predict", "--input", str(path), "--output", str(tmp_path / "out.csv"), "--bundle", str(bundle.path))
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("007,")


def test_explain_says_in_words_what_adds_up(run, bundle: Bundle, customers: Path) -> None:
    arguments = ("explain", "--input", str(customers), "--row", "3", "--bundle", str(bundle.path))
    code, out, _ = run(*arguments)
    assert code == 0
    assert "likely: leaving" in out
    assert "Path contributions" in out
    explained = json.loads(run(*arguments, "--json")[1])
    parts = sum(part["amount"] for part in explained["contributions"])
    assert explained["base"] + parts == pytest.approx(explained["score"], abs=1e-12)
    shown = {part["feature"]: part["value"] for part in explained["contributions"]}
    assert (shown["Geography"], shown["Tenure"], shown["Age"]) == ("Germany", "missing", "50")


def test_explain_a_record_that_was_rejected_is_refused(run, bundle: Bundle, customers: Path) -> None:
    code, _, err = run("explain", "--input", str(customers), "--row", "2", "--bundle", str(bundle.path))
    assert code == 2
    assert "no such record, or it was rejected" in err


def test_evaluate_measures_the_bundle_again(run, bundle: Bundle, tmp_path: Path) -> None:
    code, out, _ = run("evaluate", "--json", "--bundle", str(bundle.path), "--output", str(tmp_path / "results.md"))
    assert code == 0
    assert json.loads(out)["holdout"] == bundle.read_json("metrics.json")["holdout"]
    document = (tmp_path / "results.md").read_text()
    assert "## Goals" in document
    assert "Fairness: as shipped" in document


def test_evaluate_on_other_rows_says_so(run, bundle: Bundle, tmp_path: Path) -> None:
    import numpy as np

    from bankchurn.data import sample_customers
    from common_utils.tables import write_table

    write_table(sample_customers(700, np.random.default_rng(5)), tmp_path / "other.csv")
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


def test_card_writes_cards_and_figures(run, bundle: Bundle, tmp_path: Path) -> None:
    code, _, _ = run("card", "--bundle", str(bundle.path), "--output", str(tmp_path))
    assert code == 0
    assert "# Model card: BankChurn" in (tmp_path / "model_card.md").read_text()
    assert "# Data card: BankChurn" in (tmp_path / "data_card.md").read_text()
    assert (tmp_path / "figures" / "gain.png").read_bytes().startswith(b"\x89PNG")


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
    for command in ("train", "evaluate", "predict", "explain", "serve", "card"):
        assert command in out
