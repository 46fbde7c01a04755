"""Commands that answer a file log each answer where `decisions.batch` asks for it: entries and manifest, or neither."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from common_utils.bundle import Bundle
from common_utils.decision_log.journal.lines import Decision
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keys import KEYS_VARIABLE
from planrec.columns import SUBSCRIBER

MONTH = ("--as-of", "2025-10")


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options that put the log into a folder of the test's own."""
    monkeypatch.setenv(KEYS_VARIABLE, "k1:" + "a" * 64)
    said = {"batch": "true", "journal": tmp_path / "journal", "url": f"sqlite:///{tmp_path}/log.db"}
    return [word for name, value in said.items() for word in ("--set", f"decisions.{name}={value}")]


@pytest.fixture
def usage_text() -> str:
    head = f"{SUBSCRIBER},month,minutes,messages,megabytes,current_plan\n"
    return head + "canary-a,2025-10,900,0,30000,surf\ncanary-b,2025-10,9,0,0,ultimate\n"


def entries(folder: Path) -> list[Decision]:
    read = (part for segment in segments(folder / "journal") for part in segment.read())
    return [one for part in read for one in part.entries if isinstance(one, Decision)]


def test_recommend_logs_each_subscriber_with_a_manifest(run, usage: Path, plans: str, tmp_path: Path, logged) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "advice.csv"
    words = ("recommend", "--usage", usage, "--plans", plans, *MONTH, "--output", output)
    assert run(*words, *logged) == 0
    manifest = json.loads((tmp_path / "advice.csv.manifest.json").read_text())
    assert (manifest["entries"], manifest["unlogged"]) == (2, 0)
    assert manifest["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    found = entries(tmp_path)
    assert [one.answer["plans"][0]["plan_id"] for one in found] == [
        line.split(",")[2] for line in output.read_text().splitlines()[1:] if line.split(",")[1] == "1"
    ]
    assert {(one.route, one.mode, one.card) for one in found} == {("recommend", "advice", found[0].card)}
    assert len({one.subject for one in found}) == 2
    journal = b"".join(segment.path.read_bytes() for segment in segments(tmp_path / "journal"))
    assert b"canary" not in journal
    assert b"30000" not in journal
    assert run(*words, *logged) == 0
    assert run("decisions", "ship", *logged) == 0
    assert len({one.event for one in found}) == 2


def test_a_repeated_run_is_shipped_once_and_seen(run, usage: Path, plans: str, tmp_path: Path, logged, capsys) -> None:  # type: ignore[no-untyped-def]
    words = ("recommend", "--usage", usage, "--plans", plans, *MONTH, "--output", tmp_path / "advice.csv")
    assert run(*words, *logged) == run(*words, *logged) == 0
    capsys.readouterr()
    assert run("decisions", "ship", *logged) == 0
    assert "2 decisions new, 2 known already, 0 conflict(s)" in capsys.readouterr().err
    assert run("decisions", "show", "--subject", "canary-a", "--why", "letter 1", *logged) == 0
    assert "1 decision(s) in the store" in capsys.readouterr().out


def test_predict_logs_probabilities(run, usage: Path, bundle: Bundle, tmp_path: Path, logged) -> None:  # type: ignore[no-untyped-def]
    usage.write_text(usage.read_text().replace("surf", "basic-6").replace("ultimate", "basic-6"))
    words = ("predict", "--usage", usage, "--bundle", bundle.path, *MONTH, "--output", tmp_path / "p.csv")
    assert run(*words, *logged) == 0
    found = entries(tmp_path)
    assert {one.model for one in found} == {bundle.version}
    assert all(sum(one.answer["probabilities"].values()) == pytest.approx(1) for one in found)


def test_a_command_logs_nothing_unless_asked(run, usage: Path, plans: str, tmp_path: Path, logged) -> None:  # type: ignore[no-untyped-def]
    words = ("recommend", "--usage", usage, "--plans", plans, *MONTH, "--output", tmp_path / "advice.csv")
    assert run(*words, *logged[2:]) == 0
    assert not (tmp_path / "advice.csv.manifest.json").exists()
    assert not (tmp_path / "journal").exists()


def test_a_run_that_fails_keeps_neither(run, usage: Path, plans: str, tmp_path: Path, logged) -> None:  # type: ignore[no-untyped-def]
    words = ("recommend", "--usage", usage, "--plans", plans, "--as-of", "2019-01", "--output", tmp_path / "advice.csv")
    assert run(*words, *logged) == 3
    assert not (tmp_path / "advice.csv.manifest.json").exists()
    assert entries(tmp_path) == []
