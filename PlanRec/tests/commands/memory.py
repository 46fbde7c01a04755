"""Commands measured one by one, as `common_utils.testing.memory.forked` says; called by `test_memory.py`."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import common_utils.tables.pieces.blocks as blocks
import common_utils.tables.text.records as records
import planrec.batch.parts.jobs as jobs
import planrec.commands.run
import planrec.usage.pieces.stream as stream
from common_utils.testing.memory.forked import answer_calls
from planrec.cli import app, main

_ROWS = 2_000  # of a piece


def prepare() -> None:
    """Import what commands import when they run, and make pieces small."""
    for module in pkgutil.iter_modules(planrec.commands.run.__path__):
        importlib.import_module(f"planrec.commands.run.{module.name}")
    stream.PIECE_ROWS = jobs._BILLED = blocks.BLOCK_ROWS = _ROWS  # pyright: ignore[reportPrivateUsage]
    records.PIECE_BYTES = 1 << 16

    @app.command("hold")
    def hold(usage: Path) -> None:
        """Hold a table: planted, so that it is seen that the test would tell."""
        from planrec.usage.read import read_usage_table

        assert len(read_usage_table(usage).months)


if __name__ == "__main__":
    prepare()
    answer_calls(main, "planrec")
