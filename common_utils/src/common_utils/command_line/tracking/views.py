"""What the commands of runs do: find the runs, call one thing of `tracking`, show it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from common_utils.bundle.signing import Trust
from common_utils.command_line.terminal import note, show_table
from common_utils.config import resolve_path
from common_utils.errors import DataError, MirrorError
from common_utils.tracking.compare import Comparison, Differs, compare_runs
from common_utils.tracking.config import TrackingConfig
from common_utils.tracking.run import RunRecord
from common_utils.tracking.store import RunStore, is_lost
from common_utils.tracking.sync import Alias, sync_runs

__all__ = ["Found", "run_compare", "run_list", "run_show", "run_sync"]

Found = tuple[TrackingConfig, str, Path, Path, Trust]
"""What `find` returns: settings, package, the project's folder, the bundles' root, whose signatures count."""

_NONE = "-"
_SHORT = 8
_MARKS = str.maketrans(dict.fromkeys('[]{}"', ""))


def run_list(found: Found, kind: str | None, *, as_json: bool) -> None:
    """Show every run, the newest last; one that cannot be read is shown as damaged."""
    store = _store(found)
    runs = [
        (name, run) for name, run in store.every() if kind is None or not isinstance(run, RunRecord) or run.kind == kind
    ]
    if as_json:
        rows = [_brief(run) if isinstance(run, RunRecord) else {"run": name, "state": "damaged"} for name, run in runs]
        _print_json(rows)
        return
    if not runs:
        note(f"no run in {store.folder}; a training or a study makes one")
        return
    show_table("Runs", [_row(name, run) for name, run in runs])
    if reached := [_reached(run) for _, run in runs if isinstance(run, RunRecord) and (run.headline or run.bundle)]:
        show_table("What came of them", reached)
    for _, run in runs:
        if isinstance(run, DataError):
            note(str(run))
    if waiting := store.posted():
        note(f"{len(waiting)} run(s) wait in the outbox for `lifecycle sync`")


def run_show(found: Found, asked: str, *, as_json: bool) -> None:
    """Show one run."""
    run = _store(found).find(asked)
    if as_json:
        _print_json(run.model_dump(mode="json"))
        return
    show_table(f"Run {run.run}", [{"what": name, "said": said} for name, said in _facts(run).items()])
    if run.figures:
        show_table("Figures", [{"figure": _words(name), "value": str(figure)} for name, figure in run.figures.items()])
    if run.folds is not None:
        rows = [{"figure": _words(name), **_spread(values)} for name, values in run.folds.figures.items()]
        show_table("By fold", rows)
    show_table("Settings", [{"setting": name, "value": _plain(value)} for name, value in run.settings.items()])


def run_compare(found: Found, first: str, second: str, *, every: bool, as_json: bool) -> None:
    """Show two runs side by side."""
    store = _store(found)
    comparison = compare_runs(store.find(first), store.find(second))
    if as_json:
        _print_json(comparison.to_dict())
        return
    sys.stdout.write(f"first:  {comparison.first}\nsecond: {comparison.second}\n\n")
    _show_differing("Settings that differ", "setting", comparison.settings)
    _show_differing("Data and code that differ", "what", comparison.facts)
    _show_figures(comparison, every=every)


def run_sync(found: Found, *, every: bool) -> None:
    """Bring the mirror up to date, and say what changed there.

    Raises
    ------
    MirrorError
        If a run could not be read; the others are mirrored.
    PortfolioError
        As `sync_runs`.
    """
    config, project, folder, artifacts, trust = found
    done = sync_runs(config, project, folder, artifacts, trust, every=every)
    sys.stdout.write(f"{len(done.runs)} run(s) mirrored, {len(done.running)} not ended yet\n")
    for alias in done.aliases:
        sys.stdout.write(f"{_alias_words(alias)}\n")
    for why in done.refused:
        note(why)
    if done.refused:
        raise MirrorError(f"{len(done.refused)} run(s) could not be read and stay in the outbox; see above.")


def _alias_words(alias: Alias) -> str:
    """Say which bundle an alias stands for, and that it was moved where it was."""
    if alias.version is None:
        return f"{alias.name}: none" + (f" (was version {alias.before})" if alias.before else "")
    moved = "" if alias.before == alias.now else f" (was {f'version {alias.before}' if alias.before else _NONE})"
    return f"{alias.name}: {alias.version} is version {alias.now}{moved}"


def _show_differing(title: str, name: str, found: tuple[Differs, ...]) -> None:
    if found:
        show_table(title, [{name: one.what, "first": _plain(one.first), "second": _plain(one.second)} for one in found])
    else:
        sys.stdout.write(f"{title}: none\n\n")


def _show_figures(comparison: Comparison, *, every: bool) -> None:
    if comparison.paired:
        rows = [
            {
                "figure": _words(one.figure),
                "first": f"{one.first:z.4g}",
                "second": f"{one.second:z.4g}",
                "second less first": f"{one.difference.estimate:+z.4g} "
                f"[{one.difference.low:+z.4g}, {one.difference.high:+z.4g}]",
                "second is": one.seen,
            }
            for one in comparison.paired
        ]
        show_table(f"Paired on {comparison.paired[0].folds} folds of the same rows", rows)
    else:
        sys.stdout.write(f"Not paired: {comparison.unpaired}\n\n")
    rows = [
        {"figure": _words(one.figure), "first": str(one.first), "second": str(one.second)}
        for one in comparison.beside
        if every or one.second.low is not None
    ]
    if rows:
        show_table("Each with its own interval; says nothing of the difference", rows)


def _row(name: str, run: RunRecord | DataError) -> Mapping[str, str]:
    if isinstance(run, DataError):
        blank = dict.fromkeys(("min", "commit", "data"), _NONE)
        return {"run": name, "kind": _NONE, "state": "damaged", **blank}
    return {
        "run": name,
        "kind": run.kind,
        "state": _state(run),
        "min": _NONE if run.cost is None else f"{run.cost.wall_seconds / 60:z.1f}",
        "commit": _commit(run),
        "data": (run.snapshot or run.data_fingerprint)[:_SHORT] or _NONE,
    }


def _reached(run: RunRecord) -> Mapping[str, str]:
    return {
        "run": run.run,
        "figure": _words(run.headline.rpartition(".")[2]) or _NONE,
        "value": str(run.figures[run.headline]) if run.headline else _NONE,
        "bundle": _NONE if run.bundle is None else run.bundle.version.rpartition("-")[2],
    }


def _words(name: str) -> str:
    """Return the name of a figure in words, so that a narrow column can fold it."""
    return name.replace("_", " ")


def _brief(run: RunRecord) -> dict[str, object]:
    kept = run.model_dump(mode="json", exclude={"settings", "figures", "folds", "files"})
    figure = run.figures.get(run.headline)
    return {**kept, "state": _state(run), "figure": None if figure is None else figure.model_dump()}


def _facts(run: RunRecord) -> dict[str, str]:
    cost, bundle = run.cost, run.bundle
    return {
        "project": run.project,
        "kind": run.kind,
        "state": f"{_state(run)} ({run.error})" if run.error else _state(run),
        "started": f"{run.started:%Y-%m-%d %H:%M:%S} UTC on {run.host}",
        "took": _NONE if cost is None else f"{cost.wall_seconds:z.1f} s, {cost.cpu_seconds:z.1f} s of processors",
        "peak memory": _NONE if cost is None else f"{cost.peak_megabytes:z.0f} MB",
        "bundle": _NONE if bundle is None else bundle.version,
        "snapshot": run.snapshot or _NONE,
        "rows of the data": run.data_fingerprint or _NONE,
        "commit": run.code.git_commit or _NONE,
        "python": run.code.python,
        "libraries": ", ".join(f"{name} {version}" for name, version in run.code.libraries.items()),
        "files": ", ".join(run.files) or _NONE,
    }


def _plain(value: str) -> str:
    """Return a setting's JSON text without quotes and brackets, so that a narrow column can fold it."""
    return value.translate(_MARKS).strip() or _NONE


def _spread(values: tuple[float, ...]) -> dict[str, str]:
    mean = sum(values) / len(values)
    return {
        "folds": str(len(values)),
        "mean": f"{mean:z.4g}",
        "lowest": f"{min(values):z.4g}",
        "highest": f"{max(values):z.4g}",
    }


def _commit(run: RunRecord) -> str:
    commit = run.code.git_commit or ""
    return (commit[:_SHORT] + "+" * commit.endswith("-dirty")) or _NONE


def _state(run: RunRecord) -> str:
    return "lost" if is_lost(run) else run.state


def _store(found: Found) -> RunStore:
    config, _, folder, *_ = found
    return RunStore(resolve_path(folder, config.folder))


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=1, allow_nan=False) + "\n")
