"""Small lasting shifts of a table's features, period after period: which reference is sound, and the state on disk.

`before`: each period against the period before. Growth that goes on adds up; a single step does not (`drift.py` tells
it when it comes). `all before`: each period against the first reference and every period since, taken together. Under
no change the differences are independent, as recursive residuals are, although all share the first reference; a step
adds up. It needs a first reference much larger than a period: of ten periods' size, no method tells a shift of one
standard deviation from the reference's own noise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from common_utils.errors import DataError
from common_utils.monitoring.drift.cells import directions
from common_utils.monitoring.drift.comparison import Limits, cells_of
from common_utils.monitoring.drift.e_detector import Detector, Status, detector_from, detector_to
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.profiles.profile import Profile, merge
from common_utils.monitoring.profiles.profile_json import profile_from, profile_to
from common_utils.outputs import blamed, write_text

__all__ = ["Lasting", "ShiftAgainst", "open_lasting", "p_values"]

ShiftAgainst: TypeAlias = Literal["before", "all before"]
_WORDS = {"before": "the period before", "all before": "all periods before"}
_FORMAT = 1


@dataclass(frozen=True)
class Lasting:
    """A detector with the table that the next one is compared with.

    Attributes
    ----------
    against : {"before", "all before"}
    reference : Profile
        The period before, or the first reference and all periods since.
    detector : Detector

    Examples
    --------
    >>> import numpy as np
    >>> from common_utils.monitoring.profiles.profile import BinCounts
    >>> def table(low, high):
    ...     counts = BinCounts(np.array([1.0]), np.array([low, high]), 0)
    ...     return Profile(low + high, low + high, (), {"age": counts})
    >>> watch = Lasting("all before", table(25_000, 25_000), Detector())
    >>> for day in range(1, 11):
    ...     watch, status = watch.step(f"2025-10-{day:02}", f"table {day}", table(470, 530))
    >>> watch.detector.fired, watch.reference.rows, watch.finding().feature
    ('2025-10-07', 60000, 'age rose')
    """

    against: ShiftAgainst
    reference: Profile
    detector: Detector

    def step(self, period: str, digest: str, now: Profile, limits: Limits | None = None) -> tuple[Lasting, Status]:
        """Add a period up, unless its table has been seen or it comes out of order.

        Parameters
        ----------
        period, digest : str
            As `Detector.step`.
        now : Profile
            One row per subject, on the reference's edges and levels.
        limits : Limits, optional
            `fewest`: with fewer subjects in either table, the period is marked `few` and nothing is added up.
        """
        if (status := self.detector.status_of(period, digest)) != "taken":
            return self, status
        fewest = (limits or Limits()).fewest
        enough = min(now.subjects, self.reference.subjects) >= fewest
        detector, status = self.detector.step(period, digest, p_values(now, self.reference) if enough else None)
        kept = merge(self.reference, now) if self.against == "all before" else now
        return replace(self, detector=detector, reference=kept if status == "taken" else self.reference), status

    def restarted(self, reference: Profile) -> Lasting:
        """Return a watch that begins anew with another reference; tables seen stay seen."""
        return replace(self, reference=reference, detector=self.detector.restarted())

    def finding(self) -> Finding:
        """Return what the detector says, with the reference in words."""
        return self.detector.finding(_WORDS[self.against])

    def save(self, path: Path) -> None:
        """Write the state whole or not at all; the same state gives the same bytes."""
        state = {
            "format": _FORMAT,
            "against": self.against,
            "detector": detector_to(self.detector),
            "reference": profile_to(self.reference),
        }
        write_text(path, json.dumps(state, indent=1, allow_nan=False) + "\n")


def open_lasting(path: Path, against: ShiftAgainst, first: Profile) -> Lasting:
    """Return the watch that a file holds; where there is no file, a new one that begins with `first`.

    Raises
    ------
    DataError
        If the file cannot be read, is no such state, or is against another kind of reference.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "lasting.json"
    >>> open_lasting(path, "before", Profile(0, 0, ())).save(path)
    >>> open_lasting(path, "before", Profile(0, 0, ())).detector.seen
    ()
    """
    if not path.exists():
        return Lasting(against, first, Detector())
    with blamed(path):
        content = path.read_bytes()
    try:
        state = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: it is not JSON; move it away to begin anew.") from error
    if not isinstance(state, dict) or state.keys() != {"format", "against", "detector", "reference"}:
        raise DataError(f"{path}: this is no state of a detector; move it away to begin anew.")
    if state["format"] != _FORMAT or state["against"] != against:
        raise DataError(f"{path}: the state is of another format, or not against {_WORDS[against]}; move it away.")
    reference = profile_from(state["reference"], f"{path}, reference")
    return Lasting(against, reference, detector_from(state["detector"], str(path)))


def p_values(now: Profile, before: Profile) -> Mapping[str, float]:
    """Return the one-sided p-values of every feature: numbers rose or fell, categories changed.

    Examples
    --------
    >>> import numpy as np
    >>> from common_utils.monitoring.profiles.profile import BinCounts
    >>> one = Profile(300, 300, (), {"age": BinCounts(np.array([30.0]), np.array([100, 200]), 0)})
    >>> p_values(one, one)
    {'age rose': 0.5, 'age fell': 0.5}
    """
    found = {name: directions(cells) for name, cells in cells_of(now, before, several_rows=True).items()}
    return {f"{name} {what}": p for name, both in found.items() for what, p in both.items()}
