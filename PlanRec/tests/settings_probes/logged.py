"""Settings of exploration and of the decision log: what a service answers, and what lies where afterwards."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from settings_probes.lab import Lab, Probe

from app.fastapi_app import create_app
from common_utils.decision_log.batch import BatchEntry, LogOf, logged_run
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.desk import Desk
from common_utils.decision_log.journal import journal
from common_utils.decision_log.journal.group_sync import GroupSync
from common_utils.decision_log.journal.lines import Decision
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.recorder import open_batch_recorder, open_recorder

__all__ = ["kept_days", "logs_of_commands", "served", "shipped_to", "syncs"]

_KEYS = "k1:" + "1" * 64 + "\n"
_OFFER = {
    "usage": [{"month": f"2025-{month:02d}", "minutes": 100, "messages": 20, "megabytes": 1000} for month in (9, 10)],
    "current_plan": "unlimited",
    "age": 34,
    "tenure_months": 12,
    "contract_months_left": 0,
    "consent": True,
    "contacts_90d": 0,
    "holdout": False,
    "mode": "offer",
    "subject": "S1",
}
_ASKED = 12


def served(setting: str, value: str) -> Probe:
    """A setting that the service reads: its answers, and what its journal holds of them."""

    def tried(lab: Lab) -> tuple[object, object]:
        other = value.format(folder=lab.folder)
        (lab.folder / "k2").write_text("k2:" + "2" * 64 + "\n", encoding="utf-8")
        return _answers(lab, "usual"), _answers(lab, "other", (setting, other))

    return tried


def _answers(lab: Lab, name: str, *said: tuple[str, str]) -> list[object]:
    """Return answers about offers, which journals there are, and the key and the chance of each entry."""
    folder = lab.folder / name
    folder.mkdir()
    (folder / "keys").write_text(_KEYS, encoding="utf-8")
    usual = {"decisions.journal": str(folder / "journal"), "decisions.key_file": str(folder / "keys")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANREC_BUNDLE", str(lab.bundle.path))
        for setting, value in (usual | dict(said)).items():
            patch.setenv("__".join(("PLANREC", *setting.upper().split("."))), value)
        with TestClient(create_app()) as service:
            answers = [_asked(service, f"order-{number}") for number in range(_ASKED)]
    journals = [path.name for path in (folder / "journal", lab.folder / "elsewhere") if path.exists()]
    entries = [one for place in (folder / "journal", lab.folder / "elsewhere") for one in _entries(place)]
    return [answers, journals, [((one.subject or "").partition(".")[0], one.propensity) for one in entries]]


def _asked(service: TestClient, order: str) -> tuple[object, ...]:
    answer = service.post("/recommend", json=_OFFER, headers={"Idempotency-Key": order}).json()
    return answer["advice"][0]["plan_id"], answer.get("event_id"), answer.get("unlogged")


def _entries(folder: Path) -> list[Decision]:
    parts = (part for segment in segments(folder) for part in segment.read())
    return [one for part in parts for one in part.entries if isinstance(one, Decision)]


def _config(lab: Lab, name: str, **said: object) -> tuple[DecisionsConfig, Path]:
    folder = lab.folder / name
    folder.mkdir()
    (folder / "keys").write_text(_KEYS, encoding="utf-8")
    words = [f"decisions.{name}={value}" for name, value in {"key_file": folder / "keys", **said}.items()]
    return lab.config(*words).decisions, folder


def _log(config: DecisionsConfig, folder: Path, *, days_ago: int = 0) -> bool:
    """Log one decision that was made so many days ago, and say whether it was kept."""
    log = open_recorder(config, "planrec", folder)
    assert log is not None
    log._clock = lambda: time.time_ns() - days_ago * 86_400_000_000_000
    kept = log.keep_now(log.line(log.fixed("/predict", "choice", "v1"), log.event("crm", "1"), answer=b"{}", asked=b""))
    log.close()
    return kept


def syncs(lab: Lab) -> tuple[object, object]:
    """Whether an answer counts as logged on a disk that takes writes and syncs none."""

    def fails(_: int) -> None:
        raise OSError(5, "no sync")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "GroupSync", lambda _: GroupSync(fails))
        found = [_log(*_config(lab, name, durability=name)) for name in ("process", "disk")]
    return found[0], found[1]


def shipped_to(lab: Lab) -> tuple[object, object]:
    """Which files there are after shipping."""
    return _shipped(lab, "usual"), _shipped(lab, "other", url="sqlite:///mine.db")


def _shipped(lab: Lab, name: str, **said: object) -> list[str]:
    config, folder = _config(lab, name, **said)
    _log(config, folder)
    Desk(config, "planrec", folder).ship()
    return sorted(path.name for path in folder.rglob("*.db"))


def kept_days(lab: Lab) -> tuple[object, object]:
    """How many decisions of three days ago the retention period leaves."""
    return _retained(lab, "usual"), _retained(lab, "other", retention_days=2)


def _retained(lab: Lab, name: str, **said: object) -> int:
    config, folder = _config(lab, name, **said)
    _log(config, folder, days_ago=3)
    desk = Desk(config, "planrec", folder)
    desk.ship()
    desk.retain(None, who="ana", why="period")
    return int(desk.stats()["decisions"])


def logs_of_commands(lab: Lab) -> tuple[object, object]:
    """Which files a command leaves beside its output."""
    return _batch(lab, "usual"), _batch(lab, "other", batch="true")


def _batch(lab: Lab, name: str, **said: object) -> list[str]:
    config, folder = _config(lab, name, **said)
    output = folder / "advice.csv"
    about = LogOf("recommend", "advice", "v1", "2025-10")
    with logged_run(open_batch_recorder(config, "planrec", folder), output, about) as run:
        output.write_text("plan\n", encoding="utf-8")
        keep = run.keep_with(lambda table: [BatchEntry(table, b"{}")])
        if keep is not None:
            keep("S1")
    return sorted(path.name for path in folder.iterdir())
