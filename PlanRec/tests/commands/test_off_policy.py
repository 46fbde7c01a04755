"""`decisions off-policy` on an export: the same figures from each kind of file; a reason where nothing can be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic_core import to_json

from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.desk import Desk
from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.keys import KEYS_VARIABLE
from common_utils.decision_log.recorder import Recorder
from tests.campaigns.test_logged_offers import log_of

Run = Callable[..., int]
BY = {"who": "ana", "why": "review"}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv(KEYS_VARIABLE, "k1:" + "a" * 64)
    return Desk(DecisionsConfig(journal=Path("journal"), url="sqlite:///log.db"), "planrec", tmp_path)


def fill(desk: Desk, *, explored: bool = True, told: bool = True) -> float:
    """Log 400 offers and what came of them; return the true value of offering any plan evenly."""
    rows, truth = log_of(np.random.default_rng(7), 400)
    log = Recorder("planrec", desk.keys, Journal(desk.journal, 1 << 24))
    fixed = log.fixed("/recommend", "offer", "v1")
    for row in rows:
        event = log.event("crm", row["event"])
        propensity = row["propensity"] if explored else None
        line = log.line(
            fixed, event, answer=to_json(row["answer"]), asked=b"", subject=row["subject"], propensity=propensity
        )
        assert log.keep_now(line)
        if told:
            now = log._clock() // 1_000_000
            said = {"kind": "accepted", "value": row["accepted"], "at_ms": now, "event": event, "period": ""}
            assert log.keep_now(log.outcome(said))
    log.close()
    assert desk.ship().damaged == 0
    return truth


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_an_export_of_each_kind_tells_the_same(desk: Desk, run: Run, tmp_path: Path, ending: str, capsys) -> None:  # type: ignore[no-untyped-def]
    truth = fill(desk)
    path = tmp_path / f"log.{ending}"
    assert desk.export(desk.selection(None, None, mode="offer"), path, **BY) == 400
    assert run("decisions", "off-policy", "--input", path, "--policy", "uniform", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["offers"] == 400
    assert all(found[name]["low"] <= truth <= found[name]["high"] for name in ("ips", "snips", "dr"))
    assert 30 < found["effective_sample_size"] < 400
    assert found["support"] == 1
    assert found["exploration_cost_cents"] > 0
    assert round(found["dr"]["estimate"], 6) == 186.815058


def test_the_words_name_what_the_figures_rest_on(desk: Desk, run: Run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    fill(desk)
    desk.export(desk.selection(None, None), tmp_path / "log.json", **BY)
    assert run("decisions", "off-policy", "--input", tmp_path / "log.json", "--policy", "accept") == 0
    words = capsys.readouterr().out
    for said in ("IPS", "SNIPS", "doubly robust", "effective sample size", "overlap", "support", "exploration cost"):
        assert said in words


@pytest.mark.parametrize(
    ("explored", "told", "why"),
    [(False, True, "propensity is null in 400 offer"), (True, False, "mature outcome")],
    ids=["deterministic", "no-outcomes"],
)
def test_a_log_that_cannot_tell_is_refused(
    desk: Desk, run: Run, tmp_path: Path, capsys, explored: bool, told: bool, why: str
) -> None:  # type: ignore[no-untyped-def]
    fill(desk, explored=explored, told=told)
    desk.export(desk.selection(None, None), tmp_path / "log.csv", **BY)
    assert run("decisions", "off-policy", "--input", tmp_path / "log.csv") == 3
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_another_file_is_refused(run: Run, tmp_path: Path, ending: str, capsys) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / f"plans.{ending}"
    path.write_text("plan,price\nbasic,3\n")
    assert run("decisions", "off-policy", "--input", path) == 3
    assert "no export of decisions" in capsys.readouterr().err


def test_decisions_without_an_offer_are_no_lack_of_outcomes(desk: Desk, run: Run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    log = Recorder("planrec", desk.keys, Journal(desk.journal, 1 << 24))
    stay = b'{"advice":"stay","plans":[{"plan_id":"surf"}],"offerable":[]}'
    assert log.keep_now(log.line(log.fixed("/recommend", "offer", "v1"), log.event("crm", "a"), answer=stay, asked=b""))
    log.close()
    desk.ship()
    desk.export(desk.selection(None, None), tmp_path / "log.csv", **BY)
    assert run("decisions", "off-policy", "--input", tmp_path / "log.csv") == 3
    assert "none of the 1 decision(s) is an offer" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_a_missing_export_is_missing_and_no_wrong_file(run: Run, tmp_path: Path, ending: str, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("decisions", "off-policy", "--input", tmp_path / f"gone.{ending}") == 3
    assert "cannot be read" in capsys.readouterr().err
