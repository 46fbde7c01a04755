"""The command that judges another offer policy by what was logged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planrec.commands.options import ConfigOption, OfferPolicyName, SetOption
from planrec.commands.requests import SettingsRequest

__all__ = ["off_policy"]


def off_policy(
    input_: Annotated[Path, typer.Option("--input", help="Export of offers with outcomes: .parquet, .csv or .json.")],
    policy: Annotated[OfferPolicyName, typer.Option("--policy", help="Policy to judge.")] = OfferPolicyName.best,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Say what another offer policy would have brought, by IPS, SNIPS and DR; refuse one without support."""
    from planrec.commands.run.off_policy import run_off_policy
    from planrec.commands.settings import load_run

    run = load_run(SettingsRequest.of(config, overrides))
    run_off_policy(input_, policy.value, run.config.offers.exploration)
