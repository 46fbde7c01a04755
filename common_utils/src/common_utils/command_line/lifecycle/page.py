"""The page that says what is live and why: read from pointers, record, snapshots, verdicts and log; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_utils.bundle import fingerprint_file, open_bundle
from common_utils.command_line.lifecycle.places import LifecyclePlaces
from common_utils.datasets.store import SnapshotStore
from common_utils.errors import ArtifactError, PortfolioError, ReleaseError
from common_utils.lifecycle.days import RetrainBook, RetrainDay
from common_utils.lifecycle.reasons import blocked_by
from common_utils.monitoring.bias.verdict import BiasVerdict, read_bias_verdict
from common_utils.monitoring.day import DayBook, MonitorDay
from common_utils.releases import ReleaseStanding, standing_of
from common_utils.releases.history import Entry
from common_utils.releases.standing import barred_by_record, version_of
from common_utils.releases.unrecorded import left_unrecorded
from common_utils.tracking.store import RunStore

if TYPE_CHECKING:
    from common_utils.decision_log.desk import Desk

__all__ = ["LifecyclePage", "lifecycle_page", "live_periods"]

_WIDTH, _LABEL, _LINES, _SHORT = 80, 11, 10, 12
_MOVES_LIVE = ("promote", "rollback", "correct")
_MOST_HASHED = 64 << 20
_NONE = "none"


@dataclass(frozen=True)
class LifecyclePage:
    """What is live and why, as plain values.

    Attributes
    ----------
    live, challenger : mapping or None
        Version, since, who, action, why, number of the entry, evidence; of the live one also its data and snapshot, of
        the challenger its gate.
    monitor, bias : mapping or None
        The last verdict with its day.
    barred : sequence of mapping
        Version, and who barred it, when and by what.
    log : str
        What the store of decisions holds last.
    waits : sequence of str
        What waits, and for whom.
    broken : str or None
        What is wrong with the record.
    """

    live: Mapping[str, Any] | None
    challenger: Mapping[str, Any] | None
    monitor: Mapping[str, Any] | None
    bias: Mapping[str, Any] | None
    barred: Sequence[Mapping[str, Any]]
    log: str
    waits: Sequence[str]
    broken: str | None = None
    _error: ReleaseError | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the values, for JSON."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def refuse_broken(self) -> None:
        """Leave as `release history` does where the record's chain is broken.

        Raises
        ------
        ReleaseError
        """
        if self._error is not None:
            raise self._error

    def lines(self) -> list[str]:
        """Return ten lines of at most 80 columns.

        Examples
        --------
        >>> page = LifecyclePage(None, None, None, None, (), "nothing shipped", ("train: nothing is live",))
        >>> print(page.lines()[0])
        live       none
        """
        told = [*self._live(), ("monitor", _verdict(self.monitor)), ("bias", _verdict(self.bias))]
        told += [*self._challenger(), ("barred", self._barred()), ("log", self.log)]
        room = _LINES - len(told)
        waits = list(self.waits) or ["nothing"]
        if len(waits) > room:
            waits = [*waits[: room - 1], f"{len(waits) - room + 1} more: --json"] if room > 1 else [_counted(waits)]
        told += [("waits" if at == 0 else "", text) for at, text in enumerate(waits)]
        return [_line(label, text) for label, text in told]

    def _live(self) -> list[tuple[str, str]]:
        live = self.live
        if live is None:
            return [("live", _NONE)]
        data = live["data"] if not live["snapshot"] else f"snapshot {live['snapshot'][:_SHORT]}: {live['data']}"
        why = self.broken or f"{_entry_words(live)}{live['why'] or 'no entry says why'}"
        return [("live", f"{live['version']} since {live['since'] or 'unknown'}"), ("why", why), ("data", data)]

    def _challenger(self) -> list[tuple[str, str]]:
        one = self.challenger
        if one is None:
            return [("challenger", _NONE)]
        gate = ", ".join(f"{name} {digest[:_SHORT]}: {one['gate'][name]}" for name, digest in one["evidence"].items())
        since = f"{one['version']} since {one['since'] or 'unknown'}"
        return [("challenger", since), ("gate", gate or "no evidence was recorded")]

    def _barred(self) -> str:
        if self.broken:
            return "not known: the record's chain is broken"
        words = [f"{one['version'].rpartition('-')[2]} by {one['who']} ({one['action']})" for one in self.barred]
        return f"{len(words)}: {', '.join(reversed(words))}" if words else _NONE


def lifecycle_page(places: LifecyclePlaces) -> LifecyclePage:
    """Return the page of a project as it stands; nothing need exist yet.

    Raises
    ------
    ArtifactError
        If a pointer is not a link to a version.
    DataError
        If a verdict or a snapshot's manifest cannot be read.
    """
    root, error = places.artifacts, None
    try:
        stands = standing_of(root)
    except ReleaseError as broken:
        error, stands = broken, standing_of(root, record=False)
    days, bias = DayBook(places.monitoring).days(), read_bias_verdict(places.monitoring)
    day = days[-1] if days else None
    live, challenger = _live_of(places, stands), _challenger_of(places, stands)
    bars = [(entry, digest) for digest, bar in barred_by_record(stands.entries).items() for entry in bar[-1:]]
    barred = [
        {"version": version_of(entry), "digest": digest, "who": entry.who, "at": entry.at, "action": entry.action}
        for entry, digest in bars
    ]
    return LifecyclePage(
        live,
        challenger,
        _monitor_of(day, stands.live),
        None if bias is None else {**asdict(bias), "of": f"{bias.first} to {bias.last}"},
        barred,
        _log_words(places.log),
        [
            *(["every change waits for a new record: keep history.jsonl under another name"] if error else []),
            *_waits(live, challenger, day),
            *_left_waits(root, broken=error is not None),
            *_retraining_waits(places, days),
            *_bar_waits(stands),
        ],
        None if error is None else "THE RECORD'S CHAIN IS BROKEN; see release history",
        error,
    )


def live_periods(entries: Sequence[Entry], version: str) -> list[tuple[str, str | None]]:
    """Return when a version was live, from and until; None: it is.

    Parameters
    ----------
    entries : sequence of Entry
        The record, the oldest first.
    version : str

    Examples
    --------
    >>> live_periods([], "20261123T120102Z-1a2b3c4d5e6f")
    []
    """
    moves = [entry for entry in entries if entry.action in _MOVES_LIVE]
    found: list[tuple[str, str | None]] = []
    for entry in moves:
        if entry.to_version == version and (not found or found[-1][1] is not None):
            found.append((entry.at, None))
        elif entry.to_version != version and found and found[-1][1] is None:
            found[-1] = (found[-1][0], entry.at)
    return found


def _live_of(places: LifecyclePlaces, stands: ReleaseStanding) -> dict[str, Any] | None:
    if stands.live is None:
        return None
    moved = next((one for one in reversed(stands.entries) if one.action in _MOVES_LIVE), None)
    ours = moved if moved is not None and moved.to_version == stands.live else None
    snapshot, data = _data_of(places, stands.live)
    return {"version": stands.live, **_said(ours), "snapshot": snapshot, "data": data}


def _data_of(places: LifecyclePlaces, version: str) -> tuple[str, str]:
    """Return the snapshot of a bundle, and what can be said of it; every byte is read where that is quick."""
    try:
        bundle = open_bundle(places.artifacts / version, trust=places.trust)
    except ArtifactError as error:
        return "", f"THE BUNDLE IS REFUSED: {error}"
    store = SnapshotStore.beside(places.artifacts)
    state = store.state_of(bundle)
    if state == "there":
        small = sum(file.size for file in store.read(bundle.snapshot).files) <= _MOST_HASHED
        state = store.state_of(bundle, hashed=True) if small else "there; data verify proves it"
    return bundle.snapshot, state


def _challenger_of(places: LifecyclePlaces, stands: ReleaseStanding) -> dict[str, Any] | None:
    version = stands.challenger
    if version is None:
        return None
    named = (one for one in reversed(stands.entries) if one.action == "challenge" and one.to_version == version)
    said = _said(next(named, None))
    gate = {name: _gate_words(places, name, digest) for name, digest in said["evidence"].items()}
    return {"version": version, **said, "gate": gate}


def _gate_words(places: LifecyclePlaces, name: str, digest: str) -> str:
    """Return the verdict of a report, read from the very file that the record names."""
    for folder in places.gates:
        for path in sorted(folder.rglob(name)):
            if path.is_file() and fingerprint_file(path) == digest:
                try:
                    return str(json.loads(path.read_bytes())["verdict"])
                except (ValueError, KeyError, TypeError):
                    return "whole, without a verdict"
    return "its file is not here"


def _said(entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return dict.fromkeys(("since", "who", "action", "why", "entry")) | {"evidence": {}}
    return {
        "since": entry.at,
        "who": entry.who,
        "action": entry.action,
        "why": entry.why,
        "entry": entry.number,
        "evidence": dict(entry.evidence),
    }


def _monitor_of(day: MonitorDay | None, live: str | None) -> dict[str, Any] | None:
    if day is None:
        return None
    what = "the live bundle" if day.bundle == live else f"another bundle, {day.bundle}"
    return {
        "level": day.level,
        "day": day.as_of,
        "of": f"{day.period or 'no period'}, {what}",
        "bundle": day.bundle,
        "period": day.period,
        "blocks_retraining": day.blocks_retraining,
    }


def _log_words(log: Desk) -> str:
    url = log.settings.url
    if not url.startswith("sqlite:///"):
        return "on a server, not asked; decisions stats says what it holds"
    if not (log.folder / url.removeprefix("sqlite:///")).is_file():
        return "nothing was shipped yet: decisions ship"
    try:
        with closing(log.open_store()) as store:
            last = next(iter(store.database.rows("SELECT MAX(at_ms) FROM decisions")))[0]
    except PortfolioError as error:
        return f"cannot be read: {error}"
    if last is None:
        return "nothing was shipped yet: decisions ship"
    return f"last shipped entry is of {datetime.fromtimestamp(last / 1000, UTC).isoformat(timespec='seconds')}"


def _waits(
    live: Mapping[str, Any] | None,
    challenger: Mapping[str, Any] | None,
    day: MonitorDay | None,
) -> list[str]:
    waits: list[str] = []
    if live is None:
        waits.append("nothing is live: train, or release promote VERSION")
    elif live["data"] in ("withdrawn", "missing", "damaged"):
        waits.append(f"the live bundle's data is {live['data']}: train again, or look at data verify")
    if challenger is not None:
        waits.append(f"release promote {challenger['version']}, or abort")
    if day is None and live is not None:
        waits.append("monitor has not looked yet: monitor --as-of DAY")
    return waits


def _left_waits(root: Path, *, broken: bool) -> list[str]:
    """Return the roll-backs that no record knows of; a record that is broken takes no correction."""
    when = "once there is a new record, the next change" if broken else "the next change"
    return [f"{when} records that {who} rolled back {version}" for version, who in left_unrecorded(root).items()]


def _retraining_waits(places: LifecyclePlaces, days: Sequence[MonitorDay]) -> list[str]:
    """Return what keeps retraining from going on, as `retrain` itself asks, and runs that no mirror has yet."""
    alarms = {day.period: day.as_of for day in days}
    waits = [
        f"quality alarm of {alarms[period]}: no retraining until it is mended; monitor explain"
        for period in blocked_by(days, accepted=places.accepted)
    ]
    tried = RetrainBook(places.retraining).days()[-1:]
    own = ("barred", "blocked") if waits else ("barred",)  # bars and alarms that still stand have lines of their own
    waits += [_tried_words(day) for day in tried if day.exit_code and day.outcome not in own]
    posted = len(RunStore(places.runs).posted())
    return [*waits, *([f"{posted:,} run(s) are in the outbox: lifecycle sync"] if posted else [])]


def _tried_words(day: RetrainDay) -> str:
    return f"retraining of {day.as_of} ended {day.outcome}: {' '.join(day.sentences[:1])}"


def _bar_waits(stands: ReleaseStanding) -> list[str]:
    waits: list[str] = []
    for digest, entries in barred_by_record(stands.entries).items():
        names = ", ".join(dict.fromkeys(entry.who for entry in entries))
        waits.append(f"a pardon of {digest} needs another name than {names}")
    return waits


def _verdict(said: Mapping[str, Any] | BiasVerdict | None) -> str:
    return "no verdict yet" if not isinstance(said, Mapping) else f"{said['level']} on {said['day']}, of {said['of']}"


def _entry_words(live: Mapping[str, Any]) -> str:
    if live["entry"] is None:
        return ""
    evidence = "".join(f", {name} {digest[:_SHORT]}" for name, digest in live["evidence"].items())
    return f"{live['action']} by {live['who']}, entry {live['entry']}{evidence}: "


def _counted(waits: Sequence[str]) -> str:
    return f"{waits[0]} (+{len(waits) - 1}: --json)"


def _line(label: str, text: str) -> str:
    line = f"{label:<{_LABEL}}{text}"
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."
