"""From a few usage months of a subscriber to the arrays the core takes: the row path of the service.

The table path (`decisions.rows.decision_table` and `latest_rows` beside it) builds the same columns from a DataFrame;
a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common_utils.errors import DataError
from planrec.columns import AGE, CONTRACT_LEFT, CURRENT_PLAN, TENURE
from planrec.months import is_recent
from planrec.outlook import SERVICES, History, history_of
from planrec.rules import Facts, Known

__all__ = [
    "SubscriberRecord",
    "UsageMonth",
    "check_recent",
    "decision_columns",
    "facts_of_records",
    "latest_months",
    "record_facts",
    "record_history",
]


_MONTH = itemgetter(0)


class UsageMonth(NamedTuple):
    """Usage of one subscriber in one month.

    Attributes
    ----------
    month : int
        Month index.
    minutes, messages, megabytes : float
        As `billing.Usage`.
    """

    month: int
    minutes: float
    messages: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class SubscriberRecord:
    """What is known of one subscriber; None where it is not known.

    Attributes
    ----------
    months : sequence of UsageMonth
        In any order, each month once.
    current_plan : str or None
        Plan id held now.
    age, tenure_months, contract_months_left : float or None
        The contract as `columns.CONTRACT_LEFT` of the month asked about.
    consent, holdout : bool or None
        Consent to offers; the permanent hold-out.
    contacts_90d : float or None
        Contacts in the last 90 days.
    """

    months: Sequence[UsageMonth]
    current_plan: str | None = None
    age: float | None = None
    tenure_months: float | None = None
    contract_months_left: float | None = None
    consent: bool | None = None
    contacts_90d: float | None = None
    holdout: bool | None = None


def decision_columns(
    records: Sequence[SubscriberRecord], *, history_months: int, extra_columns: Sequence[str] = ()
) -> dict[str, NDArray[np.generic]]:
    """Return the columns of decision rows, one row a record.

    Parameters
    ----------
    records : sequence of SubscriberRecord
    history_months : int
        Months to carry, most recent first; further ones are not looked at.
    extra_columns : sequence of str
        Further columns the model takes; NaN where a record does not know them.

    Returns
    -------
    dict of str to array of shape (n,)
        What `features.DecisionFeatures` takes.

    Raises
    ------
    DataError
        If a record gives a month twice.

    Examples
    --------
    >>> record = SubscriberRecord([UsageMonth(24216, 10, 1, 100), UsageMonth(24217, 20, 2, 200)], "surf")
    >>> columns = decision_columns([record], history_months=3)
    >>> [float(columns[f"minutes_{lag}"][0]) for lag in (1, 2, 3)]
    [20.0, 10.0, nan]
    """
    n = len(records)
    wide = {service: np.full((n, history_months), np.nan) for service in SERVICES}
    for i, record in enumerate(records):
        for k, month in enumerate(latest_months(record, history_months)):
            for service in SERVICES:
                wide[service][i, k] = getattr(month, service)
    columns: dict[str, NDArray[np.generic]] = {
        f"{service}_{k + 1}": wide[service][:, k] for service in SERVICES for k in range(history_months)
    }
    columns[CURRENT_PLAN] = np.array([record.current_plan for record in records], dtype=object)
    known = {
        AGE: [record.age for record in records],
        TENURE: [record.tenure_months for record in records],
        CONTRACT_LEFT: [record.contract_months_left for record in records],
    }
    for name in (TENURE, CONTRACT_LEFT, *extra_columns):
        columns[name] = np.array(known.get(name, [None] * n), dtype=np.float64)
    return columns


def record_history(record: SubscriberRecord, *, history_months: int) -> History:
    """Return the history of one subscriber, shape (1, history_months).

    Raises
    ------
    DataError
        If the record gives a month twice.
    """
    return history_of(decision_columns([record], history_months=history_months), history_months)


def record_facts(record: SubscriberRecord, *, month: int, current: int) -> Facts:
    """Return what the rules ask about one subscriber.

    Parameters
    ----------
    record : SubscriberRecord
    month : int
        Month index of the answer; the contract counts from the month after it.
    current : int
        Index of the plan held, -1 where unknown.

    Examples
    --------
    >>> facts = record_facts(SubscriberRecord([], age=30.0, consent=False), month=24309, current=-1)
    >>> facts.age.tolist(), facts.consent.tolist(), facts.holdout.tolist()
    ([30.0], [0], [-1])
    """
    return facts_of_records([record], months=[month], current=[current])


def facts_of_records(records: Sequence[SubscriberRecord], *, months: Sequence[int], current: Sequence[int]) -> Facts:
    """Return what the rules ask about several subscribers.

    Parameters
    ----------
    records : sequence of SubscriberRecord
    months, current : sequences of int
        For each record what `record_facts` takes.
    """
    return Facts.of(
        np.array(months, dtype=np.int64),
        np.array(current, dtype=np.int64),
        age=[_or_nan(record.age) for record in records],
        contract_months_left=[_or_nan(record.contract_months_left) for record in records],
        consent=[_known(record.consent) for record in records],
        contacts_90d=[_or_nan(record.contacts_90d) for record in records],
        holdout=[_known(record.holdout) for record in records],
        used=[
            any(used.month == month and max(used[1:]) > 0 for used in record.months)
            for record, month in zip(records, months, strict=True)
        ],
    )


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _known(value: bool | None) -> Known:  # noqa: FBT001 - what is said, not a switch
    return Known.UNKNOWN if value is None else Known(value)


def check_recent(record: SubscriberRecord, asked: int, recent_months: int) -> None:
    """Refuse a record whose last usage month is not recent, by `months.is_recent`; one without any month passes.

    Parameters
    ----------
    record : SubscriberRecord
        Its months are not later than `asked`.
    asked : int
        Month index asked about.
    recent_months : int
        The setting `features.recent_months`.

    Raises
    ------
    DataError
        If it is not.

    Examples
    --------
    >>> check_recent(SubscriberRecord([UsageMonth(24308, 1, 1, 1)]), 24309, 2)
    """
    if record.months and not is_recent(max(map(_MONTH, record.months)), asked, recent_months):
        raise DataError(
            f"no recent month: the last usage month is not among the {recent_months} months up to as_of "
            "(features.recent_months); send later usage, or ask about an earlier month."
        )


def latest_months(record: SubscriberRecord, history_months: int) -> list[UsageMonth]:
    """Return the last months of a record, most recent first.

    Raises
    ------
    DataError
        If the record gives a month twice.

    Examples
    --------
    >>> record = SubscriberRecord([UsageMonth(24216, 10, 1, 100), UsageMonth(24217, 20, 2, 200)])
    >>> [month.minutes for month in latest_months(record, 1)]
    [20]
    """
    latest = sorted(record.months, reverse=True)  # the month stands first, and each may stand once
    if len(set(map(_MONTH, latest))) < len(latest):
        raise DataError("usage: a month stands twice; give each month once.")
    return latest[:history_months]
