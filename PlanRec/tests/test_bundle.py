"""One door to a bundle: the command line and the service give one answer, and nothing said beside it is passed over."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from same_answers import (
    AS_OF,
    PEOPLE,
    Case,
    advice_agrees,
    offers_agree,
    predictions_agree,
    request_of,
    what_ifs_agree,
)
from typer.main import get_command

from app.fastapi_app import create_app
from app.live import open_live
from common_utils.bundle import Bundle, write_bundle
from common_utils.errors import ArtifactError, ConfigError
from planrec import cli
from planrec.bundle import PlanRecBundle, SaidSettings
from planrec.commands.options import AnswerMode
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.simulator.operator import simulate

SETTINGS = ("advice.history_months=3", "offer.margin_weight=.3")
MEASURES = {"evaluate", "card", "monitor"}  # show what a bundle reached or what moved since, and answer nobody
SERVES = {"serve"}  # is the other side of the comparison
NO_ROUTE = {"draft"}  # scores a whole table; the service has nothing like it


@pytest.fixture(scope="module")
def trained(small: tuple[str, ...], project_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle whose advice and offers weigh something else than the shipped settings do."""
    from planrec.training import train

    few = "simulator.subscribers=600"
    config = load_planrec_config(project_folder, overrides=[*small, few, *SETTINGS], environ={})
    return train(config, project_folder, artifacts=tmp_path_factory.mktemp("artifacts"), step=lambda _: None)


@pytest.fixture(scope="module")
def months(trained: Bundle) -> pd.DataFrame:
    """All months of 200 subscribers who have one in `AS_OF`, with what an offer asks for."""
    opened = PlanRecBundle.open(trained.path)
    rng = np.random.default_rng(3)
    table = simulate(opened.config.simulator, opened.catalogue, np.random.default_rng(8)).months
    table = table[table["month"] <= AS_OF]
    ids = table.loc[table["month"] == AS_OF, "subscriber_id"].unique()[:PEOPLE]
    table = table[table["subscriber_id"].isin(ids)].reset_index(drop=True)
    people = table["subscriber_id"].factorize()[0]
    table["consent"] = (rng.random(len(ids)) < 0.8)[people]
    table["contacts_90d"] = rng.integers(0, 3, len(ids))[people]
    table["holdout"] = (rng.random(len(ids)) < 0.1)[people]
    first = table.groupby("subscriber_id")["month"].transform("size")
    return table.assign(tenure_months=table.groupby("subscriber_id").cumcount().where(first > 0))


@pytest.fixture
def case(trained: Bundle, months: pd.DataFrame, tmp_path: Path, run: Callable[..., int]) -> Iterator[Case]:
    usage = tmp_path / "usage.csv"
    months.to_csv(usage, index=False)
    read = pd.read_csv(io.StringIO(usage.read_text(encoding="utf-8")))
    records = {str(name): request_of(part) for name, part in read.groupby("subscriber_id")}
    assert len(records) == PEOPLE
    with TestClient(create_app(lambda: open_live(trained.path))) as service:
        yield Case(trained, usage, records, service, run)


AGREE: dict[tuple[str, str | None], Callable[[Case, Path], None]] = {
    ("recommend", "advice"): advice_agrees,
    ("recommend", "offer"): offers_agree,
    ("predict", None): predictions_agree,
    ("what-if", None): what_ifs_agree,
}


def answering() -> set[tuple[str, str | None]]:
    """Every command and mode of the command line that takes a bundle and answers somebody."""
    found: set[tuple[str, str | None]] = set()
    for name, command in get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        options = {option: one for one in command.params for option in one.opts}
        if "--bundle" in options and name not in MEASURES | SERVES | NO_ROUTE:
            modes = [mode.value for mode in AnswerMode] if "--mode" in options else [None]
            found |= {(name, mode) for mode in modes}
    return found


def test_every_command_that_answers_from_a_bundle_is_compared() -> None:
    assert answering() == AGREE.keys()
    assert "/draft" not in create_app().openapi()["paths"]


def test_a_command_that_is_missing_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(AGREE, ("predict", None))
    with pytest.raises(AssertionError):
        test_every_command_that_answers_from_a_bundle_is_compared()


@pytest.mark.slow
@pytest.mark.parametrize("asked", sorted(AGREE, key=str), ids=lambda asked: " ".join(filter(None, asked)))
def test_command_line_and_service_give_one_answer(case: Case, asked: tuple[str, str | None], tmp_path: Path) -> None:
    AGREE[asked](case, tmp_path)


COMMANDS = [
    pytest.param(("recommend", "--mode", "offer"), id="recommend"),
    pytest.param(("predict",), id="predict"),
    pytest.param(("what-if", "--travel"), id="what-if"),
    pytest.param(("draft", "--plan", "none.yaml"), id="draft"),
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("setting", "at_hand", "held"),
    [
        ("features.history_months", "2", "6"),
        ("advice.history_months", "6", "3"),
        ("advice.forecast_risk_weight", "0.7", "0.1"),
        ("offer.margin_weight", "0.1", "0.3"),
        ("rules", "mine.yaml", "configs/rules.yaml"),
    ],
)
def test_a_setting_that_is_not_the_bundles_leaves_with_2_and_names_both(
    case: Case, capsys, monkeypatch, tmp_path: Path, command: tuple[str, ...], setting: str, at_hand: str, held: str
) -> None:  # type: ignore[no-untyped-def]
    output = () if command[0] == "draft" else ("--output", tmp_path / "o.csv")
    asked = (*command, "--usage", case.usage, "--as-of", AS_OF, "--bundle", case.bundle.path, *output)
    assert case.run(*asked, "--set", f"{setting}={at_hand}") == 2
    said = capsys.readouterr().err
    assert f"{setting} (from --set {setting}): {at_hand} was asked for, the bundle has {held}" in said
    variable = f"PLANREC__{setting.upper().replace('.', '__')}"
    monkeypatch.setenv(variable, at_hand)
    assert case.run(*asked) == 2
    assert f"{setting} (from {variable}): {at_hand} was asked for, the bundle has {held}" in capsys.readouterr().err
    assert not (tmp_path / "o.csv").exists()


def test_what_is_said_as_the_bundle_has_it_is_fine_and_the_file_is_not_asked(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The settings file says advice.history_months 6; nobody asks it.
    out, again = tmp_path / "a.csv", tmp_path / "b.csv"
    asked = ("recommend", "--mode", "offer", "--usage", case.usage, "--as-of", AS_OF, "--bundle", case.bundle.path)
    assert case.run(*asked, "--output", out) == 0
    assert "margin 0.3" in capsys.readouterr().err
    said = [part for setting in SETTINGS for part in ("--set", setting)]
    assert case.run(*asked, "--output", again, *said, "--set", "training.seed=9") == 0
    assert out.read_bytes() == again.read_bytes()


def test_options_of_the_command_override_and_are_told(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "ours.yaml"
    rules.write_text("version: ours\n", encoding="utf-8")
    asked = ("recommend", "--mode", "offer", "--usage", case.usage, "--as-of", AS_OF, "--bundle", case.bundle.path)
    assert case.run(*asked, "--output", tmp_path / "o.csv", "--rules", rules, "--min-gain-cents", 5) == 0
    said = capsys.readouterr().err
    assert "--rules: rules ours; the bundle's are rules-2025-03" in said
    assert "--min-gain-cents: 5; rules ours say" in said


def test_a_service_refuses_a_variable_that_is_not_the_bundles(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANREC_BUNDLE", str(trained.path))
    for weight, status in (("0.1", 503), ("0.3", 200)):
        monkeypatch.setenv("PLANREC__OFFER__MARGIN_WEIGHT", weight)
        with TestClient(create_app(open_log=lambda: None)) as service:
            assert service.get("/ready").status_code == status


def test_a_section_said_as_a_whole_is_compared_by_value(project_folder: Path) -> None:
    overrides = ["advice={history_months: 2}"]
    config = load_planrec_config(project_folder, overrides=overrides, environ={})
    said = SaidSettings.of(config, overrides, environ={"PLANREC__FEATURES__HISTORY_MONTHS": "6"})
    assert set(said.decided()) == {("advice", "history_months"), ("features", "history_months")}
    trained = load_planrec_config(project_folder, environ={})
    with pytest.raises(ConfigError, match=r"advice\.history_months .*2 was asked for, the bundle has 6") as refused:
        said.refuse_other_than(trained, "bundle v1")
    assert "features" not in str(refused.value)


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"pandas", "sklearn", "joblib"}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
import planrec.bundle
from app.live import open_live, probe
live = open_live(__import__("pathlib").Path(sys.argv[1]))
probe(live)
print(live.version)
"""


def test_a_service_opens_a_bundle_without_pandas_scikit_learn_and_joblib(trained: Bundle, project_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, str(trained.path)],
        cwd=project_folder,
        env={**os.environ, "PYTHONPATH": str(project_folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (trained.version, "")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("config.yaml", b"advice: {history_months: 3}\n", "line 1, data: required"),
        ("config.yaml", b"a: [\n", "line 2: expected the node content"),
        ("plans.yaml", b"version: a\n", "plans"),
        ("rules.yaml", b"version: a\nminimum: 3\n", "minimum"),
        ("forecast.json", b'{"minutes": 3}', "usage forecast: TypeError"),
        ("offers.json", b'{"acceptance": {}}', "a weight is missing"),
        ("choice_model.json", b'{"format": 9}', "does not describe a choice model"),
        ("choice_model.json", b'{"format": 2, "temperature": -1.0, "trees": false}', "must be above 0"),
        ("choice.json", b'{"format": 1, "weights": {"bill": 1.0}}', "trained on"),
    ],
)
def test_a_bundle_that_does_not_hold_together_is_refused(
    trained: Bundle, tmp_path: Path, file: str, text: bytes, message: str
) -> None:
    def write(folder: Path) -> None:
        for name in trained.files:
            (folder / name).write_bytes(text if name == file else trained.read_bytes(name))

    other = write_bundle(tmp_path, info=dict(trained.info), write=write)
    older = (
        rf"(?s)from an older version of the code \(written [-0-9]+.*its \w+\.\w+ does not fit.*{message}.*Train again"
    )
    with pytest.raises(ArtifactError, match=older):
        _all_of(other.path)


def _all_of(path: Path) -> object:
    opened = PlanRecBundle.open(path)
    return opened.choice, opened.rules, opened.forecast, opened.offers


def test_the_bundle_holds_the_settings_it_was_trained_with(trained: Bundle) -> None:
    config: PlanRecConfig = PlanRecBundle.open(trained.path).config
    assert (config.advice.history_months, config.offer.margin_weight) == (3, 0.3)


def test_only_the_door_names_what_a_bundle_holds(project_folder: Path) -> None:
    """No second place reads settings, rate card or models out of a bundle."""
    door = project_folder / "src" / "planrec" / "bundle"
    places = [*(project_folder / "src").rglob("*.py"), *(project_folder / "app").rglob("*.py")]
    for path in places:
        text = path.read_text(encoding="utf-8")
        if door in path.parents:
            continue
        for telling in ("model_validate(yaml", "JoblibScorer.open", "CompiledScorer.open", "choice.joblib"):
            assert telling not in text, f"{path}: {telling}"
        assert "import joblib" not in text, path
