"""What the gate says of figures that can be checked by hand, and of bundles that are larger, slower or read others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lifecycle.cases import made

from common_utils.evaluation import Interval
from common_utils.lifecycle.config import GateConfig
from common_utils.lifecycle.gate import GateReport, bundle_checks, gate_report, refused_before
from common_utils.lifecycle.measures import Compared, PairedFigure, PairedHarm, compared, judged_difference
from common_utils.lifecycle.report import markdown_report

PEOPLE = np.arange(400)
CONFIG = GateConfig(resamples=100)
ONES = np.ones(400)


def verdicts(measure: PairedFigure | PairedHarm, **gate: float) -> list[str]:
    return [found.verdict for found in compared(measure, GateConfig(resamples=100, **gate), seed=1)]  # type: ignore[arg-type]


@given(st.floats(-5, 5), st.floats(0, 5), st.floats(0, 5), st.floats(0, 5))
def test_a_wider_margin_never_refuses_what_a_narrower_one_passes(
    low: float, width: float, margin: float, more: float
) -> None:
    worse = Interval(low + width / 2, low, low + width)
    first, second = judged_difference(worse, margin), judged_difference(worse, margin + more)
    assert first != "passes" or second == "passes"
    assert first != "insufficient" or second != "refused"
    assert (first == "passes") == (worse.high <= margin)


def test_a_constant_difference_is_judged_by_the_share_of_the_live_figure() -> None:
    assert verdicts(PairedFigure("cost", 100 * ONES, 102 * ONES, PEOPLE), margin=0.03) == ["passes"]
    assert verdicts(PairedFigure("cost", 100 * ONES, 104 * ONES, PEOPLE), margin=0.03) == ["refused"]
    assert verdicts(PairedFigure("score", 100 * ONES, 104 * ONES, PEOPLE, less_is_better=False)) == ["passes"]
    assert verdicts(PairedFigure("score", 100 * ONES, 96 * ONES, PEOPLE, less_is_better=False)) == ["refused"]


def test_a_difference_that_is_all_noise_cannot_be_said() -> None:
    noise = np.random.default_rng(1).normal(0, 60, 400)
    (found,) = compared(PairedFigure("cost", 100 * ONES, 100 + noise - noise.mean(), PEOPLE), CONFIG, seed=1)
    assert found.verdict == "insufficient"
    assert found.worse is not None
    assert found.worse.low < 0 < found.margin < found.worse.high


def test_rows_of_one_subject_are_drawn_together() -> None:
    rng = np.random.default_rng(2)
    of_subject = rng.normal(0, 10, 120)
    ten = np.repeat(of_subject, 10)
    spread = [
        compared(PairedFigure("cost", np.full(1200, 100.0), 100 + ten, people), CONFIG, seed=1)[0].worse
        for people in (np.repeat(np.arange(120), 10), np.arange(1200))
    ]
    by_subject, by_row = ((one.high - one.low) if one else 0.0 for one in spread)
    assert by_subject > 2.5 * by_row


def test_a_segment_that_is_worse_refuses_though_the_whole_is_better() -> None:
    kind = np.array(["few"] * 100 + ["many"] * 300)
    challenger = np.where(kind == "few", 130.0, 90.0)
    measure = PairedFigure("cost", 100 * ONES, challenger, PEOPLE, segments={"kind": kind})
    assert verdicts(measure, least_in_segment=100) == ["passes", "refused", "passes"]


def test_a_small_segment_is_named_and_decides_nothing(tmp_path: Path) -> None:
    kind = np.array(["few"] * 50 + ["many"] * 350)
    measure = PairedFigure("cost", 100 * ONES, np.where(kind == "few", 130.0, 90.0), PEOPLE, segments={"kind": kind})
    live, new = made(tmp_path, "live"), made(tmp_path, "new")
    report = gate_report(live, new, [measure], rows="all", checks=(), config=CONFIG, seed=1)
    assert (report.verdict, report.not_judged) == ("passes", ("cost, kind: few (50)",))
    assert "not judged" in markdown_report(report, "2026-03-02")


@pytest.mark.parametrize("people", [np.empty(0, dtype=int), np.arange(99)])
def test_too_few_subjects_are_insufficient_and_say_so(people: np.ndarray) -> None:
    values = np.ones(len(people))
    (found,) = compared(PairedFigure("cost", values, values, people), CONFIG, seed=1)
    assert (found.verdict, found.worse) == ("insufficient", None)
    assert found.sentence() == f"cost: {len(people)} subjects, too few to judge: insufficient"


def test_rows_without_a_figure_do_not_count() -> None:
    live = np.where(PEOPLE < 100, np.nan, 100.0)
    (found,) = compared(PairedFigure("cost", live, 100 * ONES, PEOPLE), CONFIG, seed=1)
    assert (found.verdict, found.rows) == ("passes", 300)


@pytest.mark.parametrize("none", [np.nan, np.inf, -np.inf])
def test_rows_that_only_the_new_bundle_cannot_answer_refuse_it(none: float) -> None:
    new = np.where(PEOPLE < 250, none, 90.0)  # better where it answers, and enough subjects to judge by
    kind = np.array(["all"] * 400)
    found = compared(PairedFigure("cost", 100 * ONES, new, PEOPLE, segments={"kind": kind}), CONFIG, seed=1)
    assert [one.verdict for one in found] == ["refused", "refused"]
    assert found[0].sentence() == "cost: the new bundle has none in 250 rows where the live one has: refused"
    assert '"unanswered": 250' in GateReport("v1", "v2", "all", (), tuple(found)).encode().decode()


def test_a_live_figure_without_an_end_widens_no_margin() -> None:
    live = np.where(PEOPLE == 0, np.inf, 100.0)
    (found,) = compared(PairedFigure("cost", live, 150 * ONES, PEOPLE), CONFIG, seed=1)
    assert (found.verdict, found.rows) == ("refused", 399)


def _harm(live: int, new: int, moved: int = 200) -> PairedHarm:
    is_moved = moved > PEOPLE
    return PairedHarm("worse off", is_moved, is_moved, live > PEOPLE, new > PEOPLE, PEOPLE)


def test_harm_is_a_share_of_those_moved() -> None:
    (found,) = compared(_harm(live=10, new=8), CONFIG, seed=1)
    assert (found.live, found.challenger, found.verdict) == (0.05, 0.04, "passes")
    assert verdicts(_harm(live=10, new=40)) == ["refused"]
    moved = PEOPLE < 200
    others = PairedHarm("worse off", moved, moved, PEOPLE < 10, (PEOPLE >= 10) & (PEOPLE < 23), PEOPLE)
    assert verdicts(others) == ["insufficient"]
    assert verdicts(_harm(live=2, new=2, moved=30)) == ["insufficient"]
    nobody = PEOPLE < 0
    assert verdicts(PairedHarm("worse off", PEOPLE < 90, nobody, PEOPLE < 9, nobody, PEOPLE)) == ["passes"]
    assert verdicts(PairedHarm("worse off", nobody, PEOPLE < 90, nobody, PEOPLE < 9, PEOPLE)) == ["insufficient"]


def test_the_same_answers_pass_and_are_never_called_better() -> None:
    report = GateReport(
        "v1", "v2", "all", (), tuple(compared(PairedFigure("cost", ONES, ONES, PEOPLE), CONFIG, seed=1))
    )
    assert report.verdict == "passes"
    assert "better" not in report.encode().decode()


class _Clock:
    """Each question takes the seconds it is worth."""

    def __init__(self, *seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds

    def __call__(self) -> float:
        return self.now

    def ask(self, at: int) -> None:
        self.now += self.seconds[at]


@pytest.mark.parametrize(
    ("word", "seconds", "inputs", "accept", "failed"),
    [
        pytest.param("news", (1.0, 1.9), (["a"], ["a"]), False, [], id="well"),
        pytest.param("n" * 9, (1.0, 1.0), (["a"], ["a"]), False, ["size"], id="larger"),
        pytest.param("news", (1.0, 2.1), (["a"], ["a"]), False, ["latency"], id="slower"),
        pytest.param("news", (1.0, 1.0), (["a", "b"], ["a"]), False, ["inputs"], id="a-column-forgotten"),
        pytest.param("news", (1.0, 1.0), (["a"], ["a", "b"]), True, [], id="another-column-meant"),
    ],
)
def test_a_bundle_must_not_be_larger_slower_or_read_others(
    tmp_path: Path,
    word: str,
    seconds: tuple[float, float],
    inputs: tuple[list[str], list[str]],
    accept: bool,
    failed: list[str],
) -> None:
    clock = _Clock(*seconds)
    checks = bundle_checks(
        made(tmp_path, "live"),
        made(tmp_path, word),
        inputs=inputs,
        ask=(lambda: clock.ask(0), lambda: clock.ask(1)),
        config=GateConfig(accept_other_inputs=accept),
        clock=clock,
    )
    assert [check.name for check in checks if not check.holds] == failed
    said = " ".join(check.sentence for check in checks)
    assert ("raise lifecycle.gate.most_size_ratio" in said) == ("size" in failed)
    assert ("raise lifecycle.gate.most_latency_ratio" in said) == ("latency" in failed)


def test_a_busy_moment_refuses_nobody(tmp_path: Path) -> None:
    clock = _Clock(1.0, 1.0)
    waits = iter([9.0] * 10)

    def ask() -> None:
        clock.now += 1.0 + next(waits, 0.0)

    live = made(tmp_path, "live")
    checks = bundle_checks(live, live, inputs=([], []), ask=(lambda: clock.ask(0), ask), config=CONFIG, clock=clock)
    assert all(check.holds for check in checks)


def test_a_training_that_was_refused_has_a_report_too() -> None:
    report = refused_before("v1", "data", "half is missing.")
    assert report.verdict == "refused"
    page = markdown_report(report, "2026-03-02")
    assert "- data: **fails**. half is missing." in page


def test_a_report_shows_each_figure() -> None:
    worse = Interval(1.0, -2.0, 4.0)
    figure = Compared("regret", "", "insufficient", 300, 600, 500.0, 501.0, worse, 3.0)
    page = markdown_report(GateReport("v1", "v2", "600 months", (), (figure,)), "2026-03-02")
    assert "| regret |  | 300 | 500 | 501 | 1 [-2, 4] | 3 | insufficient |" in page
    assert "- regret: 500 live, 501 new; worse by 1 [-2, 4], borne 3: insufficient" in page


def test_the_margin_is_a_share_of_the_live_figure_and_a_segment_has_its_own() -> None:
    assert verdicts(PairedFigure("cost", 100 * ONES, 103.05 * ONES, PEOPLE), margin=0.03) == ["refused"]
    half = np.where(PEOPLE < 200, "a", "b")
    new = np.where(PEOPLE < 200, 105.0, 95.0)
    both = PairedFigure("cost", 100 * ONES, new, PEOPLE, segments={"half": half})
    assert verdicts(both, margin=0.06, segment_margin=0.1)[1:] == ["passes", "passes"]
    assert verdicts(both, margin=0.06, segment_margin=0.04)[1:] == ["refused", "passes"]


def test_harm_needs_enough_moved_by_each_and_draws_whole_subjects() -> None:
    moved = PEOPLE < 200
    few = PairedHarm("worse off", moved, PEOPLE < 30, PEOPLE < 0, PEOPLE < 0, PEOPLE)
    assert verdicts(few) == ["insufficient"]
    people, everybody = np.repeat(np.arange(120), 10), np.ones(1200, dtype=np.bool_)
    harmed = np.repeat(np.random.default_rng(3).random(120) < 0.3, 10)
    spread = [
        compared(PairedHarm("worse off", everybody, everybody, ~everybody, harmed, whom), CONFIG, seed=1)[0].worse
        for whom in (people, np.arange(1200))
    ]
    assert spread[0] is not None
    assert spread[1] is not None
    assert spread[0].high - spread[0].low > 2 * (spread[1].high - spread[1].low)
