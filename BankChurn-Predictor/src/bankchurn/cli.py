"""The command line: `bankchurn train | evaluate | predict | explain | serve | card`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankchurn.config import SPEC
from common_utils.command_line.run import run_command_line
from common_utils.table_project.cli import table_cli

if TYPE_CHECKING:
    from bankchurn.training import ChurnTask

__all__ = ["app", "main"]


def _task() -> ChurnTask:
    from bankchurn.training import TASK

    return TASK


app = table_cli(SPEC, _task)


def main() -> None:
    """Run the command line; leave with 0, or with the error's code: 2 settings, 3 data, 4 artifact, 5 gate."""
    run_command_line(app, SPEC.name)


if __name__ == "__main__":
    main()
