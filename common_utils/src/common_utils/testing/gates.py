"""What was measured against what is promised: printed as it comes, kept as JSON and as the table of a page."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common_utils.errors import PortfolioError

__all__ = ["Gates"]

_VERDICTS = {True: "kept  ", False: "FAILED", None: "shown "}
_IN_TABLE = {True: "yes", False: "**no**", None: "no gate"}


class Gates:
    """Gates of one script.

    Parameters
    ----------
    name : str
        Of the make target; marks the table in the page.

    Examples
    --------
    >>> gates = Gates("doctest-check")
    >>> gates.measure("two and two", lambda: gates.show("two and two", "4", kept=2 + 2 == 4))  # doctest: +ELLIPSIS
    [... s] kept   two and two: 4
    >>> gates.kept
    True
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.figures: list[dict[str, Any]] = []
        self._began = time.monotonic()

    @property
    def kept(self) -> bool:
        """Whether no gate failed, and there was one."""
        return bool(self.figures) and all(one["kept"] is not False for one in self.figures)

    def show(self, name: str, words: str, *, kept: bool | None) -> None:
        """Print a gate, or with None a figure that is no gate."""
        self.figures.append({"gate": name, "kept": kept, "seen": words})
        print(f"[{time.monotonic() - self._began:5.0f} s] {_VERDICTS[kept]} {name}: {words}", flush=True)  # noqa: T201

    def measure(self, name: str, work: Callable[[], None]) -> None:
        """Measure one gate; what breaks is a gate that is not kept, and the others go on."""
        try:
            work()
        except (PortfolioError, OSError, RuntimeError, ValueError, LookupError, subprocess.SubprocessError) as error:
            self.show(name, f"{type(error).__name__}: {error}"[:500], kept=False)

    def write(self, seed: int, figures: Path, page: Path | None = None) -> None:
        """Keep the figures, and the table of a page between its `<!-- NAME:start -->` and `<!-- NAME:end -->`."""
        about = {"seed": seed, "on": f"{datetime.now(UTC):%Y-%m-%d}", "processors": os.cpu_count()}
        figures.write_text(json.dumps({**about, "gates": self.figures}, indent=1) + "\n", encoding="utf-8")
        if page is None:
            return
        start, end = f"<!-- {self.name}:start -->\n", f"<!-- {self.name}:end -->"
        head, _, rest = page.read_text(encoding="utf-8").partition(start)
        lines = ["| gate | kept | seen |", "|---|---|---|"]
        lines += [f"| {one['gate']} | {_IN_TABLE[one['kept']]} | {one['seen']} |" for one in self.figures]
        table = "\n".join(lines) + "\n"
        page.write_text(f"{head}{start}{table}{end}{rest.partition(end)[2]}", encoding="utf-8")
