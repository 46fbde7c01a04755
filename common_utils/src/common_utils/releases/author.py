"""Who changes what is live, and why: what is asked of every change and kept with it."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from common_utils.bundle.names import check_text

__all__ = ["WHO_VARIABLE", "Author", "default_who"]

WHO_VARIABLE = "RELEASE_WHO"

_LONGEST_WHO, _LONGEST_WHY = 128, 500


@dataclass(frozen=True)
class Author:
    """Who asks for a change, and why.

    Parameters
    ----------
    who : str
        A person or a job, at most 128 characters on one line.
    why : str
        At most 500 characters on one line; never blank, for it is what is read in the next incident.

    Examples
    --------
    >>> Author("ana", "")
    Traceback (most recent call last):
    common_utils.errors.ConfigError: why: give 1 to 500 printable characters on one line.
    """

    who: str
    why: str

    def __post_init__(self) -> None:
        check_text(self.who, "who", longest=_LONGEST_WHO)
        check_text(self.why, "why", longest=_LONGEST_WHY)


def default_who(environ: Mapping[str, str] | None = None) -> str:
    """Return what RELEASE_WHO says, else `user@host`.

    Parameters
    ----------
    environ : mapping, optional
        Read instead of `os.environ`.

    Examples
    --------
    >>> default_who({"RELEASE_WHO": "nightly training"})
    'nightly training'
    """
    named = (os.environ if environ is None else environ).get(WHO_VARIABLE)
    if named:
        return named
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's numbered user has no name
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
