"""A detector of small lasting shifts: it adds up evidence over periods, and its false alarms have a proven bound.

Each period gives p-values. A p-value becomes a bet, exp(d z - d^2 / 2) with z the normal quantile of 1 - p, worth 1 on
average or less where nothing changed. The Shiryaev-Roberts sum R = (R + 1) x bet grows by 1 a period on average then,
and exponentially once a shift lasts. The mean of R over bets of three sizes and over all p-values has the same
property, whatever their dependence within a period (Shin, Ramdas and Rinaldo, E-detectors, 2022). By Doob's inequality
it exceeds C within T periods with a chance of T / C or less: THRESHOLD is 3,650, a tenth for 365 periods.

It needs each period's p-values to be right given the periods before. Days against one fixed reference are not: its own
noise is a lasting shift (54 % false within a year for a reference ten times a day's size), so the reference must be
the period before, or the first reference with all periods since (`lasting.py`). And a table counts once: looked at
daily, a monthly table is false in 91 % of years.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.special import ndtri

from common_utils.errors import DataError
from common_utils.monitoring.findings import Finding

__all__ = ["SHIFTS", "THRESHOLD", "Detector", "Seen", "Status", "detector_from", "detector_to"]

THRESHOLD = 3650.0
"""R at which the detector fires: at most 365 / 3,650 false within 365 periods (measured: 5 %)."""
SHIFTS = (0.5, 1.0, 2.0)
"""Shifts that are bet on, in standard deviations of a period's statistic."""
_LEAST, _MOST = 1e-300, 1 - 1e-16
_DIGEST_OF = attrgetter("digest")
_LARGEST = 1e200  # of a sum: it fires long before, and never overflows

Status: TypeAlias = Literal["taken", "repeat", "late", "few"]


class Seen(BaseModel):
    """A period that was looked at, and what became of it.

    Attributes
    ----------
    period : str
        `2025-10`, or `2025-10-03`.
    digest : str
        Names the table's content.
    status : {"taken", "few"}
        `few`: too few subjects to say anything; nothing was added up.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    period: str = Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")
    digest: str = Field(min_length=1, max_length=128)
    status: Literal["taken", "few"]


@dataclass(frozen=True)
class Detector:
    """The state of a detector; a step returns the next one.

    Attributes
    ----------
    seen : tuple of Seen
        In the order of time.
    sums : mapping of str to tuple of float
        R of each p-value's name, one for each of SHIFTS.
    began : mapping of str to str
        The period since which evidence of a name has been adding up.
    fired : str or None
        The period in which the detector fired; it stays until `restarted`.

    Examples
    --------
    >>> detector, statuses = Detector(), []
    >>> for day in range(1, 8):
    ...     detector, status = detector.step(f"2025-10-{day:02}", f"table {day}", {"megabytes rose": 0.001})
    >>> detector.fired, detector.strongest(), detector.began["megabytes rose"]
    ('2025-10-03', 'megabytes rose', '2025-10-01')
    >>> detector.step("2025-10-08", "table 7", {"megabytes rose": 0.001})[1]
    'repeat'
    >>> detector.step("2025-10-01", "table 0", {"megabytes rose": 0.001})[1]
    'late'
    """

    seen: tuple[Seen, ...] = ()
    sums: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    began: Mapping[str, str] = field(default_factory=dict[str, str])
    fired: str | None = None

    @property
    def evidence(self) -> float:
        """R: the mean over names and shifts; it fires at THRESHOLD."""
        return float(np.mean([value for sums in self.sums.values() for value in sums])) if self.sums else 0.0

    def strongest(self) -> str | None:
        """Return the name with the most evidence; None before the first period."""
        return max(self.sums, key=lambda name: max(self.sums[name]), default=None)

    def status_of(self, period: str, digest: str) -> Status:
        """Return what a step would do with a table: `taken`, `repeat` (seen already) or `late` (out of order).

        The same period with another content is late as well: its first table has been added up already.

        Raises
        ------
        DataError
            If the period is neither a month nor a day, or not of the same kind as those before.
        """
        asked = _seen(period, digest, "taken")
        if self.seen and len(self.seen[-1].period) != len(asked.period):
            raise DataError(
                f"{period!r}: the periods before are like {self.seen[-1].period!r}. Keep a state for months and "
                "another one for days."
            )
        if digest in map(_DIGEST_OF, self.seen):
            return "repeat"
        return "late" if self.seen and period <= self.seen[-1].period else "taken"

    def step(self, period: str, digest: str, p_values: Mapping[str, float] | None) -> tuple[Detector, Status]:
        """Add a period up.

        Parameters
        ----------
        period : str
        digest : str
            Names the table's content: a table with a digest seen before is not added up again.
        p_values : mapping of str to float, or None
            In [0, 1], one-sided: small where the statistic is large, so that "rose" and "fell" are two names. Always
            the same names; None where the period has too few subjects.

        Returns
        -------
        tuple of (Detector, str)
            The same detector where the status is `repeat` or `late`.

        Raises
        ------
        DataError
            As `status_of`, or if names differ from the periods before, or a value is no probability.
        """
        status = self.status_of(period, digest)
        if status != "taken":
            return self, status
        if not p_values:
            return replace(self, seen=(*self.seen, _seen(period, digest, "few"))), "few"
        if self.sums and self.sums.keys() != p_values.keys():
            strange = sorted(self.sums.keys() ^ p_values.keys())[:5]
            raise DataError(f"{period}: p-values of other names than before: {strange}. Restart the detector.")
        sums = {name: _added(self.sums.get(name, (0.0,) * len(SHIFTS)), p, name) for name, p in p_values.items()}
        began = {name: self.began.get(name, period) for name, values in sums.items() if max(values) > 1}
        after = Detector((*self.seen, _seen(period, digest, "taken")), sums, began, self.fired)
        fires = self.fired is None and after.evidence >= THRESHOLD
        return replace(after, fired=period if fires else self.fired), "taken"

    def restarted(self) -> Detector:
        """Return the detector without evidence, after somebody has looked; tables seen stay seen."""
        return Detector(self.seen)

    def finding(self, reference: str) -> Finding:
        """Return what it says: a notice once it has fired, because what it finds is small; `value` is R.

        Parameters
        ----------
        reference : str
            What the periods were compared with, for the sentence.
        """
        taken = sum(one.status == "taken" for one in self.seen)
        name = self.strongest()
        if name is None or not taken:
            words = "No period has been added up yet: nothing is known about lasting shifts."
            return Finding("lasting_shift", "", "insufficient", None, None, None, 0, words)
        since = self.began.get(name)
        sure = f"evidence {self.evidence:z,.1f}, told at {THRESHOLD:z,.0f}"
        if self.fired is None:
            words = f"No lasting shift against {reference} in {taken} periods ({sure})."
            return Finding("lasting_shift", "", "ok", self.evidence, 1.0, None, taken, words)
        words = f"{name}: a small shift against {reference} lasts since about {since or self.fired} ({sure}). "
        words += "Find what changed then; restart the detector when it is explained, or train again."
        return Finding("lasting_shift", name, "notice", self.evidence, 1.0, since or self.fired, taken, words)


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    shifts: list[float]
    seen: list[Seen]
    sums: dict[str, list[Annotated[float, Field(ge=0, allow_inf_nan=False)]]]
    began: dict[str, str]
    fired: str | None


def detector_to(detector: Detector) -> dict[str, Any]:
    """Return a detector as plain values, as `detector_from` reads them.

    Examples
    --------
    >>> detector_to(Detector())["shifts"]
    [0.5, 1.0, 2.0]
    """
    seen = [one.model_dump() for one in detector.seen]
    sums = {name: list(values) for name, values in detector.sums.items()}
    return {
        "shifts": list(SHIFTS),
        "seen": seen,
        "sums": sums,
        "began": dict(detector.began),
        "fired": detector.fired,
    }


def detector_from(value: object, name: str) -> Detector:
    """Return the detector that plain values hold.

    Parameters
    ----------
    value : object
        What a JSON file held.
    name : str
        What the file is called in a message.

    Raises
    ------
    DataError
        If it is no such state, or one of a detector with other bets.

    Examples
    --------
    >>> detector = Detector().step("2025-10", "a", {"age rose": 0.5})[0]
    >>> detector_from(detector_to(detector), "state.json") == detector
    True
    """
    try:
        state = _State.model_validate(value)
    except ValidationError as error:
        raise DataError(f"{name}: this is no state of a detector; move it away to begin anew.") from error
    if state.shifts != list(SHIFTS) or any(len(values) != len(SHIFTS) for values in state.sums.values()):
        raise DataError(f"{name}: the state is of a detector with other bets; move it away to begin anew.")
    periods = [one.period for one in state.seen]
    if periods != sorted(set(periods)) or not state.began.keys() <= state.sums.keys():
        raise DataError(f"{name}: its periods are not in order, or it names what it has no sums of; move it away.")
    sums = {statistic: tuple(values) for statistic, values in state.sums.items()}
    return Detector(tuple(state.seen), sums, state.began, state.fired)


def _seen(period: str, digest: str, status: Literal["taken", "few"]) -> Seen:
    try:
        return Seen(period=period, digest=digest, status=status)
    except ValidationError as error:
        raise DataError(f"{period!r}: give a month (2025-10) or a day (2025-10-03), and the table's digest.") from error


def _added(before: tuple[float, ...], p: float, name: str) -> tuple[float, ...]:
    if not 0 <= p <= 1:
        raise DataError(f"{name}: {p!r} is no p-value; give a number from 0 to 1.")
    z = -float(ndtri(min(max(p, _LEAST), _MOST)))
    return tuple(min((r + 1) * float(np.exp(d * z - d * d / 2)), _LARGEST) for r, d in zip(before, SHIFTS, strict=True))
