"""Small lasting shifts over the periods that a monitor looks at: one state beside the days, each table in it once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from common_utils.monitoring.drift.e_detector import Status
from common_utils.monitoring.drift.lasting import Lasting, open_lasting
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.judge import Sight
from common_utils.monitoring.profiles.profile import Profile, same_scale
from common_utils.monitoring.profiles.profile_json import profile_bytes
from common_utils.outputs import blamed, write_bytes

__all__ = ["lasting_findings"]

_LATE = "lasting_shift_late"
_ANEW = "lasting_shift_restarted"


def lasting_findings(file: Path, sight: Sight) -> list[Finding]:
    """Add a period up in the state that a file holds, write the state, and return what it says.

    A table is known by its counts: the same one again, under whatever name, changes nothing. A period that is older
    than one added up already says nothing of lasting shifts, and is told so. Before any period was added up there is
    nothing to say, and no finding: the first periods are judged by the other checks.

    Parameters
    ----------
    file : Path
        `DayBook.detector_file`. Where a bundle with other bins or levels is live, the state is kept beside it under
        another name, and another one begins.
    sight : Sight
        Its period with what the period looked like; the reference "period before" is where a new state begins.

    Raises
    ------
    DataError
        If the file cannot be read or written, or is no such state.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from common_utils.monitoring.profiles.profile import BinCounts
    >>> def sight(period, low, high):
    ...     counts = BinCounts(np.array([1.0]), np.array([low, high]), 0)
    ...     return Sight(period, Profile(low + high, low + high, (), {"age": counts}), ())
    >>> file = Path(tempfile.mkdtemp()) / "detectors.json"
    >>> lasting_findings(file, sight("2025-10", 250, 250)), lasting_findings(file, sight("2025-10", 250, 250))
    ([], [])
    >>> [found.level for found in lasting_findings(file, sight("2025-11", 251, 249))]
    ['ok']
    """
    now = sight.now
    if now is None or not now.rows:
        return []
    digest = hashlib.sha256(profile_bytes(now)).hexdigest()
    watch, told = _opened(file, sight, now)
    status = watch.detector.status_of(sight.period, digest)
    if status == "taken":
        watch = _stepped(watch, sight.period, digest, now)
    if status == "taken" or told:
        watch.save(file)
    return [*told, *_said(watch, status, sight.period, now.subjects)]


def _stepped(watch: Lasting, period: str, digest: str, now: Profile) -> Lasting:
    if watch.reference is now:  # a state begins with it: there is nothing to compare with yet
        return replace(watch, detector=watch.detector.step(period, digest, None)[0])
    return watch.step(period, digest, now)[0]


def _said(watch: Lasting, status: Status, period: str, subjects: int) -> list[Finding]:
    last = watch.detector.seen[-1].period if watch.detector.seen else ""
    if status == "late" and period < last:
        words = f"Periods up to {last} are added up already, so {period} says nothing of lasting shifts."
        return [Finding(_LATE, "", "notice", None, None, period, subjects, words)]
    found = watch.finding()
    if found.level == "insufficient":
        return []
    if status == "late":
        words = f"{found.sentence} Another table of {period} is added up already; this one is not."
        found = replace(found, sentence=words)
    return [found]


def _opened(file: Path, sight: Sight, now: Profile) -> tuple[Lasting, list[Finding]]:
    """Return the state, or a new one that begins with the period before; where it begins anew, that is told."""
    earlier = [one.profile for one in sight.references if one.role == "period before" and _comparable(one.profile, now)]
    first = earlier[0] if earlier else now
    watch = open_lasting(file, "before", first)
    if _comparable(watch.reference, now):
        return watch, []
    kept = _kept_aside(file)
    words = "Another bundle is live, with other bins or levels: small lasting shifts are added up anew from this "
    words += f"period on. What had been added up is kept in {kept.name}."
    return watch.restarted(first), [Finding(_ANEW, "", "notice", None, None, sight.period, now.subjects, words)]


def _comparable(one: Profile, other: Profile) -> bool:
    return same_scale(one, other) and (one.score is None) == (other.score is None)


def _kept_aside(file: Path) -> Path:
    """Copy a state to a name of its content, so that no other one is ever written over."""
    with blamed(file):
        content = file.read_bytes()
    kept = file.with_name(f"{file.stem}-{hashlib.sha256(content).hexdigest()[:12]}.json")
    write_bytes(kept, content)
    return kept
