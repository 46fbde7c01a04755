"""The figures of a run: reliability, and the plan held by what the month would cost on Smart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common_utils.reporting.plots import draw_reliability, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FIGURES", "write_figures"]

FIGURES = ("reliability.png", "bands.png")


def write_figures(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write the PNG files named in `FIGURES`.

    Parameters
    ----------
    folder : Path
    metrics : mapping
        As `metrics.json`.
    """
    with figure(folder / FIGURES[0], width=4.5, height=4.5) as axes:
        draw_reliability(axes, metrics["reliability"], predicted="P(Ultra), out of fold", observed="share on Ultra")
    with figure(folder / FIGURES[1], width=7, height=4) as axes:
        _bands(axes, metrics)


def _bands(axes: Axes, metrics: Mapping[str, Any]) -> None:
    rows = metrics["bands"]
    places = np.arange(len(rows))
    for offset, key, label, colour in (
        (-0.2, "held", "on Ultra", "#4878a8"),
        (0.2, "predicted", "predicted, out of fold", "#9fb8cf"),
    ):
        shares = [100 * row[key]["estimate"] for row in rows]
        errors = np.array([_below_above(row[key]) for row in rows]).T
        axes.bar(places + offset, shares, 0.38, yerr=errors, color=colour, ecolor="0.4", label=label)
    axes.set_xticks(places, [f"{row['segment']}\n{row['n']:,} months" for row in rows])
    axes.set(
        xlabel="what the month would cost on Smart, roubles",
        ylabel="% of months",
        title="Who is on Ultra is not who saves by it",
    )
    axes.legend(frameon=False)


def _below_above(interval: Mapping[str, float | None]) -> tuple[float, float]:
    """Return how far an interval reaches to both sides, in percent; a single month has none."""
    middle, low, high = interval["estimate"], interval["low"], interval["high"]
    if middle is None or low is None or high is None:
        return 0.0, 0.0
    return 100 * max(middle - low, 0.0), 100 * max(high - middle, 0.0)
