"""The commands of the decision log, each through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import typer
from tests.decision_log.cases import START_MS, decide
from typer.testing import CliRunner, Result

from common_utils.command_line.decisions import add_decisions
from common_utils.config.reading import ReadingConfig
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.desk import Desk
from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.keys import KEYS_VARIABLE, load_keys
from common_utils.decision_log.recorder import Recorder
from common_utils.decision_log.store.database import StoreUnavailableError
from common_utils.errors import ConfigError, DataError

WHY = ("--why", "letter 17", "--who", "ana")
DAY = pd.Timestamp(START_MS, unit="ms").strftime("%Y-%m-%d")


class Project:
    """A folder with a log, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = DecisionsConfig()
        self.app = typer.Typer()
        self.table = ReadingConfig()
        add_decisions(self.app, lambda *_: Desk(self.config, "demo", folder, self.table))
        keys = load_keys(self.config, folder, environ={})
        clock = lambda: START_MS * 1_000_000  # noqa: E731
        self.log = Recorder("demo", keys, Journal(folder / self.config.journal, 1 << 24), clock=clock)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(self.app, list(words), catch_exceptions=False)

    def decisions(self, *words: str) -> Result:
        done = self.run("decisions", *words)
        assert done.exit_code == 0, done.output
        return done


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_decision_is_shipped_seen_exported_and_forgotten(project: Project) -> None:
    event = decide(project.log, "order-1", "S1")
    decide(project.log, "order-2", "S2")
    assert "2 decisions new" in project.decisions("ship").stderr
    assert "0 decisions new, 2 known already" in project.decisions("ship").stderr
    (one,) = map(json.loads, project.decisions("query", "--event", event).stdout.splitlines())
    assert (one["event"], one["answer"]) == (event, {"prediction": "surf"})
    assert json.loads(project.decisions("stats").stdout)["decisions"] == 2
    assert "1 decision(s) in the store" in project.decisions("show", "--subject", "S1", *WHY).stdout
    out = project.folder / "log.parquet"
    assert "2 decisions written" in project.decisions("export", "--output", str(out), *WHY).stderr
    done = project.decisions("forget", "--subject", "S1", *WHY)
    assert "decisions 1" in done.stderr
    assert not out.exists()
    assert project.decisions("query", "--event", event).stdout == ""
    acts = [json.loads(line)["what"] for line in project.decisions("audit").stdout.splitlines()]
    assert acts == ["show", "export", "forget"]


def test_days_and_modes_select(project: Project) -> None:
    decide(project.log, "a", mode="offer")
    decide(project.log, "b")
    project.decisions("ship")
    assert len(project.decisions("query", "--mode", "offer").stdout.splitlines()) == 1
    assert len(project.decisions("query", "--since", DAY, "--limit", "1").stdout.splitlines()) == 1
    assert project.decisions("query", "--until", DAY).stdout == ""


def test_outcomes_are_read_with_an_account_and_rejects(project: Project) -> None:
    event = decide(project.log, "a", "S1")
    project.decisions("ship")
    rows = [(event, "accepted", "yes", DAY), ("gone", "accepted", "no", DAY), (event, "mood", "good", DAY)]
    table, rejects = project.folder / "o.csv", project.folder / "rejects.csv"
    project.table = ReadingConfig(max_rejected_share=0.7)
    pd.DataFrame(rows, columns=["event_id", "kind", "value", "date"]).to_csv(table, index=False)
    done = project.run("outcomes", "--input", str(table), "--rejects", str(rejects))
    assert "3 rows; 1 new, 0 known already, 0 corrected, 2 rejected" in done.stderr
    assert "window 120 days" in done.stderr
    assert pd.read_csv(rejects)["row"].tolist() == [2, 3]
    assert "1 known already" in project.run("outcomes", "--input", str(table)).stderr


def test_an_objection_comes_and_goes(project: Project) -> None:
    assert "recorded" in project.decisions("object", "--subject", "S1", *WHY).stderr
    assert project.log.objects("S1")
    assert "withdrawn" in project.decisions("object", "--subject", "S1", "--withdraw", *WHY).stderr


def test_retention_and_rotation(project: Project) -> None:
    decide(project.log, "a", "S1")
    project.decisions("ship")
    assert "deleted: decisions 1, journal 1" in project.decisions("retain", "--days", "1").stderr
    assert "key k2 is in use" in project.decisions("rotate-key").stderr
    assert load_keys(project.config, project.folder, environ={}).current.name == "k2"


def test_an_act_without_a_reason_is_refused(project: Project) -> None:
    with pytest.raises(ConfigError, match="why"):
        project.run("decisions", "forget", "--subject", "S1", "--why", "")


def test_more_rejected_outcomes_than_the_settings_allow_change_nothing(project: Project) -> None:
    event = decide(project.log, "a", "S1")
    project.decisions("ship")
    table, rejects = project.folder / "o.csv", project.folder / "rejects.csv"
    rows = [(event, "accepted", "yes", DAY), *[("gone", "accepted", "no", DAY)] * 2]
    pd.DataFrame(rows, columns=["event_id", "kind", "value", "date"]).to_csv(table, index=False)
    with pytest.raises(DataError, match="More than 5 % of the rows"):  # exit code 3
        project.run("outcomes", "--input", str(table), "--rejects", str(rejects))
    assert pd.read_csv(rejects)["row"].tolist() == [2, 3]
    assert json.loads(project.decisions("stats").stdout)["outcomes"] == {}


@pytest.mark.parametrize("act", ["show", "forget", "object"])
def test_a_subject_has_one_form_and_bounds(project: Project, act: str) -> None:
    decide(project.log, "a", "Jos\u00e9")
    project.decisions("ship")
    for subject in ("", " \u200b", "x" * 65):
        with pytest.raises(ConfigError, match="give 1 to 64"):  # exit code 2
            project.run("decisions", act, "--subject", subject, *WHY)
    known = project.decisions(act, "--subject", " Jose\u0301\u200b ", *WHY)
    assert "nothing held" not in known.stdout + known.stderr
    unknown = project.decisions(act, "--subject", "x" * 64, *WHY)
    assert "nothing held of this subject" in unknown.stdout + unknown.stderr
    acts = [json.loads(line)["what"] for line in project.decisions("audit").stdout.splitlines()]
    assert acts == [act] * 2


def test_a_named_key_file_that_is_missing_is_made_by_rotate_key_alone(project: Project) -> None:
    path = project.folder / "secrets" / "keys"
    project.config = DecisionsConfig(key_file=path)
    with pytest.raises(ConfigError, match="no such file; `decisions rotate-key` makes it"):
        project.run("decisions", "show", "--subject", "S1", *WHY)
    assert not path.exists()
    assert f"key k1 is in use: the first one of {path}" in project.decisions("rotate-key").stderr
    assert path.stat().st_mode & 0o777 == 0o600
    assert "key k2 is in use\n" in project.decisions("rotate-key").stderr
    assert len(load_keys(project.config, project.folder, environ={}).keys) == 2


def test_keys_of_the_environment_are_not_rotated_in_a_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, "k1:" + "a" * 64)
    with pytest.raises(ConfigError, match="gives the keys, and no file"):
        project.run("decisions", "rotate-key")


@pytest.mark.parametrize("act", ["ship", "show", "forget", "object", "retain"])
@pytest.mark.parametrize("journal", ["file", "file/journal"])
def test_a_journal_that_cannot_be_used_is_named(project: Project, act: str, journal: str) -> None:
    (project.folder / "file").write_text("no folder")
    project.config = DecisionsConfig(journal=Path(journal))
    about = () if act in {"ship", "retain"} else ("--subject", "S1")
    with pytest.raises(ConfigError, match=r"decisions\.journal: .* cannot be used"):  # exit code 2
        project.run("decisions", act, *about, *(() if act == "ship" else WHY))
    assert json.loads(project.decisions("stats").stdout)["decisions"] == 0


def test_a_store_that_does_not_answer_has_an_exit_code_of_the_table() -> None:
    assert StoreUnavailableError.exit_code == DataError.exit_code


def test_an_empty_variable_gives_no_keys_to_rotate_either(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, "")
    assert "key k2 is in use" in project.decisions("rotate-key").stderr


def test_an_export_that_stays_ends_with_3(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(project.log, "a", "S1")
    project.decisions("ship")
    project.decisions("export", "--output", str(project.folder / "x.json"), *WHY)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(DataError, match="1 export"):
        project.run("decisions", "forget", "--subject", "S1", *WHY)
