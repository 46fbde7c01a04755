"""Notices for every subscriber of a table of usage months, and the command around them."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.command_line.terminal import tracked
from common_utils.errors import DataError
from common_utils.outputs import blamed, replacing
from common_utils.parts.cores import Workers, chosen_workers
from common_utils.parts.pool import answered_in_order
from common_utils.tables import Reading, RowReport
from planrec.batch.cell_use import CellUse
from planrec.batch.parts.expected import Expected, expected_of_blocks
from planrec.batch.parts.jobs import BLOCKS_EACH
from planrec.batch.sent import SentLog
from planrec.billing import Catalogue
from planrec.billing.cell_months import scheme_of
from planrec.columns import AGE, CONTRACT_LEFT, CURRENT_PLAN, MONTH, PARTIAL, SUBSCRIBER, TENURE, USAGE
from planrec.decisions import plan_indices
from planrec.months import RECENT_MONTHS, month_indices
from planrec.notices import Basis, NoticeFigures
from planrec.notices.basis_cells import BasisCells, basis_cells
from planrec.notices.figures import figures_or_reasons
from planrec.notices.files import FORMAT_OF_CELLS, NoticeCells, NoticeHeader, header_line, notice_line, notice_of
from planrec.notices.notice import MILLIONTHS, Versions, basis_of, usage_digest
from planrec.notices.rated import cells_fit
from planrec.notices.schedule import OF_CELLS, Held, NoticeKind, NoticeOutcome, contract_ends, outcomes
from planrec.rules import ExclusionCode
from planrec.usage.months_table import withheld
from planrec.usage.pieces.block import BlockAccount, BlockCheck, UsageBlock
from planrec.usage.pieces.stream import UsageStream

__all__ = ["NoticeBatch", "NoticeRun", "expected_notices", "notice_batch", "write_notices"]

_CHUNK = 2_000  # notices worked out at once; bounds memory
_NOBODY = pd.DataFrame(
    {
        **{name: pd.Series([], dtype="str") for name in (SUBSCRIBER, MONTH, CURRENT_PLAN)},
        **{name: pd.Series([], dtype="float64") for name in (*USAGE, CONTRACT_LEFT)},
    }
)


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
    scheme: str | None = None,
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
    scheme : str, optional
        Of cells that price full plans; the header then has place for what they tell.

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
    counts = {code: n for code, n in counts.items() if scheme is not None or code not in OF_CELLS}
    header = NoticeHeader(
        format=2 if scheme is None else FORMAT_OF_CELLS,
        as_of=as_of,
        history_months=history_months,
        sent_sha256=None if sent is None else sent.sha256,
        subscribers=subscribers,
        notices={code.word: n for code, n in counts.items() if code <= NoticeOutcome.YEARLY},
        no_notice={code.word: n for code, n in counts.items() if code > NoticeOutcome.YEARLY},
        versions=versions,
        rows=None if rows is None else _rows_counted(rows),
        unknown_facts=_unknown(held, codes != NoticeOutcome.NO_RECENT_MONTH, with_log=sent is not None),
        cells=None if scheme is None else NoticeCells(scheme, 0),
    )
    spans = np.column_stack([np.maximum(starts, stops - history_months), stops])[due]
    return NoticeBatch(header, past, spans, ends[due])


@dataclass(frozen=True)
class NoticeRun:
    """What is asked of all blocks of a table; plain values, so that any process gives the same lines.

    Attributes
    ----------
    catalogue, versions, as_of, history_months, kinds, sent, recent_months
        As `notice_batch`.
    cells : CellUse or None
        Cells that price full plans; the catalogue is then theirs.
    """

    catalogue: Catalogue
    versions: Versions
    as_of: date
    history_months: int
    kinds: tuple[NoticeKind, ...] = ("end-of-contract", "yearly")
    sent: SentLog | None = None
    recent_months: int = RECENT_MONTHS
    cells: CellUse | None = None

    @cached_property
    def scheme(self) -> str | None:
        """The digest of the scheme of the cells."""
        return None if self.cells is None else scheme_of(self.cells.pricing.plans.card).digest

    def header(self, counted: Counter[str], rows: RowReport) -> NoticeHeader:
        """Return the header of a file, given the sum of what was counted of all blocks."""
        part = notice_batch(_NOBODY, self.catalogue, self.versions, **self._asked()).header
        summed = {
            name: {word: counted[f"{name} {word}"] for word in getattr(part, name)}
            for name in ("notices", "no_notice", "unknown_facts")
        }
        cells = part.cells and replace(part.cells, lacking=counted["cells lacking"])
        return replace(part, subscribers=counted["subscribers"], rows=_rows_counted(rows), cells=cells, **summed)

    def lines(self, months: pd.DataFrame, lost: pd.DataFrame) -> tuple[Counter[str], bytes]:
        """Return what is counted of the subscribers of a block, and the lines of their notices."""
        batch = notice_batch(months, self.catalogue, self.versions, lost=lost, **self._asked())
        header = batch.header
        counted: Counter[str] = Counter(subscribers=header.subscribers)
        for name in ("notices", "no_notice", "unknown_facts"):
            counted.update({f"{name} {word}": n for word, n in getattr(header, name).items()})
        lines = [line for bases in _bases(batch) for line in self._lines(bases, counted)]
        return counted, b"".join(lines)

    def _lines(self, bases: list[Basis], counted: Counter[str]) -> Iterator[bytes]:
        """Yield the line of each notice; who holds a plan without a bill has none, and is counted under the reason."""
        pricing = None if self.cells is None else self.cells.pricing
        if self.cells is not None:
            bases = _with_cells(bases, self.cells, str(self.scheme))
            counted["cells lacking"] += sum(basis.cells is None for basis in bases)
        for basis, found in zip(bases, figures_or_reasons(bases, self.catalogue, pricing), strict=True):
            if isinstance(found, NoticeFigures):
                yield notice_line(notice_of(basis, found))
                continue
            sold = found != ExclusionCode.NOT_SOLD
            reason = NoticeOutcome.CELLS_MISSING if sold else NoticeOutcome.USE_NOT_SOLD
            counted[f"notices {basis.kind}"] -= 1
            counted[f"no_notice {reason.word}"] += 1

    def _asked(self) -> dict[str, Any]:
        return {
            "as_of": self.as_of,
            "history_months": self.history_months,
            "kinds": self.kinds,
            "sent": self.sent,
            "recent_months": self.recent_months,
            "scheme": self.scheme,
        }


@dataclass(frozen=True)
class _BlockNotices:
    """Checks a block and works out its notices."""

    check: BlockCheck
    run: NoticeRun

    def __call__(self, block: UsageBlock) -> tuple[BlockAccount, Counter[str], bytes]:
        checked = self.check.check(block)
        return checked.account, *self.run.lines(checked.months, checked.lost)


def write_notices(
    usage: Path, run: NoticeRun, output: Path, *, reading: Reading | None = None, workers: int | None = 1
) -> tuple[NoticeHeader, RowReport, Workers]:
    """Work out the notices of a table, block by block, and write the batch file, whole or not at all.

    The header is the first line and counts everybody: lines wait in a file on the disk until all are there.

    Parameters
    ----------
    usage, output : Path
    run : NoticeRun
    reading : Reading, optional
        How the columns are written, and how much may be rejected.
    workers : int or None
        Processes that answer, the same bytes for any number; None: as many as cores and memory allow.

    Raises
    ------
    DataError
        If the table cannot be read or lacks a column, or the file cannot be written.
    """
    stream, chosen = _opened(usage, run, reading, workers)
    counted: Counter[str] = Counter()
    with blamed(output), tempfile.TemporaryFile() as lines:
        with tracked("writing notices", total=stream.rows) as advance:
            notices = _BlockNotices(stream.check, run)
            for account, some, written in answered_in_order(notices, stream.blocks(), chosen.count):
                stream.take(account)
                counted += some
                lines.write(written)
                advance(account.report.read)
        stream.finish()
        header = run.header(counted, stream.report())
        lines.seek(0)
        with replacing(output) as file:
            file.write(header_line(header))
            shutil.copyfileobj(lines, file)
    return header, stream.report(), chosen


def expected_notices(
    usage: Path, run: NoticeRun, *, reading: Reading | None = None, workers: int | None = 1
) -> Expected:
    """Return what `write_notices` will take, measured on the first blocks of the table; it raises the same errors."""
    stream, chosen = _opened(usage, run, reading, workers)
    with tempfile.TemporaryFile() as lines:

        def written(done: tuple[BlockAccount, Counter[str], bytes]) -> tuple[int, int]:
            return done[0].report.read, lines.write(done[2])

        found = expected_of_blocks(stream, _BlockNotices(stream.check, run), written, chosen)
    return replace(found, scratch_bytes=found.output_bytes)  # lines wait on the disk until the header is known


def _opened(usage: Path, run: NoticeRun, reading: Reading | None, workers: int | None) -> tuple[UsageStream, Workers]:
    stream = UsageStream(
        usage,
        catalogue=run.catalogue,
        reading=reading,
        as_of=run.as_of.year * 12 + run.as_of.month - 1,
        keep_refused=True,
    )
    return stream, chosen_workers(workers, stream.block_count // BLOCKS_EACH)


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
    never = np.full(len(last), np.datetime64("NaT", "D"))
    last_sent, end_announced = (never, never) if sent is None else sent.of(who)
    return Held(
        last_month=last_month,
        plan_known=plan_indices(last[CURRENT_PLAN], catalogue) >= 0,
        contract_left=last[CONTRACT_LEFT].to_numpy(dtype=np.float64),
        tenure=last[TENURE].to_numpy(dtype=np.float64) if TENURE in last.columns else unknown,
        last_sent=last_sent,
        end_announced=end_announced,
    )


def _unknown(held: Held, recent: NDArray[np.bool_], *, with_log: bool) -> dict[str, int]:
    """Count subscribers by every fact a notice needs that is not known; a log of notices stands for the tenure."""
    lacking = {
        CURRENT_PLAN: ~held.plan_known,
        CONTRACT_LEFT: np.isnan(held.contract_left),
        TENURE: np.isnan(held.tenure) & ~(held.contract_left > 0) & (not with_log),
    }
    return {name: int((where & recent).sum()) for name, where in lacking.items()}


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


def _with_cells(bases: list[Basis], cells: CellUse, scheme: str) -> list[Basis]:
    """Return the bases with the cells of their months, where these are those of the usage."""
    found = basis_cells(cells.source.of([basis.subscriber_id for basis in bases]))
    nothing = BasisCells(scheme, ())
    told = [
        replace(basis, cells=found.get(basis.subscriber_id, nothing).within(scheme, basis.months)) for basis in bases
    ]
    told = [replace(basis, usage_sha256=usage_digest(basis)) for basis in told]
    fits = cells_fit(told, cells.pricing)
    return [one if fit else basis for one, fit, basis in zip(told, fits, bases, strict=True)]


def _millionths(values: FloatArray) -> IntArray:
    """Return usage as the rater reads it."""
    return np.rint(values * MILLIONTHS).astype(np.int64)


def _rows_counted(report: RowReport) -> dict[str, int | dict[str, int]]:
    """Return the account of a table as the header holds it."""
    counts = {name: dict(getattr(report, name)) for name in ("repaired", "rejected", "set_aside")}
    return {"read": report.read, "kept": report.kept, **counts}
