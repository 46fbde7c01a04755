"""The file of events that are billed: what is looked at before and after its values are read.

The reader of events refuses a value that cannot be used. Here is told what only the whole file or the card shows: that
columns are not separated by commas, that the point in megabytes may separate thousands, that no row of the card names a
place.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from common_utils.errors import ConfigError, DataError
from common_utils.tables.numbers import count_numbers, doubtful_point
from planrec.billing.cards import BillRequest, FullCard
from planrec.billing.events import CALL_IN, Events, read_events
from planrec.billing.named_words import named_places
from planrec.billing.rating import unbilled_events
from planrec.billing.usage_detail import number_key, time_key

__all__ = ["read_billed_events"]

_OTHER_SIGNS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_PARQUET = b"PAR1"  # its first bytes
_ALWAYS = {"event", "subscriber", "kind", "start"}  # columns that no file of events lacks


def read_billed_events(
    card: FullCard, request: BillRequest, path: Path, *, decimal: Literal["point", "comma"] | None = None
) -> Events:
    """Read the events of a request's subscribers.

    Parameters
    ----------
    card : FullCard
        Its zone, prefixes and places.
    request : BillRequest
        Who can have events, and the periods that are billed.
    path : Path
        CSV with commas between the columns.
    decimal : {"point", "comma"}, optional
        What the point in `7.500` is, where nothing in the column shows it.

    Returns
    -------
    Events

    Raises
    ------
    ConfigError
        If the decimal sign is said to be a comma.
    DataError
        If the file or a value cannot be used, it is in doubt what the point in the megabytes is, or an event to be
        billed is at a place that the card does not know.
    """
    where, data = f"events {path}", _bytes(path)
    _check_sign(data, where)
    _check_point(data, where, decimal)
    asking = {"time_for": time_key(card), "number_for": number_key(card)}
    events = read_events(data, str(path), card.timezone, request.subscribers, card.prefixes, **asking)
    _check_places(card, request, events, data, where)
    return events


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"events {path}: cannot be read: {error.strerror}.") from error
    if data[:4] == _PARQUET:
        raise DataError(
            f"events {path}: a Parquet file. Events are billed from CSV; write numbers called as text there."
        )
    return data


def _rows(data: bytes) -> csv.DictReader[str]:
    return csv.DictReader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))


def _check_sign(data: bytes, where: str) -> None:
    """Refuse a header that another sign than the comma divides into the columns of events."""
    header = data.split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    for sign, name in _OTHER_SIGNS.items():
        if {column.strip(' \r"') for column in header.split(sign)} >= _ALWAYS:
            raise DataError(
                f"{where}: the columns are separated by {name} ({sign!r}). Events are billed from files with commas "
                "between the columns and points in the decimals; export them so."
            )


def _check_point(data: bytes, where: str, decimal: Literal["point", "comma"] | None) -> None:
    """Refuse megabytes whose points may all separate thousands, by the rule of all tables, unless it is said."""
    if decimal == "comma":
        raise ConfigError(f"--decimal comma: {where} are billed with decimal points; export them so.")
    if decimal == "point":
        return
    if doubtful_point(count_numbers(pa.array([row.get("mb") or "" for row in _rows(data)], pa.string()))):
        raise DataError(
            f"{where}: column 'mb': every number with a point has three digits after it, as in 7.500, so that "
            "the point may be a thousands separator. Say with --decimal point that it is 7.5, or take it out."
        )


def _check_places(card: FullCard, request: BillRequest, events: Events, data: bytes, where: str) -> None:
    """Refuse use that is billed at a place no row of the card names: no price can fit it."""
    if card.prepaid or events.ids is None:
        return  # prepaid use is at home, which its biller says
    known = named_places(card)
    strange = np.array([place not in known for place in events.places])
    found = np.flatnonzero(strange[events.at] & (events.kind != CALL_IN) & (events.quantity > 0))
    if not len(found):
        return
    unbilled = {told.event for told in unbilled_events(card, request, events)}
    at = {str(events.ids[i]): events.places[int(events.at[i])] for i in found.tolist()}
    wrong = {event: place for event, place in at.items() if event not in unbilled}
    for line, row in enumerate(_rows(data), start=2):
        if (event := row["event"]) in wrong:
            more = f" (and {len(wrong) - 1:,} more such events)" if len(wrong) > 1 else ""
            raise DataError(
                f"{where}: line {line}, event {event!r}{more}: no row of card {card.version} names the place "
                f"{wrong[event]!r}. Write one of {', '.join(sorted(known))}, or add a rate for it."
            )
