"""A small decision log: entries through the recorder, shipped, with outcomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.desk import Desk
from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.kinds import DAY_MS
from common_utils.decision_log.recorder import Recorder
from planrec.decisions.groups import age_group

START_MS = 1_760_000_000_000  # 2025-10-09
_AGES = (20, 30, 50, 70)


def settings(folder: Path) -> list[str]:
    """Options that put log, monitoring and bundles into a folder."""
    said = {
        "decisions.journal": folder / "journal",
        "decisions.url": f"sqlite:///{folder}/log.db",
        "monitoring.folder": folder / "monitoring",
        "training.artifacts": folder / "artifacts",
    }
    return [word for name, value in said.items() for word in ("--set", f"{name}={value}")]


def desk(folder: Path) -> Desk:
    """The same log, opened."""
    config = DecisionsConfig(journal=folder / "journal", url=f"sqlite:///{folder}/log.db")
    return Desk(config, "planrec", folder)


def kept(
    folder: Path,
    entries: Sequence[tuple[str, str, Mapping[str, Any], bytes]],
    outcomes: Callable[[int], list[tuple[str, object, int]]] | None = None,
) -> None:
    """Log and ship entries of subject, mode, answer and groups, a minute apart; then what came of each."""
    at = desk(folder)
    now = [START_MS]
    log = Recorder("planrec", at.keys, Journal(at.journal, 1 << 26), clock=lambda: now[0] * 1_000_000)
    told: list[dict[str, object]] = []
    for place, (subject, mode, answer, groups) in enumerate(entries):
        event = log.event("crm", f"{place}")
        fixed = log.fixed("/recommend", mode, "v1", "rules-1", "card-1")
        body = json.dumps(answer).encode()
        assert log.keep_now(log.line(fixed, event, answer=body, asked=b"{}", subject=subject, groups=groups))
        told += [
            {"kind": kind, "value": value, "at_ms": START_MS + days * DAY_MS, "event": event}
            for kind, value, days in (outcomes(place) if outcomes else ())
        ]
        now[0] += 60_000
    now[0] = START_MS + 200 * DAY_MS
    for line in told:
        assert log.keep_now(log.outcome(line))
    log.close()
    at.ship()


def offers(
    seed: int, n: int, *, halved: str | None = None, base: float = 0.3
) -> list[tuple[str, str, Mapping[str, Any], bytes]]:
    """Answers about offers: the chance rises with the saving; `halved` gets half the offers of others alike."""
    rng = np.random.default_rng(seed)
    found: list[tuple[str, str, Mapping[str, Any], bytes]] = []
    for number in range(n):
        groups = age_group(float(_AGES[rng.choice(4, p=(0.2, 0.3, 0.3, 0.2))]))
        saving = int(rng.integers(100, 1_000))
        chance = base * saving / 550 * (0.5 if halved is not None and halved.encode() in groups else 1.0)
        offered = bool(rng.random() < chance)
        bill = int(rng.integers(1_500, 6_000))
        plan = {
            "plan_id": "smart-12",
            "expected_bill_cents": bill - saving,
            "saving_cents": saving,
            "offer_value_cents": saving,
        }
        stay = {"plan_id": "basic-6", "expected_bill_cents": bill, "saving_cents": 0, "offer_value_cents": 0}
        answer = {
            "advice": "switch" if offered else "stay",
            "stay_reason": None if offered else "BELOW_MINIMUM_GAIN",
            "plans": [plan, stay] if offered else [stay, plan],
        }
        found.append((f"S{number}", "offer", answer, groups))
    return found
