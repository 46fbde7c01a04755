"""A batch command from its table to its outputs: files, or a folder of parts that one job or an array writes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from common_utils.bundle import fingerprint_bytes, library_versions
from common_utils.command_line.options import holds_parts
from common_utils.command_line.terminal import note, steps
from common_utils.errors import ConfigError, DataError
from common_utils.parts.folder import SUCCESS, PartFolder, sha256_of
from common_utils.parts.hashing import PARTS, parts_of_job
from common_utils.tables import Reading
from planrec.batch.files import write_job
from planrec.batch.parts.expected import Expected, expected_in_file, expected_in_parts
from planrec.batch.parts.folder import write_folder
from planrec.batch.parts.jobs import BatchJob, Keeping, Written
from planrec.bundle import PlanRecBundle
from planrec.rules import Rules

__all__ = ["BatchCommand", "bundle_digest", "digest_of", "rules_digest", "run_job", "say_expected"]

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class BatchCommand:
    """What a batch command is asked for.

    Attributes
    ----------
    usage, output : Path
    workers : int or None
        What `--workers` gave.
    part : str or None
        What `--part` gave.
    asked : mapping of str to str
        All that the answers depend on beside the table, by a name for people: versions, digests, the question.
    dry_run : bool
        Whether to say what the run will take, and answer nothing.
    beside : mapping of str to Path
        Further outputs by name: files beside a file, folders beside a folder.
    """

    usage: Path
    output: Path
    workers: int | None
    part: str | None
    asked: Mapping[str, str]
    dry_run: bool = False
    beside: Mapping[str, Path] = field(default_factory=dict[str, Path])


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


def rules_digest(rules: Rules) -> str:
    """Return a digest of rules as they are followed."""
    return fingerprint_bytes(rules.model_dump_json().encode())


def bundle_digest(bundle: PlanRecBundle | None) -> str:
    """Return the checksum of a bundle's manifest, which holds those of its files; none without a bundle."""
    return "" if bundle is None else str(bundle.bundle.manifest["checksum"])


def run_job(
    job: BatchJob[Answer], command: BatchCommand, *, reading: Reading, keeping: Keeping[Answer] | None = None
) -> Written | None:
    """Answer a table and say what was done; return the account of the whole, None while parts of it are left.

    Raises
    ------
    ConfigError
        If `--part` is given with a file, or files and folders are mixed.
    DataError
        As `files.write_job` and `folder.write_folder`.
    """
    numbers, keeping = parts_of_job(command.part), keeping or Keeping()
    outputs = (command.output, *command.beside.values())
    folders = [holds_parts(output) for output in outputs]
    if not folders[0] and command.part is not None:
        raise ConfigError(
            f"--part {command.part}: name a folder with --output, the same for all jobs; not {command.output.name}."
        )
    if len(set(folders)) > 1:
        raise ConfigError("--output and what is written beside it: name files for both, or folders for both.")
    if command.dry_run:
        _say_expected(job, command, numbers if folders[0] else None, reading, keeping)
        return None
    if folders[0]:
        return _in_parts(job, command, numbers, reading, keeping)
    written = write_job(job, command.usage, outputs, reading=reading, keeping=keeping, workers=command.workers)
    _tell(written)
    return written


def _folder_of(command: BatchCommand, reading: Reading, keeping: Keeping[Answer]) -> PartFolder:
    versions = library_versions(["planrec", "numpy", "pyarrow"])
    read = (sorted(reading.columns.items()), reading.timezone, reading.accept_units, reading.max_rejected_share)
    asked = {
        **command.asked,
        "the table": digest_of(command.usage),
        "how the table is read": sha256(repr(read).encode()).hexdigest(),
        "the versions": ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
        "the outputs": ", ".join(("answers", *command.beside)),
        "the log of decisions": "on" if keeping.whole else "off",
    }
    return PartFolder(command.output, asked, command.beside)


def _state(path: Path) -> list[tuple[str, int, int, int]]:
    """Return what shows that a file, or one of a folder, was replaced or written to."""
    try:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        return [(str(one), (now := one.stat()).st_ino, now.st_size, now.st_mtime_ns) for one in files]
    except OSError:  # whoever reads it says so
        return []


def _in_parts(
    job: BatchJob[Answer],
    command: BatchCommand,
    numbers: Sequence[int],
    reading: Reading,
    keeping: Keeping[Answer],
) -> Written | None:
    before = _state(command.usage)
    folder = _folder_of(command, reading, keeping)
    reading.accounts.whole = False  # the rows of other jobs are only known with the last part

    def read_whole() -> None:
        if _state(command.usage) != before:
            raise DataError(
                f"{command.usage}: changed while it was read; no part was written by this job. Run it again."
            )

    run = write_folder(
        job,
        command.usage,
        folder,
        numbers,
        reading=reading,
        keeping=keeping,
        workers=command.workers,
        read_whole=read_whole,
    )
    if run.written is None:
        note(run.workers.words)
    else:
        _tell(run.written)
    there = f"; {run.kept} were there" if run.kept else ""
    note(f"{run.made} of {PARTS} parts written to {command.output}{there}")
    note(
        f"{SUCCESS} is written: every part is there"
        if run.written
        else f"the job that brings the last part writes {SUCCESS}"
    )
    return run.written


def _say_expected(
    job: BatchJob[Answer],
    command: BatchCommand,
    numbers: Sequence[int] | None,
    reading: Reading,
    keeping: Keeping[Answer],
) -> None:
    if numbers is None:
        say_expected(lambda: expected_in_file(job, command.usage, command.output, reading, keeping, command.workers))
        return
    left, beside = _folder_of(command, reading, keeping).left(numbers), list(command.beside)
    if not left:
        note(f"every part of this job is in {command.output}")
        return
    say_expected(lambda: expected_in_parts(job, command.usage, beside, left, reading, keeping, command.workers))


def say_expected(measured: Callable[[], Expected]) -> None:
    """Say what a run will take, which is measured on a sample."""
    with steps() as step:
        step("answering a sample")
        found = measured()
    sys.stdout.write("".join(f"{line}\n" for line in found.lines()))


def _tell(written: Written) -> None:
    for text in (written.report.summary(), written.workers.words, *written.remarks):
        note(text)
