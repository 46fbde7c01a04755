"""Decisions with their outcomes as files and summaries: query, export, stats."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from common_utils.decision_log.kinds import KINDS, mature_before
from common_utils.decision_log.sqlite_store import host_names
from common_utils.decision_log.store import Store
from common_utils.errors import ConfigError, DataError

__all__ = ["DecisionSelection", "exploration_cost", "export", "joined", "read_export", "stats"]


class DecisionSelection:
    """Which decisions are asked for.

    Parameters
    ----------
    since, until : date, optional
        Days, UTC; `until` is not included.
    route, mode, model, event : str, optional

    Examples
    --------
    >>> DecisionSelection(mode="offer").where
    ('WHERE mode = ?', ('offer',))
    """

    def __init__(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        route: str | None = None,
        mode: str | None = None,
        model: str | None = None,
        event: str | None = None,
    ) -> None:
        parts: list[tuple[str, Any]] = [
            ("at_ms >= ?", None if since is None else _midnight(since)),
            ("at_ms < ?", None if until is None else _midnight(until)),
            ("route = ?", route),
            ("mode = ?", mode),
            ("model = ?", model),
            ("event = ?", event),
        ]
        given = [(text, value) for text, value in parts if value is not None]
        words = f"WHERE {' AND '.join(text for text, _ in given)}" if given else ""
        self.where: tuple[str, tuple[Any, ...]] = (words, tuple(value for _, value in given))


def joined(store: Store, selection: DecisionSelection, *, now_ms: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield decisions with what came of them; an outcome that is not mature is left empty.

    Each kind is a column: the value, or None where nothing was told or it is too early. `bill_paid` is the mean of the
    months' bills, cents.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    outcomes: dict[str, dict[str, list[Any]]] = {}
    for event, kind, value in store.database.rows("SELECT event, kind, value_json FROM outcomes ORDER BY period"):
        outcomes.setdefault(event, {}).setdefault(kind, []).append(json.loads(value))
    for decision in store.decisions(*selection.where):
        of = outcomes.get(decision["event"], {})
        for kind in KINDS:
            values = of.get(kind) if decision["at_ms"] <= mature_before(kind, now) else None
            decision[kind] = None if not values else _one(values)
        yield decision


def export(store: Store, selection: DecisionSelection, path: Path) -> int:
    """Write decisions and outcomes to a file, Parquet, CSV or JSON Lines by its ending, and note that it is there.

    Raises
    ------
    ConfigError
        If the ending is another.
    DataError
        If the file cannot be written.
    """
    rows = list(joined(store, selection))
    plain = [{**row, "groups": _text(row["groups"]), "answer": _text(row["answer"])} for row in rows]
    if path.suffix == ".json":
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{_text(row)}\n" for row in rows), encoding="utf-8")
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror}.") from error
    elif path.suffix in (".csv", ".parquet"):
        import pandas as pd

        from common_utils.tables import write_table

        write_table(pd.DataFrame(plain), path)
    else:
        raise ConfigError(f"{path.name}: an export ends in .parquet, .csv or .json.")
    path.chmod(0o600)
    known = (str(path.resolve()), host_names()[0], time.time_ns() // 1_000_000)
    with store.database.transaction():
        store.database.add("exports", ("path", "host", "at_ms"), [known])
    return len(rows)


def read_export(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file that `export` wrote.

    Raises
    ------
    DataError
        If it cannot be read, or is no such file.
    """
    import pandas as pd

    try:
        if path.suffix == ".json":
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        elif path.suffix == ".parquet":
            rows = pd.read_parquet(path).to_dict("records")
        else:
            rows = pd.read_csv(path).to_dict("records")
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name}: no export of decisions can be read ({type(error).__name__}).") from error
    missing = sorted({"event", "mode", "answer", "propensity", "accepted"} - set(rows[0])) if rows else []
    if missing:
        raise DataError(f"{path.name}: missing column(s) {missing}; give a file that `decisions export` wrote.")
    return [{str(name): value for name, value in row.items()} for row in rows]


def stats(store: Store) -> dict[str, Any]:
    """Return counts: decisions by route, mode and model, conflicts, outcomes by kind, and what waits."""
    by = store.database.rows("SELECT route, mode, model, COUNT(*) FROM decisions GROUP BY route, mode, model")
    kinds = store.database.rows("SELECT kind, COUNT(*), SUM(corrections) FROM outcomes GROUP BY kind")
    waiting = store.database.rows("SELECT reason, COUNT(*) FROM waiting GROUP BY reason")
    without = next(iter(store.database.rows("SELECT COUNT(*) FROM decisions WHERE subject IS NULL")))[0]
    return {
        "decisions": store.count("decisions"),
        "without_subject": int(without),
        "conflicts": store.count("conflicts"),
        "by": [{"route": r, "mode": m, "model": v, "decisions": int(n)} for r, m, v, n in by],
        "outcomes": {kind: {"told": int(n), "corrections": int(c or 0)} for kind, n, c in kinds},
        "outcomes_waiting": {reason or "not tried": int(n) for reason, n in waiting},
        "exploration_cost_cents": exploration_cost(store),
    }


def exploration_cost(store: Store) -> float:
    """Return what explored offers gave away in the objective, cents a month: best value less the value offered."""
    total = 0.0
    for one in store.decisions("WHERE propensity IS NOT NULL"):
        values = {plan["plan_id"]: plan["value_cents"] for plan in one["answer"].get("offerable", ())}
        plans = one["answer"].get("plans", ())
        if values and plans and plans[0]["plan_id"] in values:
            total += max(values.values()) - values[plans[0]["plan_id"]]
    return round(total, 2)


def _one(values: list[Any]) -> Any:
    return sum(values) / len(values) if isinstance(values[0], float) else values[-1]


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
