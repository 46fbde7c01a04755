"""`planrec decisions off-policy`: what another policy would have brought, from what was logged."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["PolicyName", "off_policy"]


class PolicyName(StrEnum):
    """Policies that can be judged by logged offers."""

    best = "best"
    accept = "accept"
    uniform = "uniform"


def off_policy(
    input_: Annotated[
        Path,
        typer.Option("--input", help="Export of decisions: .parquet, .csv or .json."),
    ],
    policy: Annotated[
        PolicyName,
        typer.Option(
            "--policy",
            help="What to judge. best: the plan of the highest value; accept: of the highest chance to be accepted; "
            "uniform: any that may be offered, evenly.",
        ),
    ] = PolicyName.best,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Estimate what another policy would have brought, from explored offers and outcomes: IPS, SNIPS, doubly robust."""
    from planrec.commands.run.off_policy import run_off_policy

    run_off_policy(input_, policy.value, as_json=as_json)
