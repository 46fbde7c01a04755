"""Decisions with their outcomes as files and summaries: query, export, stats."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from common_utils.decision_log.kinds import KINDS, mature_before
from common_utils.decision_log.store.sqlite import host_name
from common_utils.decision_log.store.store import COLUMNS, Store
from common_utils.errors import ConfigError, DataError
from common_utils.outputs import blamed, is_stream, replacing

__all__ = ["DecisionSelection", "export", "export_schema", "joined", "read_export", "stats"]

_PIECE = 5000
_BY_VALUE = {"yes or no": "bool_", "text": "string", "cents": "float64", "signed cents": "float64"}
_NUMBERS = {"at_ms": "int64", "milliseconds": "float64", "status": "int64", "propensity": "float64"}
_EXPORTED = {
    **{name.removesuffix("_json"): _NUMBERS.get(name, "string") for name in COLUMNS},
    **{name: _BY_VALUE[kind.value] for name, kind in KINDS.items()},
}


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
    ('mode = ?', ('offer',))
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
        words = " AND ".join(text for text, _ in given) or "TRUE"
        self.where: tuple[str, tuple[Any, ...]] = (words, tuple(value for _, value in given))


def joined(store: Store, selection: DecisionSelection, *, now_ms: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield decisions with what came of them; an outcome that is not mature is left empty.

    Each kind is a column: the value, or None where nothing was told or it is too early. `bill_paid` is the mean of the
    months' bills, cents.
    """
    now = _now() if now_ms is None else now_ms
    decisions = store.decisions(*selection.where)
    while piece := list(islice(decisions, _PIECE)):
        outcomes: dict[str, dict[str, list[Any]]] = {}
        statement = "SELECT event, kind, value_json FROM outcomes WHERE event IN ({}) ORDER BY period"
        for event, kind, value in store.rows_in(statement, [one["event"] for one in piece]):
            outcomes.setdefault(event, {}).setdefault(kind, []).append(from_json(value))
        for one in piece:
            yield one | _mature(outcomes.get(one["event"], {}), one["at_ms"], now)


def _mature(outcomes: Mapping[str, list[Any]], at_ms: int, now_ms: int) -> dict[str, Any]:
    """Return the value of each kind; None where it is too early or nothing was told."""
    ripe = {kind: outcomes.get(kind) if at_ms <= mature_before(kind, now_ms) else None for kind in KINDS}
    return {kind: _one(values) if values else None for kind, values in ripe.items()}


def export(store: Store, selection: DecisionSelection, path: Path) -> int:
    """Write decisions and outcomes to a file, Parquet, CSV or JSON Lines by its ending, and note that it is there.

    The file is noted first, as one of any age: should the run die in between, `forget` and `retain` know of one file
    too many, not of one too few.

    Raises
    ------
    ConfigError
        If the ending is another, or it is a pipe or a device, where `forget` could not reach it.
    DataError
        If the file cannot be written.
    """
    if path.suffix not in (".json", ".csv", ".parquet"):
        raise ConfigError(f"{path.name}: an export ends in .parquet, .csv or .json.")
    if is_stream(path):
        raise ConfigError(f"{path}: an export goes into a file, which `decisions forget` can reach; name one.")
    ages = _Ages()
    _note(store, path, ages.oldest_ms)
    with _private():
        count = _write(path, ages.of(joined(store, selection)))
    with blamed(path):
        path.chmod(0o600)  # one that was there keeps its mode else
    _note(store, path, ages.oldest_ms)
    return count


class _Ages:
    """Looks at decisions on their way into a file."""

    oldest_ms = 0
    """When the first one was made, as the oldest come first; until then it may be any."""

    def of(self, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        first = next(rows, None)
        self.oldest_ms = _now() if first is None else first["at_ms"]
        if first is not None:
            yield first
            yield from rows


def _note(store: Store, path: Path, oldest_ms: int) -> None:
    """Let `forget` and `retain` know of a file, in place of what lay there before."""
    place = (str(path.resolve()), host_name())
    with store.database.transaction():
        store.database.run("DELETE FROM exports WHERE path = ? AND host = ?", place)
        store.database.add("exports", ("path", "host", "at_ms", "oldest_ms"), [(*place, _now(), oldest_ms)])


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    if path.suffix == ".json":
        with blamed(path), replacing(path) as file:
            for count, row in enumerate(rows, start=1):  # noqa: B007 - how many there were
                file.write(to_json(row) + b"\n")
        return count
    import pyarrow as pa

    from common_utils.tables import table_writer

    schema = export_schema()
    with table_writer(path, schema) as write:
        while piece := [_flat(row) for row in islice(rows, _PIECE)]:
            write(pa.Table.from_pylist(piece, schema=schema))
            count += len(piece)
    return count


def export_schema() -> Any:
    """Return the columns of an export, as a pyarrow schema: the decision, then the outcome of each kind.

    Examples
    --------
    >>> export_schema().names[:3], export_schema().names[-1]
    (['event', 'at_ms', 'subject'], 'worse_off')
    """
    import pyarrow as pa

    return pa.schema([(name, getattr(pa, kind)()) for name, kind in _EXPORTED.items()])


def read_export(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file that `export` wrote; `groups` and `answer` are parsed, an empty field is None.

    Raises
    ------
    DataError
        If it cannot be read, or is no export.
    """
    try:
        rows = _rows_of(path)
        for row in rows:
            for name in ("groups", "answer"):
                if isinstance(row[name], str):
                    row[name] = from_json(row[name])
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: this is no export of decisions ({type(error).__name__}); `decisions export` writes one, as "
            ".parquet, .csv or .json."
        ) from error
    return rows


def _rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".json":
        return [from_json(line) for line in path.read_bytes().splitlines()]
    from pyarrow import csv, parquet

    if path.suffix == ".csv":
        options = csv.ConvertOptions(column_types=export_schema(), strings_can_be_null=True)
        return csv.read_csv(path, convert_options=options).to_pylist()
    return parquet.read_table(path).to_pylist()


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of plain values: what is a mapping becomes JSON."""
    texts = {name: to_json(row[name]).decode() for name in ("groups", "answer")}
    return {**{name: row[name] for name in _EXPORTED}, **texts}


@contextmanager
def _private() -> Generator[None]:
    """Make new files for their owner only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


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
    }


def _one(values: list[Any]) -> Any:
    return sum(values) / len(values) if isinstance(values[0], float) else values[-1]


def _now() -> int:
    return time.time_ns() // 1_000_000


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
