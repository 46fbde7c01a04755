"""Months that may not be learnt from: a slip of any month of the table, unless somebody has looked at it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import DataError
from planrec.columns import MEGABYTES, MESSAGES, MINUTES, MONTH, SUBSCRIBER
from planrec.lifecycle.checks import check_months

PERIODS = [f"2025-{month:02}" for month in range(1, 9)]


def _months(slipped: str = "") -> pd.DataFrame:
    drawn = np.random.default_rng(1)
    frame = pd.DataFrame([{SUBSCRIBER: f"S{n:03}", MONTH: period} for n in range(300) for period in PERIODS])
    for column in (MINUTES, MESSAGES, MEGABYTES):
        frame[column] = drawn.gamma(20, 20, len(frame))
    frame.loc[frame[MONTH] == slipped, MEGABYTES] /= 1024
    return frame


def test_sound_months_pass() -> None:
    check_months(_months())


@pytest.mark.parametrize("slipped", ["2025-06", "2025-08"])
def test_a_month_in_another_unit_is_refused_by_name_unless_accepted(slipped: str) -> None:
    with pytest.raises(DataError, match=rf"usage months: {slipped}: "):
        check_months(_months(slipped))
    check_months(_months(slipped), accepted=(slipped,))
