"""A profile as JSON: `profile.json` of a bundle, and the hours that services and commands keep. Nothing is guessed."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from common_utils.bundle import Bundle
from common_utils.errors import DataError
from common_utils.monitoring.profiles.profile import PROFILE_FORMAT, BinCounts, CategoryCounts, Profile
from common_utils.monitoring.profiles.subjects import LARGEST, REGISTERS, SubjectSketch

__all__ = ["PROFILE_FILE", "bundle_profile", "parse_profile", "profile_bytes", "profile_from", "profile_to"]

PROFILE_FILE = "profile.json"
"""What a bundle calls the profile of what it was trained on."""

_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Text = Annotated[str, Field(max_length=1_000)]
_REFUSED = 3  # things said of what is wrong


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Numbers(_Form):
    edges: list[FiniteFloat]
    counts: list[_Count] = Field(min_length=1)
    missing: _Count


class _Categories(_Form):
    counts: dict[_Text, _Count]
    other: _Count
    unknown: _Count
    missing: _Count
    tail: list[Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]] = []


class _Seen(_Form):
    rows: _Count
    registers: str = Field(max_length=4 * REGISTERS)


class _Profile(_Form):
    format: int
    rows: _Count
    subjects: _Count
    months: list[Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]]
    numbers: dict[_Text, _Numbers]
    categories: dict[_Text, _Categories]
    score: _Numbers | None
    seen: _Seen | None


def profile_to(profile: Profile) -> dict[str, Any]:
    """Return a profile as plain values, as `profile_from` reads them.

    Examples
    --------
    >>> profile_to(Profile(0, 0, ()))["format"]
    2
    """
    seen = profile.seen
    return {
        "format": PROFILE_FORMAT,
        "rows": profile.rows,
        "subjects": profile.subjects,
        "months": list(profile.months),
        "numbers": {name: _numbers_to(counts) for name, counts in profile.numbers.items()},
        "categories": {
            name: {
                "counts": dict(known.counts),
                "other": known.other,
                "unknown": known.unknown,
                "missing": known.missing,
                "tail": list(known.tail),
            }
            for name, known in profile.categories.items()
        },
        "score": None if profile.score is None else _numbers_to(profile.score),
        "seen": None
        if seen is None
        else {"rows": seen.rows, "registers": b64encode(zlib.compress(seen.registers.tobytes(), 9)).decode()},
    }


def profile_bytes(profile: Profile) -> bytes:
    """Return a profile as the bytes of a JSON file.

    Examples
    --------
    >>> parse_profile(profile_bytes(Profile(0, 0, ())), "an empty one").rows
    0
    """
    return json.dumps(profile_to(profile), indent=1, allow_nan=False).encode() + b"\n"


def bundle_profile(bundle: Bundle) -> Profile:
    """Return the reference that a bundle was written with: the edges and levels that later tables are counted on.

    Raises
    ------
    DataError
        As `profile_from`: a bundle of before format 2 has no counts.
    ArtifactError
        If the bundle has no profile.
    """
    return parse_profile(bundle.read_bytes(PROFILE_FILE), f"{PROFILE_FILE} of bundle {bundle.version}")


def parse_profile(content: bytes, name: str) -> Profile:
    """Return the profile that a file holds.

    Parameters
    ----------
    content : bytes
    name : str
        What the file is called in a message.

    Raises
    ------
    DataError
        As `profile_from`, or if it is not JSON.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: it is not JSON; write the profile again.") from error
    return profile_from(value, name)


def profile_from(value: object, name: str) -> Profile:
    """Return the profile that plain values hold, once everything about it adds up.

    Parameters
    ----------
    value : object
        What a JSON file held.
    name : str
        What the file is called in a message.

    Raises
    ------
    DataError
        If it is of an older format, which has no counts; if a field is missing, unknown or of another kind; if edges
        do not increase, counts do not add up to the rows, the score counts more, or there are more subjects than rows.

    Examples
    --------
    >>> profile_from({"rows": 10, "features": {}}, "profile.json of 20261123T120102Z-1a2b3c4d5e6f")
    Traceback (most recent call last):
    common_utils.errors.DataError: profile.json of 20261123T120102Z-1a2b3c4d5e6f: no counts: train again.
    """
    _check_format(value, name)
    try:
        form = _Profile.model_validate(value)
    except ValidationError as error:
        said = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)]
        raise DataError(f"{name}: {'; '.join(said[:_REFUSED])}. Write the profile again.") from None
    seen = _seen(form.seen, name)
    profile = Profile(
        rows=form.rows,
        subjects=form.subjects,
        months=tuple(form.months),
        numbers={feature: _numbers(counts, f"{name}: {feature!r}") for feature, counts in form.numbers.items()},
        categories={
            feature: CategoryCounts(known.counts, known.other, known.unknown, known.missing, tuple(known.tail))
            for feature, known in form.categories.items()
        },
        score=None if form.score is None else _numbers(form.score, f"{name}: the score"),
        seen=seen,
    )
    _check_sums(profile, name)
    return profile


def _check_format(value: object, name: str) -> None:
    if not isinstance(value, Mapping):
        raise DataError(f"{name}: it is no profile; write it again.")
    found = value.get("format", 1)
    if found == 1:
        raise DataError(f"{name}: no counts: train again.")
    if found != PROFILE_FORMAT:
        raise DataError(f"{name}: format {found!r}, and this version reads {PROFILE_FORMAT}; install the newer one.")


def _check_sums(profile: Profile, name: str) -> None:
    counted = {**profile.numbers, **profile.categories}
    for feature, counts in counted.items():
        if counts.rows != profile.rows:
            raise DataError(f"{name}: {feature!r} counts {counts.rows:,} rows of {profile.rows:,}; write it again.")
    if profile.score is not None and profile.score.rows > profile.rows:
        raise DataError(f"{name}: the score counts {profile.score.rows:,} rows of {profile.rows:,}; write it again.")
    seen = profile.seen
    named, least = (0, 0) if seen is None else (seen.rows, seen.count)
    most = profile.rows if seen is None else profile.rows - named + least
    if not (named <= profile.rows and least <= profile.subjects <= most):
        raise DataError(
            f"{name}: {profile.subjects:,} subjects do not go with {profile.rows:,} rows, of which {named:,} name "
            "theirs; write it again."
        )
    if list(profile.months) != sorted(set(profile.months)):
        raise DataError(f"{name}: the months are not in order, each once; write it again.")


def _numbers_to(counts: BinCounts) -> dict[str, Any]:
    return {"edges": counts.edges.tolist(), "counts": counts.counts.tolist(), "missing": counts.missing}


def _numbers(form: _Numbers, where: str) -> BinCounts:
    edges = np.array(form.edges, dtype=np.float64)
    if not (edges[1:] > edges[:-1]).all():
        raise DataError(f"{where}: the edges do not increase; write the profile again.")
    if len(form.counts) != len(edges) + 1:
        raise DataError(f"{where}: {len(form.counts)} counts for {len(edges)} edges; there is one more than edges.")
    return BinCounts(edges, np.array(form.counts, dtype=np.int64), form.missing)


def _seen(form: _Seen | None, name: str) -> SubjectSketch | None:
    if form is None:
        return None
    unpack = zlib.decompressobj()
    try:
        content = unpack.decompress(b64decode(form.registers, validate=True), REGISTERS + 1)
    except (ValueError, zlib.error) as error:
        raise DataError(f"{name}: the sketch of the subjects cannot be read; write the profile again.") from error
    registers = np.frombuffer(content, dtype=np.uint8)
    if len(registers) != REGISTERS or int(registers.max()) > LARGEST:
        raise DataError(f"{name}: the sketch of the subjects has another size; write the profile again.")
    return SubjectSketch(registers, form.rows)
