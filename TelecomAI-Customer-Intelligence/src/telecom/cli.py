"""The command line: `telecom train | evaluate | predict | explain | serve | card`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_utils.command_line.run import run_command_line
from common_utils.table_project.cli import table_cli
from telecom import QUESTION

if TYPE_CHECKING:
    from common_utils.config.project import ProjectSpec
    from telecom.config import TelecomConfig
    from telecom.training import PlanTask

__all__ = ["app", "main"]


def _spec() -> ProjectSpec[TelecomConfig]:
    from telecom.config import SPEC

    return SPEC


def _task() -> PlanTask:
    from telecom.training import TASK

    return TASK


app = table_cli("telecom", QUESTION, _spec, _task)


def main() -> None:
    """Run the command line; leave with 0, or with the error's code: 2 settings, 3 data, 4 artifact, 5 gate."""
    run_command_line(app, "telecom")


if __name__ == "__main__":
    main()
