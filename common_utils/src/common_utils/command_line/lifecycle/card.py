"""What became of a bundle, for its card: its data, when it was live, and what was said of it since."""

from __future__ import annotations

from pathlib import Path

from common_utils.bundle import Bundle
from common_utils.command_line.lifecycle.page import live_periods
from common_utils.datasets.store import SnapshotStore
from common_utils.errors import ReleaseError
from common_utils.monitoring.bias.verdict import read_bias_verdict
from common_utils.monitoring.day import DayBook
from common_utils.releases.history import read_history

__all__ = ["card_of_use"]


def card_of_use(bundle: Bundle, monitoring: Path) -> str:
    """Return a section of Markdown with a line for each thing that is known; empty where nothing is.

    Parameters
    ----------
    bundle : Bundle
        In its artifacts root, whose record and snapshots are read.
    monitoring : Path
        Folder of monitoring; a verdict counts where it was of this bundle.

    Raises
    ------
    DataError
        If a verdict cannot be read.
    """
    root = bundle.path.resolve().parent
    lines = [f"- Training data: snapshot `{bundle.snapshot}`, {_state(bundle, root)}."] if bundle.snapshot else []
    try:
        periods = live_periods(read_history(root), bundle.version)
    except ReleaseError:
        lines.append("- Live: not known, the record's chain is broken.")
    else:
        words = [f"since {since}" if until is None else f"{since} to {until}" for since, until in periods]
        lines += [f"- Live: {'; '.join(words)}."] if words else []
    days = [day for day in DayBook(monitoring).days() if day.bundle == bundle.version]
    lines += [f"- Monitoring: {day.level} on {day.as_of}, of {day.period or 'no period'}." for day in days[-1:]]
    bias = read_bias_verdict(monitoring)
    if bias is not None and bundle.version in bias.versions:
        lines.append(f"- Bias: {bias.level} on {bias.day}, of decisions from {bias.first} to {bias.last}.")
    return "\n".join(["", "## In use", *lines, ""]) if lines else ""


def _state(bundle: Bundle, root: Path) -> str:
    return SnapshotStore.beside(root).state_of(bundle)
