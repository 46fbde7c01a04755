"""`planrec rules`: a rule file checked and shown."""

from __future__ import annotations

from common_utils.command_line.options import SetOption
from common_utils.command_line.wide import shows_tables
from planrec.commands.options import CheckedPlansOption, CheckOption, ConfigOption
from planrec.commands.requests import SettingsCommand

__all__ = ["rules"]


@shows_tables
def rules(
    check: CheckOption = None,
    plans: CheckedPlansOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Check a rule file and show it as a table; each mistake is shown with its line."""
    from planrec.commands.run.rules import run_rules

    run_rules(check, plans, SettingsCommand.of(config, overrides))
