"""What a service shows to monitoring of the subscribers it was asked about: what `batch.seen` shows of a file's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planrec.columns import AGE, CONTRACT_LEFT, CURRENT_PLAN, TENURE, USAGE
from planrec.decisions.record import SubscriberRecord

__all__ = ["watched_columns"]

_NONE = (0, np.nan, np.nan, np.nan)


def watched_columns(records: Sequence[SubscriberRecord]) -> dict[str, NDArray[Any]]:
    """Return the last month's usage, the plan held, age, tenure and contract of some subscribers, as columns.

    Examples
    --------
    >>> from planrec.decisions.record import UsageMonth
    >>> record = SubscriberRecord([UsageMonth(24216, 10, 1, 100), UsageMonth(24217, 20, 2, 200)], "surf")
    >>> columns = watched_columns([record])
    >>> columns["minutes"].tolist(), columns["current_plan"].tolist(), columns["age"].tolist()
    ([20.0], ['surf'], [nan])
    """
    usage = np.array([max(record.months, default=_NONE) for record in records], dtype=np.float64).reshape(-1, 4)
    facts = np.array(
        [(record.age, record.tenure_months, record.contract_months_left) for record in records], dtype=np.float64
    ).reshape(-1, 3)
    return {
        **dict(zip(USAGE, usage.T[1:], strict=True)),
        CURRENT_PLAN: np.array([record.current_plan for record in records], dtype=object),
        **dict(zip((AGE, TENURE, CONTRACT_LEFT), facts.T, strict=True)),
    }
