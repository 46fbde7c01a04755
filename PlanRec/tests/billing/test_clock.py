"""Local time around a change of clocks: Madrid goes forward at 2025-03-30 01:00 UTC, and back on 2025-10-26."""

from __future__ import annotations

import numpy as np
import pytest

from planrec.billing.events import DAY, LocalClock

MADRID = LocalClock("Europe/Madrid")


def seconds(text: str) -> int:
    return int(np.datetime64(text, "s").astype(np.int64))


FORWARD = seconds("2025-03-30T01:00")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param(FORWARD - 1, FORWARD + 1, [FORWARD], id="between"),
        pytest.param(FORWARD, FORWARD + DAY, [], id="begins-with-the-change"),
        pytest.param(FORWARD - DAY, FORWARD, [], id="ends-with-the-change"),
    ],
)
def test_changes_lie_between_two_instants(low: int, high: int, expected: list[int]) -> None:
    changes, offsets = MADRID.changes(low, high)
    assert changes.tolist() == expected
    assert offsets.tolist() == [3600, 7200]


def test_an_offset_holds_from_the_very_second_of_the_change() -> None:
    at = np.array([FORWARD - 1, FORWARD, seconds("2025-10-26T00:59:59"), seconds("2025-10-26T01:00")])
    assert MADRID.offsets(at).tolist() == [3600, 7200, 7200, 3600]
    assert MADRID.offsets(np.zeros(0, dtype=np.int64)).tolist() == []


def test_local_times_have_an_instant_unless_they_were_left_out() -> None:
    local = np.array([seconds(t) for t in ("2025-03-30T01:59:59", "2025-03-30T02:00", "2025-03-30T03:00")])
    instants, exist = MADRID.instants(local)
    assert exist.tolist() == [True, False, True]
    assert instants[[0, 2]].tolist() == [FORWARD - 1, FORWARD]


def test_midnight_is_the_first_instant_of_a_day_also_where_clocks_leave_it_out() -> None:
    assert MADRID.midnight(seconds("2025-07-01T00:00") // DAY) == seconds("2025-06-30T22:00")
    # In Beirut clocks went from 0:00 to 1:00 on 2022-03-27: the day begins with the change.
    beirut = LocalClock("Asia/Beirut")
    assert beirut.midnight(seconds("2022-03-27T00:00") // DAY) == seconds("2022-03-26T22:00")
