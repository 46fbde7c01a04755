"""What the tests of snapshots share: small tables of usage, and a store."""

from __future__ import annotations

import pandas as pd

from common_utils.datasets.snapshot import Snapshot
from common_utils.datasets.store import SnapshotStore
from common_utils.datasets.tables import TrainingTable, snapshot_tables


def usage(*rows: tuple[str, str, float]) -> TrainingTable:
    """Return a table of usage months."""
    return TrainingTable(
        pd.DataFrame(list(rows), columns=["subscriber_id", "month", "megabytes"]), "subscriber_id", "month"
    )


TWO = usage(("S1", "2025-01", 10.0), ("S1", "2025-02", 30.0), ("S2", "2025-02", 20.0))
PLANS = TrainingTable(pd.DataFrame({"plan": ["basic", "surf"]}))


def take(store: SnapshotStore, table: TrainingTable = TWO) -> Snapshot:
    """Keep two tables."""
    return snapshot_tables(store, {"usage": table, "plans": PLANS}, source="by hand")
