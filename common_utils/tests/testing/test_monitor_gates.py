"""The gates of monitoring, small; and each planted fault in a check breaks one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from common_utils.monitoring.bias import groups
from common_utils.monitoring.drift import comparison, e_detector
from common_utils.monitoring.quality import own_median
from common_utils.monitoring.quality.rises import Rise
from common_utils.testing.monitoring import measured
from common_utils.testing.monitoring.measured import FOUR, bias_found, days, shift_waits, told, years_fired

_SEED = 16


def quiet() -> None:
    """Days without drift are seldom told of."""
    for n in (200, 1_000, 5_000):
        found = told(days(_SEED, n, references=6, each=15))
        assert found.days <= 4, (n, found)  # of 90; the whole gate has 1,200


def small_shifts() -> None:
    """A tenth on four features, and a half on one, are told; two in a hundred are not."""
    assert told(days(_SEED, 1_000, references=2, each=5, times=FOUR)).share >= 0.9
    assert told(days(_SEED, 200, references=2, each=5, times={"megabytes": 1.5})).share == 1
    assert told(days(_SEED, 100_000, references=2, each=2, times=dict.fromkeys(FOUR, 1.02))).days == 0


def lasting_shifts() -> None:
    """The detector is seldom false in a year, and finds a lasting shift in a month."""
    assert years_fired(_SEED, 40, None).share <= 0.2
    assert float(np.median(shift_waits(_SEED, 9, None))) <= 30


def bias() -> None:
    """Halved offers are found, and nothing else."""
    assert bias_found(_SEED, 10, halved=True) >= 9
    assert bias_found(_SEED, 10, halved=False) <= 1


def slipped_unit() -> None:
    """Twenty of a thousand subjects in the wrong unit alarm; nobody does not."""
    usage = np.random.default_rng(_SEED).lognormal(7, 0.3, (1_000, 8))
    names = [f"2025-0{month}" for month in range(1, 9)]
    sound = own_median.check_own_median(usage, feature="megabytes", periods=names)
    assert {one.level for one in sound} == {"ok"}
    usage[:20, -1] /= 1024
    assert own_median.check_own_median(usage, feature="megabytes", periods=names)[0].level == "alarm"


_GATES: tuple[Callable[[], None], ...] = (quiet, small_shifts, lasting_shifts, bias, slipped_unit)


@pytest.mark.parametrize("gate", _GATES, ids=lambda gate: gate.__name__)
def test_the_gate_is_kept(gate: Callable[[], None]) -> None:
    gate()


def _ok(*_: Any, **__: Any) -> str:
    return "ok"


def _against_itself(now: Any, references: Any) -> Any:
    return comparison.compare(now, [replace(one, profile=now) for one in references])


_difference, _compare_groups, _added = comparison.difference, groups.compare_groups, e_detector._added
_counted, _Limits = own_median._counted, comparison.Limits


def _as_if_five_times_as_many(cells: Any) -> Any:
    return _difference(replace(cells, now=5 * cells.now, before=5 * cells.before))


def _any_small_p(*_: Any) -> Any:
    return _Limits(alpha=0.5, notice=0.0, rare_notice=0.0)


def _each_row_four_times(name: str, labels: Any, strata: Any, measures: Any) -> Any:
    longer = [replace(one, values=np.tile(one.values, 4)) for one in measures]
    return _compare_groups(name, np.tile(labels, 4), np.tile(strata, 4), longer)


def _groups_shuffled(name: str, labels: Any, strata: Any, measures: Any) -> Any:
    return _compare_groups(name, np.random.default_rng(0).permutation(labels), strata, measures)


def _no_rise(*_: Any) -> Rise:
    return Rise("ok", 0.0, 0.0, 1.0)


def _median_with_itself(values: Any) -> Any:
    return _counted(np.column_stack([values[:, -1:], values[:, -1:], values[:, -1:]]))


_FAULTS = [
    pytest.param(small_shifts, comparison, "_level", _ok, id="drift switched off"),
    pytest.param(small_shifts, measured, "compare", _against_itself, id="drift against itself"),
    pytest.param(quiet, comparison, "difference", _as_if_five_times_as_many, id="drift of five times as many"),
    pytest.param(quiet, comparison, "Limits", _any_small_p, id="drift by any small p"),
    pytest.param(lasting_shifts, e_detector, "_added", lambda before, *_: before, id="detector switched off"),
    pytest.param(
        lasting_shifts,
        e_detector,
        "_added",
        lambda before, p, name: _added(before, p**3, name),
        id="detector of more than there are",
    ),
    pytest.param(bias, groups, "_level", _ok, id="bias switched off"),
    pytest.param(bias, measured, "compare_groups", _groups_shuffled, id="bias of other groups"),
    pytest.param(bias, measured, "compare_groups", _each_row_four_times, id="bias of four times as many"),
    pytest.param(slipped_unit, own_median, "judged_rise", _no_rise, id="own median switched off"),
    pytest.param(slipped_unit, own_median, "_counted", _median_with_itself, id="own median of the period itself"),
]


@pytest.mark.parametrize(("gate", "module", "name", "fault"), _FAULTS)
def test_a_planted_fault_breaks_the_gate(
    gate: Callable[[], None], module: Any, name: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, fault)
    with pytest.raises(AssertionError):
        gate()
