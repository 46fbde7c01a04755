"""The results of a run as tables of text: terminal, results, cards and dashboard show the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common_utils.reporting.cards import format_interval
from common_utils.table_project.cards import figure_rows

if TYPE_CHECKING:  # it imports pandas and pandera, which the dashboard does without
    from common_utils.table_project.task import Cells

__all__ = ["market_tables", "result_tables"]

_FIGURES = ("mae", "median_ae", "mape", "within_10", "rmse", "r2", "coverage", "width", "relative_width")
_DIGITS = {"mae": 0, "median_ae": 0, "rmse": 0, "width": 0, "mape": 1, "mae_ungrouped": 0, "mape_ungrouped": 1}


def result_tables(metrics: Mapping[str, Any]) -> dict[str, list[Cells]]:
    """Return the figures of a run by title.

    Parameters
    ----------
    metrics : mapping
        As `metrics.json`.
    """
    shipped = {"cross-validation": metrics["cross_validation"], "holdout": metrics["holdout"]}
    return {
        "Figures": _figures(shipped, (*_FIGURES, "mae_ungrouped", "mape_ungrouped")),
        "By rows, out of fold": _figures(metrics["by_rows"], _FIGURES),
        "Other models on the same folds": _figures(
            {"shipped": metrics["cross_validation"], **metrics["candidates"]}, _FIGURES[:6]
        ),
        "Paired difference of MAE, dollars": [
            {
                "shipped less": name,
                "difference": format_interval(found, digits=0),
                "standard error": f"{found['se']:.0f}",
            }
            for name, found in metrics["paired"].items()
        ],
        **{f"Interval by {by}": [_covered(row) for row in rows] for by, rows in metrics["coverage"].items()},
        **market_tables(metrics["market"]),
    }


def market_tables(market: Mapping[str, Any]) -> dict[str, list[Cells]]:
    """Return the market tables by title.

    Parameters
    ----------
    market : mapping
        As `market.market_summary`.
    """
    return {
        "Market: what age costs, the most frequent models": [_loss(row) for row in market["depreciation"]],
        "Market: days listed": [
            {
                "by": row["by"],
                "segment": row["segment"],
                "ads": f"{row['n']:,}",
                "median days": f"{row['median']:.0f}",
                "over 60 days": _percent(row["share_over_60"]),
            }
            for row in market["days"]
        ],
        "Market: ads above and below their interval": [
            {
                "by": row["by"],
                "segment": row["segment"],
                "ads": f"{row['n']:,}",
                "below": _percent(row["below"]),
                "above": _percent(row["above"]),
                "median of price / prediction - 1": f"{100 * row['middle']:+z.1f} %",
            }
            for row in market["positions"]
        ],
    }


def _figures(parts: Mapping[str, Mapping[str, Any]], names: tuple[str, ...]) -> list[Cells]:
    return [row for name in names for row in figure_rows(parts, [name], digits=_DIGITS.get(name, 3))]


def _covered(row: Mapping[str, Any]) -> Cells:
    return {
        "segment": str(row["segment"]).partition(": ")[2] or str(row["segment"]),
        "ads": f"{row['n']:,}",
        "MAE": format_interval(row["mae"], digits=0),
        "coverage": format_interval(row["coverage"], digits=3),
        "mean width": format_interval(row["width"], digits=0),
        "width / prediction": format_interval(row["relative_width"], digits=2),
    }


def _loss(row: Mapping[str, Any]) -> Cells:
    return {
        "model": row["model"],
        "ads": f"{row['n']:,}",
        "lost in a year": _percent(row["yearly_loss"]),
        **{f"at {years} years": f"{row[f'at_{years}']:,.0f}" for years in (2, 5, 10)},
    }


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
