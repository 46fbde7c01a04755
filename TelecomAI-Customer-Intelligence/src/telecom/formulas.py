"""Features computed from others: arrays in, arrays out, written once for the table and for one record."""

from __future__ import annotations

import numpy as np

from common_utils.array_types import FloatArray
from telecom.columns import MEGABYTES, MESSAGES, MINUTES
from telecom.tariffs import SMART, ULTRA

__all__ = [
    "INPUTS",
    "log_smart_bill",
    "smart_bill",
    "smart_data_overage",
    "smart_messages_overage",
    "smart_minutes_overage",
    "ultra_bill",
    "ultra_cheaper",
]


def smart_bill(minutes: FloatArray, messages: FloatArray, megabytes: FloatArray) -> FloatArray:
    """Return what the month costs on Smart, roubles.

    Examples
    --------
    >>> smart_bill(np.array([500.0]), np.array([51.0]), np.array([0.0])).tolist()
    [553.0]
    """
    return SMART.bill(minutes, messages, megabytes)


def ultra_bill(minutes: FloatArray, messages: FloatArray, megabytes: FloatArray) -> FloatArray:
    """Return what the month costs on Ultra, roubles.

    Examples
    --------
    >>> ultra_bill(np.array([500.0]), np.array([51.0]), np.array([0.0])).tolist()
    [1950.0]
    """
    return ULTRA.bill(minutes, messages, megabytes)


def log_smart_bill(minutes: FloatArray, messages: FloatArray, megabytes: FloatArray) -> FloatArray:
    """Return the logarithm of the bill on Smart: the first roubles of overage tell more than the last.

    Examples
    --------
    >>> log_smart_bill(np.array([0.0]), np.array([0.0]), np.array([0.0])).round(3).tolist()
    [6.31]
    """
    return np.log(smart_bill(minutes, messages, megabytes))


def smart_minutes_overage(minutes: FloatArray) -> FloatArray:
    """Return roubles for minutes beyond Smart's allowance.

    Examples
    --------
    >>> smart_minutes_overage(np.array([510.0])).tolist()
    [30.0]
    """
    return SMART.minutes_overage(minutes)


def smart_messages_overage(messages: FloatArray) -> FloatArray:
    """Return roubles for messages beyond Smart's allowance.

    Examples
    --------
    >>> smart_messages_overage(np.array([60.0])).tolist()
    [30.0]
    """
    return SMART.messages_overage(messages)


def smart_data_overage(megabytes: FloatArray) -> FloatArray:
    """Return roubles for gigabytes beyond Smart's allowance.

    Examples
    --------
    >>> smart_data_overage(np.array([16 * 1024.0])).tolist()
    [200.0]
    """
    return SMART.data_overage(megabytes)


def ultra_cheaper(minutes: FloatArray, messages: FloatArray, megabytes: FloatArray) -> FloatArray:
    """Return 1 where the month costs less on Ultra, else 0.

    Examples
    --------
    >>> ultra_cheaper(np.array([0.0, 0.0]), np.array([0.0, 0.0]), np.array([0.0, 25 * 1024.0])).tolist()
    [0.0, 1.0]
    """
    dearer = smart_bill(minutes, messages, megabytes) > ultra_bill(minutes, messages, megabytes)
    return dearer.astype(np.float64)


_USAGE = (MINUTES, MESSAGES, MEGABYTES)

INPUTS = {
    smart_bill: _USAGE,
    ultra_bill: _USAGE,
    log_smart_bill: _USAGE,
    smart_minutes_overage: (MINUTES,),
    smart_messages_overage: (MESSAGES,),
    smart_data_overage: (MEGABYTES,),
    ultra_cheaper: _USAGE,
}
"""The columns each formula takes."""
