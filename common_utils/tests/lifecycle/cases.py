"""A project whose data, training and gate are a few lines: what a day of retraining is tried with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd

from common_utils.bundle import Bundle, write_bundle
from common_utils.bundle.signing import INTEGRITY_ONLY
from common_utils.datasets.snapshot import Snapshot
from common_utils.datasets.store import SnapshotStore
from common_utils.datasets.tables import TrainingTable, snapshot_tables
from common_utils.evaluation import Interval
from common_utils.lifecycle.chain import Retraining
from common_utils.lifecycle.config import LifecycleConfig
from common_utils.lifecycle.gate import Check, GateReport
from common_utils.lifecycle.measures import Compared, GateVerdict
from common_utils.monitoring.day import DayBook, MonitorDay
from common_utils.monitoring.findings import Finding
from common_utils.releases import promote, publish
from common_utils.releases.author import Author

DAY = date(2026, 3, 2)
DRIFT = Finding("drift_from_training", "age", "alarm", 0.3, 0.0, None, 4_000, "age has moved.")
SLIP = Finding("own_median_below_hundredth", "mb", "alarm", 0.3, 0, None, 9, "mb slipped.", blocks_retraining=True)
WORSE: dict[GateVerdict, Interval] = {
    "passes": Interval(0, -1, 1),
    "refused": Interval(3, 2, 4),
    "insufficient": Interval(0, -3, 3),
}


@dataclass
class Data:
    """Data of one number, a bundle of one word, and a gate that says what it is told to."""

    root: Path
    number: int = 1
    word: str = "new"
    verdict: GateVerdict = "passes"
    fails: Exception | None = None
    trained: list[str] = field(default_factory=list)

    def snapshot(self) -> Snapshot:
        table = TrainingTable(pd.DataFrame({"x": [self.number]}))
        return snapshot_tables(SnapshotStore.beside(self.root), {"demo": table}, source="demo")

    def train(self, root: Path, snapshot: str) -> Bundle:
        self.trained.append(snapshot)
        if self.fails is not None:
            raise self.fails
        return made(root, self.word, snapshot)

    def judge(self, live: Bundle, challenger: Bundle) -> GateReport:
        figure = Compared("loss", "", self.verdict, 900, 900, 1.0, 1.0, WORSE[self.verdict], 1.0)
        return GateReport(live.version, challenger.version, "all", (Check("size", True, "small."),), (figure,))


def made(root: Path, word: str, snapshot: str = "", *, at: datetime | None = None) -> Bundle:
    """Write a bundle of one word, now unless another time is given."""

    def write(folder: Path) -> None:
        folder.joinpath("word").write_text(word, encoding="utf-8")

    return write_bundle(root, info={"snapshot": snapshot}, write=write, clock=lambda: at or datetime.now(UTC))


class RetrainWorld:
    """A root with a live bundle of 1 February 2026, and a day that monitoring has looked at."""

    def __init__(self, folder: Path) -> None:
        self.root, self.folder = folder / "artifacts", folder
        live = made(self.root, "live", at=datetime(2026, 2, 1, tzinfo=UTC))
        author = Author("tests", "first")
        publish(self.root, live.path, author=author)
        promote(self.root, live.version, author=author)
        self.live = live.version
        self.data = Data(self.root)
        self.read = 0
        self.looked()

    def looked(self, *findings: Finding, day: date = DAY, period: str = "2026-02", bundle: str = "") -> None:
        """Let monitoring have looked."""
        book = DayBook(self.folder / "monitoring")
        with book.writing():
            day_ = MonitorDay("demo", bundle or self.live, day.isoformat(), period, "0" * 64, findings)
            book.keep(day_)

    def asked(self, config: LifecycleConfig | None = None, **now: str) -> Retraining:
        """Return what the project brings."""

        def read() -> Data:
            self.read += 1
            return self.data

        return Retraining(
            project="demo",
            artifacts=self.root,
            trust=INTEGRITY_ONLY,
            config=config or LifecycleConfig(retrain_every_days=60),
            folder=self.folder / "lifecycle",
            monitoring=self.folder / "monitoring",
            settings=repr(config),
            live_digests=lambda _: {"rate_card": "a", "rules": "b"},
            now={"rate_card": "a", "rules": "b"} | now,
            read=read,
            who="tests",
        )


def killed_at(words: str) -> Callable[[str], None]:
    """Return a `step` at which the run dies."""

    def step(said: str) -> None:
        if words in said:
            raise KeyboardInterrupt(said)

    return step
