"""What a service and a command open of the log, as the settings say."""

from __future__ import annotations

from pathlib import Path

from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.keys import KEYS_VARIABLE, parse_keys
from common_utils.decision_log.objections import write_objections
from common_utils.decision_log.recorder import open_batch_recorder, open_objections, open_recorder

LINE = "k1:" + "a" * 64
ENVIRON = {KEYS_VARIABLE: LINE}


def test_without_a_log_nothing_is_opened(tmp_path: Path) -> None:
    assert open_recorder(DecisionsConfig(log=False), "demo", tmp_path, environ=ENVIRON) is None
    assert open_batch_recorder(DecisionsConfig(), "demo", tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_log_is_opened_as_the_settings_say(tmp_path: Path) -> None:
    config = DecisionsConfig(journal=Path("here"), durability="disk", batch=True)
    log = open_recorder(config, "demo", tmp_path, environ=ENVIRON)
    assert log is not None
    assert log.waits
    assert log.keep_now(log.line(log.fixed("/p", "m", "v"), log.event("crm", "n"), answer=b"{}", asked=b"{}"))
    assert log.journal_bytes == sum(path.stat().st_size for path in (tmp_path / "here").glob("*.journal")) > 0
    assert 0 <= log.draw("e1") < 1
    assert log.draw("e1") == log.draw("e1") != log.draw("e2")
    log.close()
    batch = open_batch_recorder(config, "demo", tmp_path)
    assert batch is not None
    assert (tmp_path / "data" / "decisions" / "keys").exists()  # made, as nothing names any


def test_keys_that_cannot_be_made_let_answers_go_on_unlogged(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    log = open_recorder(DecisionsConfig(journal=Path("here")), "demo", tmp_path, environ={})
    assert log is not None
    assert not log.keep_now(b"line\n", 3)
    assert log.unlogged == {"full": 0, "unwritable": 0, "slow": 0, "no_keys": 3}


def test_versions_that_were_live_before_are_not_kept_for_ever(tmp_path: Path) -> None:
    log = open_recorder(DecisionsConfig(journal=Path("here")), "demo", tmp_path, environ=ENVIRON)
    assert log is not None
    first = log.fixed("/p", "m", "v0")
    assert log.fixed("/p", "m", "v0") is first
    for number in range(1, 1003):
        log.fixed("/p", "m", f"v{number}")
    assert log.fixed("/p", "m", "v0") is not first


def test_an_objection_counts_whether_decisions_are_logged_or_not(tmp_path: Path) -> None:
    config = DecisionsConfig(log=False, journal=Path("here"))
    assert open_objections(config, "demo", tmp_path, environ=ENVIRON) is None
    write_objections(tmp_path / "here", [parse_keys(LINE, "keys").subject("demo", "S1")])
    objects = open_objections(config, "demo", tmp_path, environ={KEYS_VARIABLE: f"k2:{'b' * 64},{LINE}"})
    assert objects is not None
    assert (objects("S1"), objects("S2")) == (True, False)
