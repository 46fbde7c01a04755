"""One run as it is kept: who it was, what it was given, what it reached, what it cost."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "BundleOf",
    "CodeOf",
    "Cost",
    "FileOf",
    "FoldFigures",
    "Kind",
    "RunFigure",
    "RunRecord",
    "State",
    "is_run_id",
]

Kind = Literal["training", "study"]
State = Literal["running", "done", "failed"]

_ID = re.compile(r"[0-9]{8}T[0-9]{12}Z-[0-9a-f]{8}")


def is_run_id(text: str) -> bool:
    """Tell whether a text is the name of a run: the microsecond it began, UTC, and eight random digits.

    Examples
    --------
    >>> is_run_id("20261129T101500000000Z-0123abcd"), is_run_id("outbox")
    (True, False)
    """
    return _ID.fullmatch(text) is not None


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RunFigure(_Kept):
    """A figure of a run; the interval is None where none was measured.

    Examples
    --------
    >>> str(RunFigure(value=0.8123, low=0.79, high=0.8333)), str(RunFigure(value=1204))
    ('0.8123 [0.79, 0.8333]', '1204')
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        shown = f"{self.value:z.4g}" if abs(self.value) < _WHOLE else f"{self.value:z.0f}"
        if self.low is None or self.high is None:
            return shown
        return f"{shown} [{self.low:z.4g}, {self.high:z.4g}]"


class FoldFigures(_Kept):
    """Figures of each fold of the shipped model, or of each simulated operator.

    Attributes
    ----------
    of : str
        Digest of which rows are tested in which fold: two runs with the same one can be paired.
    test_over_train : float
        Rows tested over rows learnt from in one fold; 0 where the parts are independent of each other.
    figures : dict of str to tuple of float
        By name of the figure, one number a fold; all of one length.
    """

    of: str
    test_over_train: float = Field(ge=0)
    figures: dict[str, tuple[float, ...]]


class CodeOf(_Kept):
    """The code of a run; the commit is None where there is no repository, as in an image."""

    git_commit: str | None
    python: str
    libraries: dict[str, str]


class BundleOf(_Kept):
    """The bundle that a training wrote: its version, the sha256 of its manifest, and the root it lies in."""

    version: str
    manifest_sha256: str
    root: str


class FileOf(_Kept):
    """A file kept with a run."""

    bytes: int
    sha256: str


class Cost(_Kept):
    """What a run took: seconds by the clock and of all processors, and the most memory of its process so far."""

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float


class RunRecord(_Kept):
    """One run; aggregates only, of no single subject or row.

    Attributes
    ----------
    run : str
        Its name, as `is_run_id` has it.
    settings : dict of str to str
        By dotted key, as JSON text.
    snapshot : str
        Digest of the named data; empty where none was taken.
    data_fingerprint : str
        sha256 of the rows; empty of a study, which simulates its own.
    error : str
        Kind of the error that ended it, without its words, which may repeat a value of the data.
    headline : str
        The figure that a list shows.
    """

    format: Literal[1] = 1
    run: str
    project: str
    kind: Kind
    state: State
    host: str
    process: int
    started: datetime
    settings: dict[str, str]
    code: CodeOf
    snapshot: str = ""
    data_fingerprint: str = ""
    bundle: BundleOf | None = None
    error: str = ""
    headline: str = ""
    figures: dict[str, RunFigure] = {}
    folds: FoldFigures | None = None
    files: dict[str, FileOf] = {}
    cost: Cost | None = None


_WHOLE = 10_000  # from which on decimals say nothing
