"""`planrec rules`: a rule file checked and shown."""

from __future__ import annotations

from planrec.commands.options import CheckedPlansOption, CheckOption, ConfigOption, SetOption
from planrec.commands.requests import SettingsRequest

__all__ = ["rules"]


def rules(
    check: CheckOption = None,
    plans: CheckedPlansOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Check a rule file and show it as a table; a mistake is told with its line."""
    from planrec.commands.run.rules import run_rules

    run_rules(check, plans, SettingsRequest.of(config, overrides))
