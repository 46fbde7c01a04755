"""The last verdict on bias, kept beside the days: its level, of which decisions and versions; no person, no figure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from common_utils.errors import DataError
from common_utils.outputs import write_bytes

if TYPE_CHECKING:
    from common_utils.monitoring.bias.report import BiasReport

__all__ = ["BiasVerdict", "keep_bias_verdict", "read_bias_verdict"]

_FILE = "bias.json"


@dataclass(frozen=True)
class BiasVerdict:
    """What a report on every group came to.

    Attributes
    ----------
    level : str
    day : str
        When it was asked, UTC.
    first, last : str
        Days of the first and the last decision.
    decisions : int
    versions : sequence of str
        Bundles that decided.
    """

    level: str
    day: str
    first: str
    last: str
    decisions: int
    versions: Sequence[str]


def keep_bias_verdict(folder: Path, report: BiasReport) -> None:
    """Keep the verdict of a report in place of the one before.

    Raises
    ------
    PortfolioError
        If the folder cannot be written.
    """
    day = datetime.now(UTC).date().isoformat()
    versions = [one.version for one in report.versions]
    kept = BiasVerdict(report.level, day, report.first, report.last, report.decisions, versions)
    write_bytes(folder / _FILE, json.dumps(asdict(kept), indent=1).encode() + b"\n")


def read_bias_verdict(folder: Path) -> BiasVerdict | None:
    """Return the last verdict; None where nobody asked.

    Raises
    ------
    DataError
        If the file is none.

    Examples
    --------
    >>> read_bias_verdict(Path("nowhere")) is None
    True
    """
    path = folder / _FILE
    try:
        return TypeAdapter(BiasVerdict).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is not a verdict on bias. Remove it and run `bias report` again.") from error
