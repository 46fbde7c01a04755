"""The two tariffs of the table's operator, and what a month costs on each; roubles, arrays in, arrays out.

Usage is rounded up once a month, in whole minutes and whole gigabytes: the table holds months, not calls, so the
rounding of each call cannot be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from common_utils.array_types import FloatArray

__all__ = ["MEGABYTES_PER_GIGABYTE", "SMART", "ULTRA", "Tariff", "started"]


MEGABYTES_PER_GIGABYTE = 1024.0
_MICRO = 1e6


def started(used: ArrayLike) -> FloatArray:
    """Return usage rounded up to whole units; what a float cannot hold of a decimal is not charged.

    Parameters
    ----------
    used : array-like
        Minutes, messages or gigabytes, >= 0; read to a millionth.

    Examples
    --------
    >>> started([311.2, 15.0, 15.000000000001]).tolist()
    [312.0, 15.0, 15.0]
    """
    return np.ceil(np.round(np.asarray(used, dtype=np.float64) * _MICRO) / _MICRO)


@dataclass(frozen=True)
class Tariff:
    """A monthly fee with allowances, and what a unit beyond them costs.

    Attributes
    ----------
    fee : float
        Roubles a month.
    minutes, messages, gigabytes : float
        Included in the fee.
    minute_rate, message_rate, gigabyte_rate : float
        Roubles for a further unit.

    Examples
    --------
    >>> SMART.bill(501, 0, 16 * 1024.0).tolist()
    753.0
    """

    fee: float
    minutes: float
    messages: float
    gigabytes: float
    minute_rate: float
    message_rate: float
    gigabyte_rate: float

    def minutes_overage(self, minutes: ArrayLike) -> FloatArray:
        """Return roubles for minutes beyond the allowance.

        Examples
        --------
        >>> SMART.minutes_overage([500.0, 500.5]).tolist()
        [0.0, 3.0]
        """
        return self.minute_rate * np.maximum(started(minutes) - self.minutes, 0.0)

    def messages_overage(self, messages: ArrayLike) -> FloatArray:
        """Return roubles for messages beyond the allowance.

        Examples
        --------
        >>> SMART.messages_overage([50.0, 52.0]).tolist()
        [0.0, 6.0]
        """
        return self.message_rate * np.maximum(started(messages) - self.messages, 0.0)

    def data_overage(self, megabytes: ArrayLike) -> FloatArray:
        """Return roubles for gigabytes beyond the allowance; a started one counts whole.

        Examples
        --------
        >>> SMART.data_overage([15 * 1024.0, 15 * 1024.0 + 1]).tolist()
        [0.0, 200.0]
        """
        used = started(np.asarray(megabytes, dtype=np.float64) / MEGABYTES_PER_GIGABYTE)
        return self.gigabyte_rate * np.maximum(used - self.gigabytes, 0.0)

    def bill(self, minutes: ArrayLike, messages: ArrayLike, megabytes: ArrayLike) -> FloatArray:
        """Return what a month costs, roubles.

        Examples
        --------
        >>> ULTRA.bill([0.0], [0.0], [31 * 1024.0]).tolist()
        [2100.0]
        """
        overage = self.minutes_overage(minutes) + self.messages_overage(messages) + self.data_overage(megabytes)
        return self.fee + overage


# The rules of the course project the table comes from, as its public solutions quote them: monthly fee 550 and 1950
# roubles, 500 and 3000 minutes, 50 and 1000 messages, 15 and 30 GB, then 3 and 1, 3 and 1, 200 and 150 roubles a unit.
SMART = Tariff(550, 500, 50, 15, 3, 3, 200)
ULTRA = Tariff(1950, 3000, 1000, 30, 1, 1, 150)
