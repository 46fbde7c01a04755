"""The figures of a run: coverage by price band, depreciation, yearly loss by model, and days listed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_utils.reporting.plots import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FIGURES", "MARKET_FIGURES", "write_figures", "write_market_figures"]

MARKET_FIGURES = ("depreciation.png", "yearly_loss.png", "days_listed.png")
FIGURES = ("coverage.png", *MARKET_FIGURES)

_CURVES = 6
_BLUE, _RED = "#4878a8", "#c44e52"


def write_figures(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write the PNG files named in `FIGURES`.

    Parameters
    ----------
    folder : Path
    metrics : mapping
        As `metrics.json`.
    """
    with figure(folder / FIGURES[0], width=7, height=3.5) as axes:
        _coverage(axes, metrics["coverage"]["price"], metrics["coverage_wanted"])
    write_market_figures(folder, metrics["market"])


def write_market_figures(folder: Path, market: Mapping[str, Any]) -> None:
    """Write the PNG files named in `MARKET_FIGURES`.

    Parameters
    ----------
    folder : Path
    market : mapping
        As `market.market_summary`.
    """
    with figure(folder / MARKET_FIGURES[0], width=7, height=4) as axes:
        _depreciation(axes, market["ages"])
    with figure(folder / MARKET_FIGURES[1], width=7, height=5.5) as axes:
        rows = market["depreciation"]
        axes.barh([row["model"] for row in rows], [100 * row["yearly_loss"] for row in rows], color=_BLUE)
        axes.invert_yaxis()
        axes.set(xlabel="price lost in a year of age, %", title="Which models keep their price")
    with figure(folder / MARKET_FIGURES[2], width=7, height=3) as axes:
        rows = [row for row in market["days"] if row["by"] in {"asked", "condition"}]
        axes.barh([f"{row['by']}: {row['segment']}" for row in rows], [row["median"] for row in rows], color=_BLUE)
        axes.invert_yaxis()
        axes.set(xlabel="days listed, median", title="How long ads stay up")


def _coverage(axes: Axes, rows: list[Mapping[str, Any]], wanted: float) -> None:
    places = range(len(rows))
    shares = [100 * row["coverage"]["estimate"] for row in rows]
    axes.axhline(100 * wanted, color=_RED, linewidth=1)
    axes.plot(places, shares, "o", color=_BLUE)
    axes.set_xticks(list(places), [str(row["segment"]).partition(": ")[2] for row in rows], fontsize=8)
    axes.set(ylim=(min([70, *shares]) - 2, 100), ylabel="prices inside, %", xlabel="price asked")
    axes.set_title("What the 90 % interval holds, by price (out of fold)")


def _depreciation(axes: Axes, rows: list[Mapping[str, Any]]) -> None:
    ads: dict[str, int] = {}
    for row in rows:
        ads[row["type"]] = ads.get(row["type"], 0) + row["n"]
    for kind in sorted(ads, key=lambda name: -ads[name])[:_CURVES]:
        of_kind = [row for row in rows if row["type"] == kind]
        axes.plot([row["age"] for row in of_kind], [row["median"] for row in of_kind], label=kind)
    axes.set(xlabel="age, years", ylabel="price asked, median, dollars", title="What age costs, by body type")
    if ads:
        axes.legend(frameon=False)
