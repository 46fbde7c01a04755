"""The command line: `bankchurn train | evaluate | predict | contacts | explain | serve | card`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankchurn import QUESTION
from common_utils.command_line.options import BundleOption, ConfigOption, OutputOption, SetOption
from common_utils.command_line.reading import reads_table
from common_utils.command_line.run import run_command_line
from common_utils.table_project.cli import InputOption, settings_of, table_cli

if TYPE_CHECKING:
    from bankchurn.config import BankChurnConfig
    from bankchurn.training import ChurnTask
    from common_utils.config.project import ProjectSpec
    from common_utils.tables import Reading

__all__ = ["app", "main"]


def _spec() -> ProjectSpec[BankChurnConfig]:
    from bankchurn.config import SPEC

    return SPEC


def _task() -> ChurnTask:
    from bankchurn.training import TASK

    return TASK


app = table_cli("bankchurn", QUESTION, _spec, _task)


@app.command()
@reads_table
def contacts(
    *,
    reading: Reading,
    input_: InputOption,
    output: OutputOption,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write which customers to contact: rank, chance of leaving, expected profit, yes or no within the budget, total.

    The settings of `retention` hold the budget, and what a contact costs and brings.
    """
    from bankchurn.evaluation import run_contacts

    settings, folder = settings_of(_spec(), config, overrides)
    run_contacts(_task(), settings, folder, input_, output, bundle, reading=reading)


def main() -> None:
    """Run the command line; leave with 0, or with the error's code: 2 settings, 3 data, 4 artifact, 5 gate."""
    run_command_line(app, "bankchurn")


if __name__ == "__main__":
    main()
