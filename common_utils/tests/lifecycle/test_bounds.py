"""Each bound of the gate, at the bound itself and one step beyond, in figures that can be checked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common_utils.bundle import Bundle, write_bundle
from common_utils.evaluation import Interval
from common_utils.lifecycle.config import GateConfig
from common_utils.lifecycle.gate import bundle_checks
from common_utils.lifecycle.measures import Compared, PairedFigure, PairedHarm, compared, judged_difference


def found(measure: PairedFigure | PairedHarm, **gate: float) -> list[Compared]:
    return compared(measure, GateConfig(resamples=50, **gate), seed=1)  # type: ignore[arg-type]


def cost(people: int, more: float = 0.0, **segments: np.ndarray) -> PairedFigure:
    """A figure that is 100 of everybody, and more of each under the new bundle."""
    live = np.full(people, 100.0)
    return PairedFigure("cost", live, live + more, np.arange(people), segments=segments)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.0, 2.0, "passes"),  # certainly worse, and certainly within
        (1.0, np.nextafter(2.0, 3), "refused"),
        (0.0, 3.0, "insufficient"),  # it may be no worse at all
        (np.nextafter(0.0, 1), 3.0, "refused"),
        (-1.0, 3.0, "insufficient"),
    ],
)
def test_a_difference_of_just_the_margin_is_borne_and_one_of_nothing_is_not_certain(
    low: float, high: float, verdict: str
) -> None:
    assert judged_difference(Interval((low + high) / 2, low, high), margin=2.0) == verdict


def test_the_margin_itself_is_within_it() -> None:
    assert [one.verdict for one in found(cost(100, 25.0), margin=0.25)] == ["passes"]
    assert [one.verdict for one in found(cost(100, 25.5), margin=0.25)] == ["refused"]


@pytest.mark.parametrize(("people", "verdict"), [(119, "insufficient"), (120, "passes")])
def test_as_many_subjects_as_are_asked_for_are_enough(people: int, verdict: str) -> None:
    assert [one.verdict for one in found(cost(people), least_subjects=120)] == [verdict]


@pytest.mark.parametrize(("few", "counts"), [(29, False), (30, True)])
def test_a_segment_of_as_many_as_are_asked_for_decides(few: int, counts: bool) -> None:
    kind = np.where(np.arange(200) < few, "few", "many")
    whole, segment, rest = found(cost(200, kind=kind), least_in_segment=30)
    assert (whole.counts, segment.segment, segment.counts, rest.counts) == (True, "kind: few", counts, True)
    assert segment.verdict == ("passes" if counts else "insufficient")


@pytest.mark.parametrize(("moved", "verdict"), [(39, "insufficient"), (40, "passes")])
def test_as_many_moved_by_each_as_are_asked_for_are_enough(moved: int, verdict: str) -> None:
    people = np.arange(200)
    first, every, none = people < moved, people < 200, people < 0
    for one, other in ((first, every), (every, first)):  # whichever bundle moves fewer
        assert [harm.verdict for harm in found(PairedHarm("h", one, other, none, none, people), least_moved=40)] == [
            verdict
        ]


def of_bytes(root: Path, count: int) -> Bundle:
    return write_bundle(root, info={}, write=lambda folder: (folder / "n").write_bytes(b"n" * count))


@pytest.mark.parametrize(
    ("size", "seconds", "failed"), [(200, 2.0, []), (201, 2.0, ["size"]), (200, 2.01, ["latency"])]
)
def test_just_as_large_and_as_slow_as_is_borne_holds(
    size: int, seconds: float, failed: list[str], tmp_path: Path
) -> None:
    now = 0.0

    def took(long: float) -> None:
        nonlocal now
        now += long

    checks = bundle_checks(
        of_bytes(tmp_path, 100),
        of_bytes(tmp_path, size),
        inputs=(["a"], ["a"]),
        ask=(lambda: took(1.0), lambda: took(seconds)),
        config=GateConfig(most_size_ratio=2, most_latency_ratio=2),
        clock=lambda: now,
    )
    assert [check.name for check in checks if not check.holds] == failed
