"""Small lasting shifts: false alarms within their bound, each table once, and a state that can be trusted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

from common_utils.errors import DataError
from common_utils.monitoring.drift.e_detector import THRESHOLD, Detector, detector_from, detector_to
from common_utils.monitoring.drift.lasting import Lasting, open_lasting, p_values
from common_utils.monitoring.profiles.profile import BinCounts, CategoryCounts, Profile
from common_utils.testing.monitoring.worlds import DriftWorld, lognormal


def days(count: int) -> list[str]:
    return [str(np.datetime64("2025-01-01") + at) for at in range(count)]


def both(z: float) -> dict[str, float]:
    return {"x rose": float(ndtr(-z)), "x fell": float(ndtr(z))}


def fired_after(z: np.ndarray) -> int | None:
    detector = Detector()
    for at, day in enumerate(days(len(z))):
        detector, _ = detector.step(day, day, both(float(z[at])))
        if detector.fired:
            return at + 1
    return None


def table(low: int, high: int) -> Profile:
    n = low + high
    return Profile(n, n, (), {"age": BinCounts(np.array([1.0]), np.array([low, high]), 0)})


def test_years_without_a_shift_are_silent() -> None:
    rng = np.random.default_rng(7)
    fired = sum(fired_after(rng.standard_normal(365)) is not None for _ in range(40))
    assert fired <= 8  # 5 % are expected; 9 or more once in 3,000 seeds


@pytest.mark.parametrize("sign", [1, -1])
def test_a_lasting_shift_of_one_sigma_is_found_within_thirty_periods(sign: int) -> None:
    rng = np.random.default_rng(8)
    found = [fired_after(rng.standard_normal(120) + sign) or 999 for _ in range(41)]
    assert np.median(found) <= 25
    assert max(found) < 999


def test_p_values_of_one_half_never_add_up() -> None:
    assert fired_after(np.zeros(1000)) is None


def test_evidence_is_the_sum_by_hand() -> None:
    detector, _ = Detector().step("2025-01", "a", {"x rose": float(ndtr(-1.0))})
    detector, _ = detector.step("2025-02", "b", {"x rose": float(ndtr(-2.0))})
    by_hand = []
    for shift in (0.5, 1.0, 2.0):
        first, second = (np.exp(shift * z - shift**2 / 2) for z in (1.0, 2.0))
        by_hand.append((first + 1) * second)
    assert detector.evidence == pytest.approx(np.mean(by_hand))


def test_a_monthly_table_looked_at_daily_counts_once() -> None:
    """Without that, the state is false in 91 % of years: the same p-value is added up thirty times."""
    rng = np.random.default_rng(9)
    fired = careless = 0
    for _ in range(10):
        once, daily = Detector(), Detector()
        for at, day in enumerate(days(365)):
            if at % 30 == 0:
                z = float(rng.standard_normal())
            once, status = once.step(day, f"month {at // 30}", both(z))
            assert status == ("taken" if at % 30 == 0 else "repeat")
            daily, _ = daily.step(day, day, both(z))
        fired += once.fired is not None
        careless += daily.fired is not None
    assert fired == 0
    assert careless >= 8


def test_repeats_late_days_and_changed_tables_change_nothing() -> None:
    detector, _ = Detector().step("2025-10-02", "a", both(1.0))
    for period, digest, status in [
        ("2025-10-02", "a", "repeat"),
        ("2025-10-03", "a", "repeat"),
        ("2025-10-01", "b", "late"),
        ("2025-10-02", "b", "late"),
    ]:
        after, seen = detector.step(period, digest, both(5.0))
        assert (after, seen) == (detector, status)


def test_too_few_subjects_add_nothing_and_are_never_ok() -> None:
    few, status = Detector().step("2025-10-01", "a", None)
    assert (status, few.finding("the period before").level) == ("few", "insufficient")
    watch, status = Lasting("before", table(500, 500), Detector()).step("2025-10-01", "a", table(10, 100))
    assert (status, watch.finding().level) == ("few", "insufficient")
    assert watch.reference == table(500, 500)


def test_a_fired_detector_stays_so_until_restarted_and_knows_its_tables_after() -> None:
    detector = Detector()
    for day in days(10):
        detector, _ = detector.step(day, day, both(4.0))
    assert detector.fired == "2025-01-02"
    assert detector.began["x rose"] == "2025-01-01"
    finding = detector.finding("the period before")
    assert (finding.level, finding.feature, finding.since) == ("notice", "x rose", "2025-01-01")
    assert finding.value is not None
    assert finding.value >= THRESHOLD
    for day in days(60)[10:]:
        detector, _ = detector.step(day, day, both(0.0))
    assert detector.fired == "2025-01-02"
    again = detector.restarted()
    assert (again.fired, again.evidence) == (None, 0.0)
    assert again.step("2025-01-05", "2025-01-05", both(4.0))[1] == "repeat"


@pytest.mark.parametrize(
    ("period", "p", "message"),
    [
        pytest.param("2025-11", {"x rose": 0.5}, "Keep a state for months", id="month among days"),
        pytest.param("October", {"x rose": 0.5}, "give a month", id="words"),
        pytest.param("2025-11-01", {"y rose": 0.5}, "of other names", id="other names"),
        pytest.param("2025-11-01", {"x rose": 1.5}, "no p-value", id="no p"),
        pytest.param("2025-11-01", {"x rose": float("nan")}, "no p-value", id="NaN"),
    ],
)
def test_steps_that_make_no_sense_are_refused(period: str, p: dict[str, float], message: str) -> None:
    detector, _ = Detector().step("2025-10-02", "a", {"x rose": 0.5})
    with pytest.raises(DataError, match=message):
        detector.step(period, "b", p)


def watched(against: str, seed: int, count: int, shift_from: int | None = None, rows: int = 50_000) -> Lasting:
    rng = np.random.default_rng(seed)
    world = DriftWorld(rng, rows, {"megabytes": lognormal(0.7)})
    factor = float(np.exp(0.7 / np.sqrt(1000)))  # one standard deviation of a day's mean
    watch = Lasting(against, world.reference if against == "all before" else world.day(rng, 1000), Detector())  # type: ignore[arg-type]
    for at, day in enumerate(days(count)):
        moved = shift_from is not None and at >= shift_from
        now = world.day(rng, 1000, times={"megabytes": factor} if moved else None)
        watch, _ = watch.step(day, day, now)
        if watch.detector.fired:
            break
    return watch


@pytest.mark.parametrize("against", ["before", "all before"])
def test_years_of_days_are_silent_though_they_share_a_reference(against: str) -> None:
    fired = [watched(against, seed, 180, rows=10_000).detector.fired for seed in range(8)]
    assert sum(one is not None for one in fired) <= 2


def test_the_same_days_against_the_fixed_reference_alone_would_fire() -> None:
    fired = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        world = DriftWorld(rng, 2_000, {"megabytes": lognormal(0.7)})
        detector = Detector()
        for day in days(365):
            detector, _ = detector.step(day, day, p_values(world.day(rng, 1000), world.reference))
        fired += detector.fired is not None
    assert fired >= 3


def test_a_small_step_that_lasts_is_found_against_all_before() -> None:
    waits = []
    for seed in range(7):
        fired = watched("all before", seed, 120, shift_from=30).detector.fired
        waits.append(days(120).index(fired) - 29 if fired else 999)
    assert np.median(waits) <= 30


def test_swapping_table_and_reference_turns_rose_into_fell() -> None:
    small, large = table(600, 400), table(400, 600)
    assert p_values(large, small)["age rose"] < 1e-6 < p_values(small, large)["age rose"]
    before = CategoryCounts({"a": 500, "b": 500}, 0, 0, 0)
    now = CategoryCounts({"a": 400, "b": 600}, 0, 0, 0)
    one, two = (Profile(1000, 1000, (), {}, {"plan": c}) for c in (now, before))
    assert list(p_values(one, two)) == ["plan changed"]


def test_state_is_one_file_the_same_bytes_and_idempotent(tmp_path: Path) -> None:
    path = tmp_path / "lasting.json"
    watch, _ = open_lasting(path, "all before", table(5000, 5000)).step("2025-10", "a", table(480, 520))
    watch.save(path)
    first = path.read_bytes()
    again, status = open_lasting(path, "all before", table(1, 1)).step("2025-10", "a", table(480, 520))
    again.save(path)
    assert status == "repeat"
    assert path.read_bytes() == first
    assert again.reference.rows == 11_000
    assert sorted(one.name for one in tmp_path.iterdir()) == ["lasting.json"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: "{", id="cut"),
        pytest.param(lambda _: "[]", id="list"),
        pytest.param(lambda state: json.dumps(state | {"format": 2}), id="format"),
        pytest.param(lambda state: json.dumps(state | {"against": "before"}), id="other reference"),
        pytest.param(lambda state: json.dumps(state | {"reference": {}}), id="no profile"),
        pytest.param(lambda state: json.dumps(state | {"detector": {}}), id="no detector"),
    ],
)
def test_damaged_states_are_refused(tmp_path: Path, change: object) -> None:
    path = tmp_path / "lasting.json"
    Lasting("all before", table(5000, 5000), Detector()).save(path)
    path.write_text(change(json.loads(path.read_text())))  # type: ignore[operator]
    with pytest.raises(DataError):
        open_lasting(path, "all before", table(1, 1))


@pytest.mark.parametrize(
    "change", [{"shifts": [1.0]}, {"sums": {"x": [1.0]}}, {"began": {"y": "2025-10"}}, {"seen": [1]}, {"more": 1}]
)
def test_a_detector_of_other_making_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DataError):
        detector_from(detector_to(Detector()) | change, "state.json")


def test_periods_out_of_order_in_a_state_are_refused() -> None:
    detector, _ = Detector().step("2025-10", "a", {"x rose": 0.5})
    state = detector_to(detector)
    with pytest.raises(DataError, match="not in order"):
        detector_from(state | {"seen": state["seen"] * 2}, "state.json")
