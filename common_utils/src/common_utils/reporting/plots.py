"""Figures as PNG files: one way to open them, and the drawings that several projects need."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from common_utils.outputs import blamed, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_reliability", "figure", "png"]


@contextmanager
def figure(path: Path, *, width: float, height: float) -> Generator[Axes]:
    """Yield axes to draw on, and write them as PNG; the same drawing gives the same bytes.

    Parameters
    ----------
    path : Path
    width, height : float
        Inches.
    """
    drawing, axes = _canvas(width, height)
    yield axes
    with blamed(path), replacing(path) as file:
        _print(drawing, file)


def png(draw: Callable[[Axes], None], *, width: float, height: float) -> bytes:
    r"""Return a drawing as PNG; the same drawing gives the same bytes.

    Parameters
    ----------
    draw : callable
        Draws on the axes it is given.
    width, height : float
        Inches.

    Examples
    --------
    >>> png(lambda axes: axes.set(title="Nothing"), width=2, height=1)[:4]
    b'\x89PNG'
    """
    drawing, axes = _canvas(width, height)
    draw(axes)
    stream = io.BytesIO()
    _print(drawing, stream)
    return stream.getvalue()


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    # The object interface: pyplot would keep every figure in a global list and choose a backend at import.
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(width, height), layout="constrained")
    axes = drawing.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return drawing, axes


def _print(drawing: Figure, file: BinaryIO) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(drawing).print_png(file, metadata={"Software": None})


def draw_reliability(axes: Axes, bins: Sequence[Mapping[str, float]], *, predicted: str, observed: str) -> None:
    """Draw what was predicted against what happened.

    Parameters
    ----------
    axes : Axes
    bins : sequence of mapping
        As `common_utils.evaluation.metrics.reliability_table`.
    predicted, observed : str
        Names of the axes.
    """
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.plot([row["predicted"] for row in bins], [row["observed"] for row in bins], marker="o")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=predicted, ylabel=observed, title="Reliability")
    axes.set_aspect("equal")
