"""What the rules ask about subscribers: plan held, age, contract, consent, contacts, hold-out; any may be unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.columns import AGE, CONSENT, CONTACTS_90D, CONTRACT_LEFT, HOLDOUT, MONTH, MOST, USAGE
from planrec.months import month_indices

__all__ = ["Facts", "Known", "facts_of"]

TriArray = NDArray[np.int8]


class Known(IntEnum):
    """An answer that may be missing."""

    UNKNOWN = -1
    NO = 0
    YES = 1


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules ask about n subscribers; build it with `Facts.of`.

    Attributes
    ----------
    change_month : int64 array of shape (n,)
        Month index of the first month in which a change could take effect if nothing binds; a plan must be on sale
        in it.
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.
    age : float64 array of shape (n,)
        Years, NaN where unknown.
    contract_months_left : float64 array of shape (n,)
        Months from `change_month` on that the plan held still binds; 0: free in that month; NaN where unknown.
    consent, holdout : int8 arrays of shape (n,)
        `Known`: consent to offers, and the permanent hold-out.
    contacts_90d : float64 array of shape (n,)
        Contacts in the last 90 days, NaN where unknown.
    used : bool array of shape (n,)
        Whether anything was used in the month asked about; who used nothing may be gone.
    """

    change_month: IntArray
    current: IntArray
    age: FloatArray
    contract_months_left: FloatArray
    consent: TriArray
    contacts_90d: FloatArray
    holdout: TriArray
    used: BoolArray

    @classmethod
    def of(
        cls,
        month: int | IntArray,
        current: IntArray,
        *,
        change_month: int | IntArray | None = None,
        age: ArrayLike = np.nan,
        contract_months_left: ArrayLike = np.nan,
        consent: ArrayLike = Known.UNKNOWN,
        contacts_90d: ArrayLike = np.nan,
        holdout: ArrayLike = Known.UNKNOWN,
        used: ArrayLike = True,
    ) -> Facts:
        """Return facts of n subscribers; one value stands for all, what is left out is not known, and used is yes.

        Parameters
        ----------
        month : int or int64 array of shape (n,)
            The as-of month, or the decision month of a decision row.
        current : int64 array of shape (n,)
        change_month : int or int64 array of shape (n,), optional
            The month after `month` unless given: `columns.CONTRACT_LEFT` of the as-of month says how many months the
            plan binds beyond it. A decision row carries the contract of the month *before* its decision month, in which
            the change takes effect; there this is the decision month itself.
        age, contract_months_left, contacts_90d : float64 arrays of shape (n,), optional
        consent, holdout : int8 or bool arrays of shape (n,), optional
        used : bool array of shape (n,), optional

        Raises
        ------
        DataError
            If a column has not n entries.

        Examples
        --------
        >>> facts = Facts.of(24309, np.array([3, -1]), consent=True, contract_months_left=[2.0, 0.0])
        >>> facts.change_month.tolist(), facts.consent.tolist(), facts.holdout.tolist()
        ([24310, 24310], [1, 1], [-1, -1])
        """
        n = len(current)
        return cls(
            change_month=_column("change_month", _after(month) if change_month is None else change_month, np.int64, n),
            current=_column("current", current, np.int64, n),
            age=_column("age", age, np.float64, n),
            contract_months_left=_column("contract_months_left", contract_months_left, np.float64, n),
            consent=_column("consent", consent, np.int8, n),
            contacts_90d=_column("contacts_90d", contacts_90d, np.float64, n),
            holdout=_column("holdout", holdout, np.int8, n),
            used=_column("used", used, np.bool_, n),
        )

    @property
    def free_from(self) -> IntArray:
        """Month index of the first month without a contract; `change_month` where none binds or that is not known.

        Examples
        --------
        >>> Facts.of(24309, np.array([3, 3, -1]), contract_months_left=[2.0, 0.5, np.nan]).free_from.tolist()
        [24312, 24311, 24310]
        """
        left = self.contract_months_left
        return self.change_month + np.ceil(np.where(left > 0, left, 0)).astype(np.int64)

    def rows(self, part: slice | IntArray) -> Facts:
        """Return some of the subscribers: a slice, or positions.

        Examples
        --------
        >>> Facts.of(24309, np.array([3, -1])).rows(slice(1, 2)).current.tolist()
        [-1]
        """
        return Facts(**{f.name: getattr(self, f.name)[part] for f in fields(self)})


S = TypeVar("S", bound=np.generic)


def _column(name: str, values: ArrayLike, kind: type[S], n: int) -> NDArray[S]:
    column = np.asarray(values, dtype=kind)
    if column.shape not in ((), (n,)):
        raise DataError(
            f"facts: {name} has not one value for each of {n} subscriber(s); give n values, or one for all."
        )
    return np.broadcast_to(column, (n,))


def _after(month: int | IntArray) -> IntArray:
    return np.asarray(month, dtype=np.int64) + 1


def facts_of(columns: Mapping[str, NDArray[np.generic]], current: IntArray, *, as_of: int | IntArray) -> Facts:
    """Return the facts in a table of the last months known, one row a subscriber.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,)
        `month` (YYYY-MM); read where present: `age`, `contract_months_left` (beyond the row's own month; the months
        from there to `as_of` are taken off), `consent` and `holdout` (true/false, 1/0, yes/no, else unknown),
        `contacts_90d`. A contract below 0 ran out; another number below 0, or beyond
        `columns.MOST`, is unknown. The last known month's usage
        (`minutes_1` and the like) says who used something in the month asked about, if the row is of that month.
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.
    as_of : int or int64 array of shape (n,)
        Month index; no row lies after it.

    Raises
    ------
    DataError
        If a number is none.

    Examples
    --------
    >>> months = np.array(["2025-08", "2025-10"], dtype=object)
    >>> columns = {"month": months, "contract_months_left": np.array([5.0, 5.0])}
    >>> facts_of(columns, np.array([3, 3]), as_of=24309).contract_months_left.tolist()
    [3.0, 5.0]
    """
    passed = as_of - month_indices(map(str, columns[MONTH]))
    left = _numbers(columns, CONTRACT_LEFT, len(current))
    return Facts.of(
        as_of,
        current,
        age=_numbers(columns, AGE, len(current)),
        contract_months_left=np.maximum(left - passed, 0),
        consent=_answers(columns, CONSENT, len(current)),
        contacts_90d=_numbers(columns, CONTACTS_90D, len(current)),
        holdout=_answers(columns, HOLDOUT, len(current)),
        used=(passed == 0) & _used(columns, len(current)),
    )


def _used(columns: Mapping[str, NDArray[np.generic]], n: int) -> BoolArray:
    """Whether the row's own month has usage; yes where the table does not carry it."""
    known = [np.asarray(columns[f"{each}_1"], dtype=np.float64) for each in USAGE if f"{each}_1" in columns]
    return np.sum([np.nan_to_num(column) for column in known], axis=0) > 0 if known else np.ones(n, dtype=np.bool_)


def _numbers(columns: Mapping[str, NDArray[np.generic]], name: str, n: int) -> FloatArray:
    try:
        numbers = np.asarray(columns[name], dtype=np.float64) if name in columns else np.full(n, np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: holds something that is not a number; correct it or leave the column out.") from error
    # A contract that ran out binds nobody; what else is below 0 is not known.
    possible = np.where(numbers > MOST[name], np.nan, numbers)
    return np.where(possible < 0, 0.0 if name == CONTRACT_LEFT else np.nan, possible)


_ANSWERS = {
    **dict.fromkeys(("true", "yes", "1", "1.0"), Known.YES),
    **dict.fromkeys(("false", "no", "0", "0.0"), Known.NO),
    **dict.fromkeys(("", "nan", "none", "<na>"), Known.UNKNOWN),
}


def _answers(columns: Mapping[str, NDArray[np.generic]], name: str, n: int) -> TriArray:
    if name not in columns:
        return np.full(n, Known.UNKNOWN, dtype=np.int8)
    words, where = np.unique([str(value).strip().lower() for value in columns[name]], return_inverse=True)
    return np.array([_ANSWERS.get(str(word), Known.UNKNOWN) for word in words], dtype=np.int8)[where]
