"""Pictures of a day's report: what moved, and how it lies now; PNG as bytes, so that one HTML file holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from common_utils.monitoring.day import MonitorDay, Moved
from common_utils.monitoring.findings import Level
from common_utils.reporting.plots import png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_history", "draw_shares", "draw_sizes"]

_BEFORE, _NOW, _NOTICE, _ALARM = "0.7", "tab:blue", "tab:orange", "tab:red"
_COLOURS = {"ok": "tab:green", "insufficient": "0.7", "notice": _NOTICE, "alarm": _ALARM}
_MOST_FEATURES, _MOST_DAYS = 12, 24


def draw_sizes(moved: Sequence[Moved], levels: Mapping[str, Level], *, notice: float, alarm: float) -> bytes:
    """Draw how much each feature moved, the largest on top, with the two levels as lines.

    Parameters
    ----------
    moved : sequence of Moved
        At least one.
    levels : mapping of str to {"ok", "insufficient", "notice", "alarm"}
        What was said of each feature; it gives the colour.
    notice, alarm : float
        The levels, in the unit of `Moved.size`.
    """
    shown = list(moved[:_MOST_FEATURES])[::-1]

    def draw(axes: Axes) -> None:
        sizes = [one.size for one in shown]
        colours = [{"notice": _NOTICE, "alarm": _ALARM}.get(levels.get(one.feature, "ok"), _NOW) for one in shown]
        axes.barh([one.feature for one in shown], sizes, color=colours)
        for level, name, colour in ((notice, "notice", _NOTICE), (alarm, "alarm", _ALARM)):
            axes.axvline(level, color=colour, linestyle="--", linewidth=1)
            axes.annotate(name, (level, len(shown) - 0.4), color=colour, ha="center", va="bottom", fontsize=8)
        axes.set(xlabel="how much it moved (population stability index)", xlim=(min(0, *sizes), None))

    return png(draw, width=7.0, height=1.2 + 0.35 * len(shown))


def draw_shares(moved: Moved, period: str) -> bytes:
    """Draw one feature's shares, in the reference and now, bin beside bin."""

    def draw(axes: Axes) -> None:
        places = range(len(moved.labels))
        axes.bar([p - 0.2 for p in places], [100 * s for s in moved.before], 0.4, color=_BEFORE, label=moved.against)
        axes.bar([p + 0.2 for p in places], [100 * s for s in moved.now], 0.4, color=_NOW, label=period)
        axes.set_xticks(list(places), list(moved.labels), rotation=45, ha="right", fontsize=8)
        axes.set(ylabel="% of the subjects", title=moved.feature)
        axes.legend(frameon=False)

    return png(draw, width=7.0, height=3.4)


def draw_history(days: Sequence[MonitorDay]) -> bytes:
    """Draw the worst level of each period, the oldest on the left."""
    levels = {day.period: day.level for day in days[-_MOST_DAYS:]}

    def draw(axes: Axes) -> None:
        for place, (period, level) in enumerate(levels.items()):
            axes.bar(place, 1, 0.9, color=_COLOURS[level])
            axes.annotate(level, (place, 0.5), ha="center", va="center", rotation=90, color="white", fontsize=8)
            axes.annotate(period, (place, -0.05), ha="right", va="top", rotation=45, fontsize=8, annotation_clip=False)
        axes.set(xticks=[], yticks=[], xlim=(-0.6, max(len(levels), 4) - 0.4), ylim=(0, 1))
        axes.spines[["left", "bottom"]].set_visible(False)

    return png(draw, width=7.0, height=1.8)
