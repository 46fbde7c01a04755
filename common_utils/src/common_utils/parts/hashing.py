"""Which part of a run a subject belongs to: by its name alone, the same on every machine and for any number of jobs."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

import numpy as np

from common_utils.array_types import IntArray
from common_utils.errors import ConfigError

__all__ = ["PARTS", "part_numbers", "parts_of_job"]

PARTS = 64
"""Parts of every run whose answers go to a folder, however many processes or jobs compute them."""


def part_numbers(subjects: Iterable[str]) -> IntArray:
    """Return the part of each subject, from 0: the CRC-32 (ISO 3309) of the name in UTF-8, modulo `PARTS`.

    Parameters
    ----------
    subjects : iterable of str
        As they are compared: without blanks around them.

    Examples
    --------
    >>> part_numbers(["s1", "s2", "s1"]).tolist()
    [48, 10, 48]
    """
    return np.fromiter((crc32(subject.encode()) % PARTS for subject in subjects), dtype=np.int64)


def parts_of_job(text: str | None) -> tuple[int, ...]:
    """Return the parts that one job of an array computes, given `--part i/n`; without it, all of them.

    Raises
    ------
    ConfigError
        If it is not i/n with 1 <= i <= n <= `PARTS`.

    Examples
    --------
    >>> parts_of_job("2/32"), len(parts_of_job(None))
    ((1, 33), 64)
    """
    if text is None:
        return tuple(range(PARTS))
    job, slash, jobs = text.partition("/")
    if not (slash and job.isdecimal() and jobs.isdecimal() and 1 <= int(job) <= int(jobs) <= PARTS):
        raise ConfigError(f"--part {text!a}: give i/n with 1 <= i <= n <= {PARTS}, such as 1/4: the first of 4 jobs.")
    return tuple(range(int(job) - 1, PARTS, int(jobs)))
