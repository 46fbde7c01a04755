"""What people would rather look at: how prediction gets better with each choice that is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common_utils.reporting.plots import figure
from planrec.panel.unseen import KNOWN

__all__ = ["write_choices_plot"]


def write_choices_plot(path: Path, figures: Mapping[str, Any]) -> None:
    """Write the log loss of late choices by the number of earlier ones known, as PNG.

    Parameters
    ----------
    path : Path
    figures : mapping
        Of `measure.measured_choices`.
    """
    late = figures["late"]
    known = list(KNOWN)
    losses = [late[str(k)]["log_loss"] for k in known]
    with figure(path, width=6.5, height=4) as axes:
        for name, label, style in (("logit", "plain logit", "--"), ("challenger", "boosted challenger", ":")):
            axes.axhline(late[name]["log_loss"]["estimate"], color="0.4", linestyle=style, label=label)
        axes.plot(known, [loss["estimate"] for loss in losses], marker="o", color="#4878a8", label="personal tastes")
        axes.fill_between(
            known, [loss["low"] for loss in losses], [loss["high"] for loss in losses],
            alpha=0.2, color="#4878a8", label="95 %, by household",
        )  # fmt: skip
        axes.set(
            xlabel="choices of the household known",
            ylabel="log loss of its 9th to 12th choice, nats",
            title="Each choice known says more of the next",
        )
        axes.legend(frameon=False)
