"""What each line item of a bill from cells was charged for: seconds of calls, messages, parts of a megabyte."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from common_utils.array_types import IntArray
from planrec.billing.cards import Rate
from planrec.billing.events import CALL, CALL_IN, DATA, SMS
from planrec.billing.rating import BillBook

__all__ = ["N_SERVICES", "SERVICE_OF_KIND", "charged_use"]

N_SERVICES = 3  # calls, messages, data, as minutes, messages and megabytes of usage months
SERVICE_OF_KIND = np.zeros(4, dtype=np.int64)
"""Which of them each kind of use is."""
SERVICE_OF_KIND[[CALL, CALL_IN, SMS, DATA]] = 0, 0, 1, 2


def charged_use(book: BillBook, kind: IntArray) -> dict[str, IntArray]:
    """Return the use that each line item charges for: what allowances leave over, after increments.

    Parameters
    ----------
    book : BillBook
        Bills of `bill_frame`.
    kind : int64 array of shape (n_rows,)
        Of the rows of that frame.

    Returns
    -------
    dict
        int64 arrays of shape (n_accounts * n_periods, 3), by item: seconds, messages, parts of a megabyte. An item that
        no rate with a price names, as a fee, has no entry.
    """
    found: dict[str, IntArray] = {}
    if book.used is None or book.sheet is None:
        return found
    trace, n = book.used.trace, book.accounts.plan.size
    for r, row in enumerate(book.sheet.rates):
        rows = np.flatnonzero(trace.rate == r)
        if row.rate is None or not len(rows):
            continue
        for item, service, whole in _charged(row.rate):
            some = rows[SERVICE_OF_KIND[kind[rows]] == service]
            amounts = (trace.billed if whole else trace.left)[some]
            if amounts.any():
                sums = found.setdefault(item, np.zeros((n, N_SERVICES), dtype=np.int64))
                np.add.at(sums[:, service], trace.account[some], amounts)
    return found


def _charged(rate: Rate) -> Iterator[tuple[str, int, bool]]:
    """Yield item and service of each price of a rate, and whether it is for all use, covered or not."""
    item = rate.item or ""
    if rate.setup or rate.minimum or any(price for _, price in rate.per_minute):
        yield item, 0, False
    if rate.each:
        yield item, 1, False
    if rate.per_mb or rate.per_block or rate.ladder is not None:
        yield item, 2, False
    for also in rate.also:
        if also.per_minute or also.per_call:
            yield also.item, 0, True
