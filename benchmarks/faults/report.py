"""What every fault script ends with: a small table, and an exit code that tells whether the promises held."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Result", "finish"]


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes
    ----------
    what : str
        What was looked at.
    found : float
        How often, or how much.
    allowed : float or None
        The most that may be found; None for a figure that is only told.
    """

    what: str
    found: float
    allowed: float | None = None

    @property
    def holds(self) -> bool:
        """Whether no more was found than allowed."""
        return self.allowed is None or self.found <= self.allowed


def finish(title: str, results: list[Result]) -> int:
    """Print the table, and add it to the file that FAULTS_RESULTS may name; return 1 if a promise did not hold."""
    if keep := os.environ.get("FAULTS_RESULTS"):
        with Path(keep).open("a", encoding="utf-8") as stream:
            found = {result.what: [result.found, result.allowed] for result in results}
            stream.write(json.dumps({"title": title, "command": shlex.join(sys.argv), "found": found}) + "\n")
    print(title)
    width = max(len(result.what) for result in results)
    for result in results:
        limit = (
            "" if result.allowed is None else f"  (allowed {result.allowed:g})  {'ok' if result.holds else 'BROKEN'}"
        )
        print(f"  {result.what:<{width}}  {result.found:>10,.6g}{limit}")
    return int(not all(result.holds for result in results))
