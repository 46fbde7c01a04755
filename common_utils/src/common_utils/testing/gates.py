"""What was measured against what is promised: printed as it comes, kept as JSON and as the table of a page."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common_utils.errors import PortfolioError
from common_utils.reporting.cards import replace_block

__all__ = ["Gates", "gate_table"]

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
        said = replace_block(page.read_text(encoding="utf-8"), self.name, gate_table(self.figures))
        page.write_text(said, encoding="utf-8")


def gate_table(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return gates as the table of a page.

    Parameters
    ----------
    figures : sequence of mapping
        Of each gate its name `gate`, whether it is `kept` (None: no gate), and what was `seen`.

    Examples
    --------
    >>> print(gate_table([{"gate": "two and two", "kept": True, "seen": "4"}]))
    | gate | kept | seen |
    |---|---|---|
    | two and two | yes | 4 |
    """
    lines = [f"| {one['gate']} | {_IN_TABLE[one['kept']]} | {one['seen']} |" for one in figures]
    return "\n".join(["| gate | kept | seen |", "|---|---|---|", *lines])
