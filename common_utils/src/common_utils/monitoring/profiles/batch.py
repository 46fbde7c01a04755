"""What a command that answers a file saw: pieces are counted as they pass and written as one hour's profile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.bundle import Bundle
from common_utils.config import resolve_path
from common_utils.errors import DataError
from common_utils.monitoring.config import MonitoringConfig
from common_utils.monitoring.profiles.counting import Columns, profile_like
from common_utils.monitoring.profiles.hours import HourFolder
from common_utils.monitoring.profiles.profile import Profile, merge
from common_utils.monitoring.profiles.profile_json import bundle_profile

__all__ = ["BatchProfile", "open_batch_profile"]


class BatchProfile:
    """The profile of a run; memory does not grow with the file.

    Parameters
    ----------
    folder : HourFolder
    reference : Profile
    keep_days : int
        As the settings say.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from common_utils.monitoring.profiles.counting import reference_profile
    >>> folder = HourFolder(Path(tempfile.mkdtemp()), "v1", "predict")
    >>> run = BatchProfile(folder, reference_profile({"minutes": np.arange(9.0)}), keep_days=30)
    >>> run.add({"minutes": np.array([1.0, 2.0])}, subjects=np.array(["a", "b"]))
    >>> run.add({"minutes": np.array([3.0])}, subjects=np.array(["c"]))
    >>> run.write(datetime(2026, 11, 28, 20, tzinfo=UTC)).subjects
    3
    """

    def __init__(self, folder: HourFolder, reference: Profile, *, keep_days: int) -> None:
        self._folder = folder
        self._reference = reference
        self._keep_days = keep_days
        self._profile: Profile | None = None

    @property
    def reference(self) -> Profile:
        """What fixes the edges; a process that answers counts with it, and `take` adds up."""
        return self._reference

    def take(self, piece: Profile | None) -> None:
        """Add what was counted of a piece; None: nobody was seen."""
        if piece is not None:
            self._profile = piece if self._profile is None else merge(self._profile, piece)

    def add(
        self,
        columns: Columns,
        *,
        score: FloatArray | None = None,
        subjects: NDArray[Any] | None = None,
        months: tuple[str, ...] = (),
    ) -> None:
        """Count a piece; as `counting.profile_like`."""
        self.take(profile_like(self._reference, columns, score=score, subjects=subjects, months=months))

    def write(self, now: datetime | None = None) -> Profile | None:
        """Write what was counted and delete what is too old; None where nothing was counted.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if self._profile is not None:
            at = datetime.now(UTC) if now is None else now
            self._folder.write(at, self._profile)
            self._folder.prune(at, self._keep_days)
        return self._profile

    def keep(self, tell: Callable[[str], None]) -> None:
        """Write as `write`; where that fails, tell it: the answers are written by now, and nobody waits for counts.

        Examples
        --------
        >>> import numpy as np
        >>> from common_utils.monitoring.profiles.counting import reference_profile
        >>> folder = HourFolder(Path("/dev/null"), "v1", "predict")
        >>> run = BatchProfile(folder, reference_profile({"minutes": np.arange(9.0)}), keep_days=30)
        >>> run.add({"minutes": np.array([1.0])})
        >>> run.keep(lambda said: print(said.partition(":")[0]))
        what was seen is not counted
        """
        try:
            self.write()
        except (DataError, OSError) as error:
            tell(f"what was seen is not counted: {error}. The answers are written; `monitor` will not know of them.")


def open_batch_profile(config: MonitoringConfig, project: Path, bundle: Bundle, what: str) -> BatchProfile | None:
    """Return what counts a run; None where that is off, or the bundle is of before there were counts.

    Parameters
    ----------
    config : MonitoringConfig
    project : Path
        Folder that relative paths count from.
    bundle : Bundle
        The one that answers.
    what : str
        What is answered: `predict`, `recommend`.
    """
    if not config.profiles:
        return None
    try:
        reference = bundle_profile(bundle)
    except DataError:
        return None  # `monitor` says so
    folder = HourFolder(resolve_path(project, config.folder), bundle.version, what)
    return BatchProfile(folder, reference, keep_days=config.keep_days)
