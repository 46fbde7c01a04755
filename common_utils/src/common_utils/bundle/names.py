"""The one rule for names that become part of a path or a record, and the one for texts people write into a record.

A name from a command line, a manifest, a link or a key file is checked here before anything is done with it. What is
allowed is listed; everything else is refused, however it is spelled. Nothing is decoded, trimmed or corrected: a name
that needs it is not the name that was meant.
"""

from __future__ import annotations

import re

from common_utils.errors import ConfigError

__all__ = ["MAX_NAME", "check_name", "check_text", "is_plain_name"]

MAX_NAME = 64
"""Longest name, in characters; every file system takes it, with a suffix behind it."""

_NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._-]{{0,{MAX_NAME - 1}}}", re.ASCII)
# Device names of Windows, alone or before any ending: an artifacts root may lie on a share.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE | re.DOTALL)
_SHOWN = 80


def is_plain_name(text: str) -> bool:
    """Tell whether a text is safe as the name of a file, a folder, a project or a key.

    Parameters
    ----------
    text : str
        As given; neither decoded nor trimmed.

    Returns
    -------
    bool
        True for 1 to 64 ASCII letters, digits, `_`, `-` and `.`, where the first is a letter, a digit or `_`, no dot
        stands at the end or beside another, and the whole is not a device name of Windows.

    Examples
    --------
    >>> is_plain_name("20261123T120102Z-1a2b3c4d5e6f"), is_plain_name("model.joblib")
    (True, True)
    >>> any(map(is_plain_name, ["", "..", "../a", "/etc", "a%2fb", "a b", "-rf", "nul.txt", "a.", "x" * 65]))
    False
    """
    return _NAME.fullmatch(text) is not None and not (text.endswith(".") or ".." in text or _DEVICE.fullmatch(text))


def check_name(text: str, what: str) -> str:
    """Return a name as it is, or refuse it.

    Parameters
    ----------
    text : str
        The name.
    what : str
        What it names, for the message: `version`, `key id`.

    Raises
    ------
    ConfigError
        If it is not a plain name; the message shows it in ASCII, cut to 80 characters.

    Examples
    --------
    >>> check_name("planrec", "project")
    'planrec'
    >>> check_name("../planrec", "project")
    Traceback (most recent call last):
    common_utils.errors.ConfigError: project '../planrec' is not a plain name: give 1 to 64 ASCII letters, digits, \
'_', '-' or '.', beginning with a letter or digit.
    """
    if not is_plain_name(text):
        raise ConfigError(
            f"{what} {text[:_SHOWN]!a} is not a plain name: give 1 to {MAX_NAME} ASCII letters, digits, '_', '-' or "
            "'.', beginning with a letter or digit."
        )
    return text


def check_text(text: str, what: str, *, longest: int) -> str:
    """Return a text written for readers, or refuse one that would disturb a log or a terminal.

    Parameters
    ----------
    text : str
        In any language.
    what : str
        What it is, for the message: `--why`.
    longest : int
        Most characters allowed, >= 1.

    Raises
    ------
    ConfigError
        If it is blank, too long, or holds line breaks, control or invisible characters; it is not repeated.

    Examples
    --------
    >>> check_text("fewer complaints in the café pilot", "--why", longest=200)
    'fewer complaints in the café pilot'
    """
    # Not printable: control and invisible formatting characters, surrogates, line separators, unusual spaces.
    if not text.strip() or len(text) > longest or not text.isprintable():
        raise ConfigError(f"{what}: give 1 to {longest} printable characters on one line.")
    return text
