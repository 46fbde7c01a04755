"""Answers in parts: a command whose output is a folder, run as one job or as one of an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol, Self, TypeVar

from common_utils.bundle import library_versions
from common_utils.command_line.options import holds_parts
from common_utils.command_line.terminal import note
from common_utils.errors import ConfigError, DataError
from common_utils.parts.folder import SUCCESS, PartFolder, sha256_of
from common_utils.parts.hashing import PARTS, parts_of_job
from common_utils.tables import Reading
from planrec.batch.files import Written
from planrec.batch.folder import write_folder
from planrec.batch.jobs import BatchJob

__all__ = ["PartsCommand", "digest_of", "in_parts", "run_in_parts"]

Answer = TypeVar("Answer")


class _Asked(Protocol):
    # What the requests of these commands have in common.
    @property
    def usage(self) -> Path: ...
    @property
    def output(self) -> Path: ...
    @property
    def workers(self) -> int | None: ...
    @property
    def part(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class PartsCommand:
    """What a command whose answers go to a folder is asked for.

    Attributes
    ----------
    usage, output : Path
    workers : int or None
        What `--workers` gave.
    part : str or None
        What `--part` gave.
    about : tuple of str
        All that the answers depend on beside the table: names, versions, digests.
    """

    usage: Path
    output: Path
    workers: int | None
    part: str | None
    about: tuple[str, ...]

    @classmethod
    def of(cls, asked: _Asked, route: str, about: Sequence[str]) -> Self:
        """Return it for a command."""
        return cls(asked.usage, asked.output, asked.workers, asked.part, (route, *about))


def in_parts(output: Path, part: str | None) -> bool:
    """Return whether answers go to a folder.

    Raises
    ------
    ConfigError
        If `--part` is given with a file.
    """
    if part is not None and not holds_parts(output):
        raise ConfigError(f"--part {part}: name a folder with --output, the same for all jobs; not {output.name}.")
    return holds_parts(output)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file that answers depend on.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        return sha256_of(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error


def run_in_parts(
    job: BatchJob[Answer],
    asked: PartsCommand,
    *,
    reading: Reading,
    keep: Callable[[Answer], None] | None = None,
) -> Written | None:
    """Answer in parts and say what was done; return the account of the whole once all parts are there."""
    numbers = parts_of_job(asked.part)
    versions = [f"{name} {version}" for name, version in sorted(library_versions(["planrec", "numpy"]).items())]
    about = "\0".join((*asked.about, *versions, digest_of(asked.usage)))
    folder = PartFolder(asked.output, sha256(about.encode()).hexdigest())
    run = write_folder(job, asked.usage, folder, numbers, reading=reading, keep=keep, workers=asked.workers)
    note(run.workers.words)
    before = f"; {run.kept} were there" if run.kept else ""
    note(f"{run.made} of {PARTS} parts written to {asked.output}{before}")
    if run.written is None:
        note(f"{PARTS - run.made - run.kept} parts are left to the other jobs; the last one writes {SUCCESS}")
        return None
    note(run.written.report.summary())
    for text in run.written.remarks:
        note(text)
    note(f"{run.written.months:,} usage months answered; {SUCCESS} and the manifest are written")
    return run.written
