"""Figures of a bundle: what people would rather look at than read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common_utils.reporting.plots import draw_reliability, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FIGURES", "write_figures"]

FIGURES = (
    "confusion.png",
    "reliability.png",
    "regret.png",
    "minimum_gain.png",
    "gain_by_k.png",
    "segments.png",
    "frontier.png",
)


def write_figures(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write the figures of a run.

    Parameters
    ----------
    folder : Path
        Existing folder; the files are named by `FIGURES`.
    metrics : mapping
        As `metrics.json`.
    """
    drawn: tuple[tuple[Callable[[Axes, Mapping[str, Any]], None], float, float], ...] = (
        (_confusion, 7.5, 6.5),
        (_reliability, 5, 5),
        (_regret, 8, 4),
        (_minimum_gain, 6.5, 4),
        (_gain_by_k, 6.5, 4),
        (_segments, 7, 4),
        (_frontier, 6.5, 4.5),
    )
    for name, (draw, width, height) in zip(FIGURES, drawn, strict=True):
        with figure(folder / name, width=width, height=height) as axes:
            draw(axes, metrics)


def _confusion(axes: Axes, metrics: Mapping[str, Any]) -> None:
    counts = np.array(metrics["confusion"], dtype=np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = metrics["classes"]
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
    axes.set_yticks(range(len(names)), names)
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            if share >= 0.005:
                colour = "white" if share > 0.5 else "black"
                axes.text(j, i, f"{100 * share:z.0f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set(xlabel="predicted", ylabel="taken", title="Of 100 who took a plan, so many were predicted to")


def _reliability(axes: Axes, metrics: Mapping[str, Any]) -> None:
    draw_reliability(axes, metrics["reliability"], predicted="P(take) of the predicted plan", observed="share taken")


def _regret(axes: Axes, metrics: Mapping[str, Any]) -> None:
    rows = [row for row in metrics["policies"] if row["regret_cents"]][::-1]
    means = np.array([row["regret_cents"]["estimate"] for row in rows]) / 100
    low = np.array([row["regret_cents"]["low"] for row in rows], dtype=np.float64) / 100
    high = np.array([row["regret_cents"]["high"] for row in rows], dtype=np.float64) / 100
    axes.barh([row["policy"] for row in rows], means, xerr=[means - low, high - means], color="#4878a8", capsize=3)
    axes.set(xlabel=f"{metrics['currency']} a month above the cheapest plan in hindsight", title="Regret by policy")


def _minimum_gain(axes: Axes, metrics: Mapping[str, Any]) -> None:
    rows = [row for row in metrics["minimum_gain"] if row["saving_cents"]]
    gains = [row["min_gain_cents"] / 100 for row in rows]
    for key, label, colour in (
        ("saving_cents", f"saving, {metrics['currency']} a month", "#4878a8"),
        ("share_worse_off", "worse off, of 10", "#c44e52"),
    ):
        scale = 0.01 if key == "saving_cents" else 10
        mean = [row[key]["estimate"] * scale for row in rows]
        axes.plot(gains, mean, marker="o", label=label, color=colour)
        axes.fill_between(
            gains, [row[key]["low"] * scale for row in rows], [row[key]["high"] * scale for row in rows],
            alpha=0.2, color=colour,
        )  # fmt: skip
    axes.set(
        xlabel=f"minimum gain asked for, {metrics['currency']} a month",
        ylim=(0, None),
        title="What asking for a minimum gain costs",
    )
    axes.legend(frameon=False)


def _gain_by_k(axes: Axes, metrics: Mapping[str, Any]) -> None:
    rows = [row for row in metrics["gain_by_k"] if row["share_of_saving"] is not None]
    for policy in dict.fromkeys(row["policy"] for row in rows):
        own = [row for row in rows if row["policy"] == policy]
        axes.plot([row["k"] for row in own], [100 * row["share_of_saving"] for row in own], marker="o", label=policy)
    axes.set(
        xlabel="plans shown, k",
        ylabel="% of the possible saving",
        ylim=(0, 105),
        title="Saving of the best of the first k plans",
    )
    axes.legend(frameon=False, loc="lower right")


def _segments(axes: Axes, metrics: Mapping[str, Any]) -> None:
    rows = [row for row in metrics["segments"] if row["regret_cents"]][::-1]
    means = np.array([row["regret_cents"]["estimate"] for row in rows]) / 100
    low = np.array([row["regret_cents"]["low"] for row in rows], dtype=np.float64) / 100
    high = np.array([row["regret_cents"]["high"] for row in rows], dtype=np.float64) / 100
    labels = [f"{row['by']}: {row['segment']}" for row in rows]
    axes.barh(labels, means, xerr=[means - low, high - means], color="#4878a8", capsize=3)
    axes.set(
        xlabel=f"{metrics['currency']} a month above the cheapest plan in hindsight",
        title="Regret of the shipped advice by segment",
    )


def _frontier(axes: Axes, metrics: Mapping[str, Any]) -> None:
    rows = [row for row in metrics["frontier"] if row["regret_cents"] is not None]
    x = [row["regret_cents"] / 100 for row in rows]
    y = [row["ndcg_at_5"] for row in rows]
    axes.plot(x, y, marker="o", color="#4878a8")
    for row, left, up in zip(rows, x, y, strict=True):
        label = "bill alone" if row["weight"] is None else f"{row['weight']:g}"
        axes.annotate(label, (left, up), textcoords="offset points", xytext=(5, 5), fontsize=8)
    axes.set(
        xlabel=f"regret, {metrics['currency']} a month",
        ylabel="NDCG@5 of the plan taken",
        title="From the plan people take (0) to the lowest bill, by weight of the bill",
    )
