"""Commands run one by one in a forked process each, the peak of its memory measured; called by `test_memory.py`.

Everything is imported before, so that a run costs what it does and no more. Pieces are made small: what has to be seen
is that memory does not grow from piece to piece.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import sys
from pathlib import Path

import common_utils.tables.pieces.blocks as blocks
import common_utils.tables.text.records as records
import planrec.batch.parts.jobs as jobs
import planrec.commands.run
import planrec.usage.pieces.stream as stream
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


def measured(call: list[str]) -> tuple[int, int]:
    """Return the exit code of a command and the kilobytes its memory grew by at its peak."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        before, code = _kilobytes("VmRSS"), 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.argv = ["planrec", *call]
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
        os.write(writing, json.dumps([code, _kilobytes("VmHWM") - before]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        code, grown = json.loads(answer.read() or "[-1, 0]")
    os.waitpid(child, 0)
    return code, grown


def _kilobytes(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1])


if __name__ == "__main__":
    prepare()
    sys.stdout.write(json.dumps([measured(call) for call in json.load(sys.stdin)]))
