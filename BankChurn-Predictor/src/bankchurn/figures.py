"""The figures of a run: reliability, and what a contact list brings by its length."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_utils.reporting.plots import draw_reliability, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FIGURES", "write_figures"]

FIGURES = ("reliability.png", "gain.png")


def write_figures(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write the PNG files named in `FIGURES`.

    Parameters
    ----------
    folder : Path
    metrics : mapping
        As `metrics.json`.
    """
    with figure(folder / FIGURES[0], width=4.5, height=4.5) as axes:
        draw_reliability(axes, metrics["reliability"], predicted="P(leaves), out of fold", observed="share that left")
    with figure(folder / FIGURES[1], width=7, height=4) as axes:
        _gain(axes, metrics)


def _gain(axes: Axes, metrics: Mapping[str, Any]) -> None:
    rows = metrics["gain"]
    shares = [100 * row["share"] for row in rows]
    for key, label, colour, line in (
        ("realised", "likeliest leavers first: what they brought", "#4878a8", "-"),
        ("expected", "the same, as the probabilities said", "#4878a8", ":"),
        ("random", "drawn by lot", "0.6", "--"),
    ):
        axes.plot(shares, [row[key] for row in rows], line, color=colour, label=label)
    budget = 100 * metrics["economics"]["budget_share"]
    axes.axvline(budget, color="#c44e52", linewidth=1)
    axes.text(budget + 1, axes.get_ylim()[0], "contact budget", color="#c44e52", va="bottom")
    axes.axhline(0, color="0.8", linewidth=1)
    axes.set(
        xlabel="customers contacted, % of all", ylabel="profit, euro", title="What a contact list brings, by its length"
    )
    axes.legend(frameon=False)
