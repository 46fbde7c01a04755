"""Commands run one by one in a forked process each, the peak of its memory measured.

Everything is imported before, so that a run costs what it does and no more. A script that measures a project's commands
imports them, makes pieces small (what has to be seen is that memory does not grow from piece to piece) and calls
`answer_calls`; `memory.growth` starts it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["answer_calls", "measured"]


def measured(main: Callable[[], object], words: list[str]) -> tuple[int, int]:
    """Run a command line in a process of its own.

    Parameters
    ----------
    main : callable
        Reads `sys.argv`.
    words : list of str
        `sys.argv`, the command's name first.

    Returns
    -------
    tuple of int and int
        The exit code, -1 where the process died; and the kilobytes its memory grew by at its peak.

    Examples
    --------
    >>> measured(lambda: sys.exit(3), ["demo"])[0]
    3
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _tell(writing, main, words)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        code, grown = json.loads(answer.read() or "[-1, 0]")
    os.waitpid(child, 0)
    return code, grown


def _tell(writing: int, main: Callable[[], object], words: list[str]) -> None:
    before, code = _kilobytes("VmRSS"), 1
    sys.argv = words
    try:
        main()
    except SystemExit as left:
        code = int(left.code or 0)
    os.write(writing, json.dumps([code, _kilobytes("VmHWM") - before]).encode())


def answer_calls(main: Callable[[], object], name: str) -> None:
    """Measure the calls on standard input, a JSON list of lists of words, and print what `measured` returns of each."""
    answers = [measured(main, [name, *words]) for words in json.load(sys.stdin)]
    sys.stdout.write(json.dumps(answers))


def _kilobytes(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return 0 if found is None else int(found[1])
