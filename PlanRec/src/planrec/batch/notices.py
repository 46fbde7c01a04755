"""Notices for every subscriber of a table of usage months, and the command around them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.bundle import fingerprint_file
from common_utils.command_line.terminal import tracked
from common_utils.errors import DataError
from common_utils.outputs import replacing
from common_utils.tables import RowReport
from planrec.billing import Catalogue
from planrec.columns import AGE, CONTRACT_LEFT, CURRENT_PLAN, MONTH, PARTIAL, SUBSCRIBER, TENURE, USAGE
from planrec.decisions import plan_indices
from planrec.months import RECENT_MONTHS, month_indices
from planrec.notices import Basis, notices_of, read_notices
from planrec.notices.files import NoticeHeader, header_line, notice_line
from planrec.notices.notice import MILLIONTHS, Versions, basis_of
from planrec.notices.schedule import Held, NoticeKind, NoticeOutcome, contract_ends, outcomes
from planrec.usage.months_table import withheld

__all__ = ["NoticeBatch", "SentLog", "notice_batch", "read_sent", "write_notices"]

_CHUNK = 10_000  # notices worked out at once; bounds memory, and moves the progress bar


@dataclass(frozen=True)
class SentLog:
    """What earlier batch files say.

    Attributes
    ----------
    last : dict of str to date
        Subscriber -> day of the latest notice.
    ends : dict of str to date
        Subscriber -> the latest contract end a notice was sent for.
    sha256 : list of str
        Of the files, sorted.
    """

    last: dict[str, date]
    ends: dict[str, date]
    sha256: list[str]


@dataclass(frozen=True)
class NoticeBatch:
    """The notices of a run before they are worked out.

    Attributes
    ----------
    header : NoticeHeader
    months : DataFrame
        Whole usage months before the run, sorted by subscriber and month.
    spans : int64 array of shape (n, 2)
        First row of the basis of each notice and the one after its last, positions in `months`.
    contract_ends : datetime64[D] array of shape (n,)
        Last day the contract binds; NaT for a yearly notice.
    """

    header: NoticeHeader
    months: pd.DataFrame
    spans: IntArray
    contract_ends: NDArray[np.datetime64]


def read_sent(paths: Sequence[Path], as_of: date) -> SentLog:
    """Read the batch files written before; notices of later days do not count.

    Raises
    ------
    DataError
        If a file cannot be read or is not a batch file of notices.
    """
    last: dict[str, date] = {}
    ends: dict[str, date] = {}
    for path in paths:
        header, notices = read_notices(path)
        if header.as_of > as_of:
            continue
        for _, notice in notices:
            who, end = notice.subscriber_id, notice.basis.contract_end
            last[who] = max(header.as_of, last.get(who, header.as_of))
            if end is not None:
                ends[who] = max(end, ends.get(who, end))
    return SentLog(last, ends, sorted(fingerprint_file(path) for path in paths))


def notice_batch(
    months: pd.DataFrame,
    catalogue: Catalogue,
    versions: Versions,
    *,
    as_of: date,
    history_months: int,
    kinds: Collection[NoticeKind] = ("end-of-contract", "yearly"),
    sent: SentLog | None = None,
    lost: pd.DataFrame | None = None,
    rows: RowReport | None = None,
    recent_months: int = RECENT_MONTHS,
) -> NoticeBatch:
    """Return who gets a notice and on which months, with every subscriber accounted for.

    Parameters
    ----------
    months : DataFrame
        Usage months, sorted by subscriber and month, with `current_plan` and `contract_months_left`;
        `tenure_months`, `age` and `partial` are read where present. Only months that end before `as_of` are looked
        at, and no month a subscriber was not there for the whole of.
    catalogue : Catalogue
    versions : Versions
        Of that catalogue.
    as_of : date
        Day of the run.
    history_months : int
        Last known months to look back over, >= 1.
    kinds : collection of {"end-of-contract", "yearly"}
    sent : SentLog, optional
        Earlier notices.
    lost : DataFrame, optional
        Subscriber and month of rejected rows: no notice rests on a month before one of them.
    rows : RowReport, optional
        The account of the table, for the header.
    recent_months : int
        How many of the latest months the last whole month may be one of.

    Raises
    ------
    DataError
        If a column is missing.
    """
    _check_columns(months)
    nobody = pd.DataFrame({SUBSCRIBER: [], MONTH: []}, dtype="str")
    lost = nobody if lost is None else lost
    everybody = {*months[SUBSCRIBER].unique(), *lost.loc[lost[SUBSCRIBER] != "", SUBSCRIBER].unique()}
    judged, refused = withheld(months, lost, as_of=as_of.year * 12 + as_of.month - 2)
    past, index = _whole_months(judged, as_of)
    keys = past[SUBSCRIBER].to_numpy(dtype=object)
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.array([], dtype=np.int64)
    stops = np.append(starts[1:], len(keys)) if len(keys) else starts
    held = _held(past.iloc[stops - 1], index[stops - 1], catalogue, sent)
    codes = outcomes(held, as_of, kinds=kinds, with_log=sent is not None, recent_months=recent_months)
    due = np.flatnonzero(codes <= NoticeOutcome.YEARLY)
    ends = contract_ends(held.last_month, held.contract_left)
    ends[codes == NoticeOutcome.YEARLY] = np.datetime64("NaT", "D")
    subscribers = len(everybody)
    counts = {code: int((codes == code).sum()) for code in NoticeOutcome}
    counts |= {NoticeOutcome.NO_MONTH: subscribers - refused - len(starts), NoticeOutcome.MONTH_REJECTED: refused}
    header = NoticeHeader(
        format=2,
        as_of=as_of,
        history_months=history_months,
        sent_sha256=None if sent is None else sent.sha256,
        subscribers=subscribers,
        notices={_word(code): n for code, n in counts.items() if code <= NoticeOutcome.YEARLY},
        no_notice={_word(code): n for code, n in counts.items() if code > NoticeOutcome.YEARLY},
        versions=versions,
        rows=None if rows is None else _rows_counted(rows),
        unknown_facts=_unknown(held, codes != NoticeOutcome.NO_RECENT_MONTH, with_log=sent is not None),
    )
    spans = np.column_stack([np.maximum(starts, stops - history_months), stops])[due]
    return NoticeBatch(header, past, spans, ends[due])


def write_notices(batch: NoticeBatch, catalogue: Catalogue, path: Path) -> None:
    """Work the notices out and write the batch file, whole or not at all.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    try:
        with replacing(path) as file, tracked("writing notices", total=len(batch.spans)) as advance:
            file.write(header_line(batch.header))
            for bases in _bases(batch):
                file.writelines(notice_line(notice) for notice in notices_of(bases, catalogue))
                advance(len(bases))
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}.") from error


def _check_columns(months: pd.DataFrame) -> None:
    missing = [name for name in (CURRENT_PLAN, CONTRACT_LEFT) if name not in months.columns]
    if missing:
        raise DataError(
            f"usage months: missing column(s) {missing}, so nothing says which contract ends when; add them "
            "(contract_months_left: months the plan binds beyond that month, 0 where it binds no longer)."
        )


def _whole_months(months: pd.DataFrame, as_of: date) -> tuple[pd.DataFrame, IntArray]:
    """Return the months that ended before a day and were not partial, and their month indices."""
    index = month_indices(months[MONTH])
    whole = index < as_of.year * 12 + as_of.month - 1
    if PARTIAL in months.columns:
        whole &= ~months[PARTIAL].to_numpy(dtype=bool)
    return months[whole].reset_index(drop=True), index[whole]


def _held(last: pd.DataFrame, last_month: IntArray, catalogue: Catalogue, sent: SentLog | None) -> Held:
    who = last[SUBSCRIBER].to_numpy(dtype=object)
    unknown = np.full(len(last), np.nan)
    return Held(
        last_month=last_month,
        plan_known=plan_indices(last[CURRENT_PLAN], catalogue) >= 0,
        contract_left=last[CONTRACT_LEFT].to_numpy(dtype=np.float64),
        tenure=last[TENURE].to_numpy(dtype=np.float64) if TENURE in last.columns else unknown,
        last_sent=_dates({} if sent is None else sent.last, who),
        end_announced=_dates({} if sent is None else sent.ends, who),
    )


def _unknown(held: Held, recent: NDArray[np.bool_], *, with_log: bool) -> dict[str, int]:
    """Count subscribers by every fact a notice needs that is not known; a log of notices stands for the tenure."""
    lacking = {
        CURRENT_PLAN: ~held.plan_known,
        CONTRACT_LEFT: np.isnan(held.contract_left),
        TENURE: np.isnan(held.tenure) & ~(held.contract_left > 0) & (not with_log),
    }
    return {name: int((where & recent).sum()) for name, where in lacking.items()}


def _dates(known: dict[str, date], who: NDArray[np.object_]) -> NDArray[np.datetime64]:
    return np.array([known.get(one) for one in who], dtype="datetime64[D]")


def _bases(batch: NoticeBatch) -> Iterator[list[Basis]]:
    """Yield the bases in chunks."""
    past, header = batch.months, batch.header
    who, plan = past[SUBSCRIBER].to_numpy(dtype=object), past[CURRENT_PLAN].to_numpy(dtype=object)
    months = past[MONTH].to_numpy(dtype=object)
    used = [_millionths(past[name].to_numpy(dtype=np.float64)) for name in USAGE]
    ages = past[AGE].to_numpy(dtype=np.float64) if AGE in past.columns else np.full(len(past), np.nan)
    ends: list[date | None] = batch.contract_ends.tolist()
    for start in range(0, len(batch.spans), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield [
            basis_of(
                who[first],
                as_of=header.as_of,
                contract_end=end,
                current_plan=plan[stop - 1],
                age=None if np.isnan(ages[stop - 1]) else float(ages[stop - 1]),
                months=months[first:stop].tolist(),
                usage=(used[0][first:stop].tolist(), used[1][first:stop].tolist(), used[2][first:stop].tolist()),
                versions=header.versions,
            )
            for (first, stop), end in zip(batch.spans[part].tolist(), ends[part], strict=True)
        ]


def _millionths(values: FloatArray) -> IntArray:
    """Return usage as the rater reads it."""
    return np.rint(values * MILLIONTHS).astype(np.int64)


def _word(code: NoticeOutcome) -> str:
    return code.name.lower().replace("_", "-")


def _rows_counted(report: RowReport) -> dict[str, int | dict[str, int]]:
    """Return the account of a table as the header holds it."""
    return {
        "read": report.read,
        "kept": report.kept,
        "repaired": dict(report.repaired),
        "rejected": dict(report.rejected),
        "set_aside": dict(report.set_aside),
    }
