from __future__ import annotations

from pathlib import Path

from common_utils.reporting.plots import draw_reliability, figure

BINS = [{"n": 2, "predicted": 0.25, "observed": 0.5}, {"n": 2, "predicted": 0.75, "observed": 1.0}]


def test_the_same_drawing_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        with figure(tmp_path / name, width=3, height=3) as axes:
            draw_reliability(axes, BINS, predicted="said", observed="happened")
            assert axes.get_xlabel() == "said"
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
