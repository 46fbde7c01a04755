"""`notices` and `notices-verify`: the files read, written and checked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

from common_utils.bundle import fingerprint_file
from common_utils.command_line.terminal import note, steps
from common_utils.tables import Reading
from planrec.batch.notices import notice_batch, read_sent, write_notices
from planrec.billing import load_catalogue
from planrec.months import RECENT_MONTHS
from planrec.notices import verify_notices
from planrec.notices.notice import versions_of
from planrec.notices.schedule import NoticeKind
from planrec.usage.read import read_usage_table

__all__ = ["run_notices", "run_verify"]


def run_notices(
    usage: Path,
    plans: Path,
    as_of: date,
    output: Path,
    *,
    history_months: int,
    kinds: Collection[NoticeKind],
    sent: Sequence[Path],
    reading: Reading | None = None,
    recent_months: int = RECENT_MONTHS,
) -> None:
    """Write the notices of a file of usage months and say who got none, and why."""
    catalogue = load_catalogue(plans)
    versions = versions_of(catalogue, fingerprint_file(plans))
    with steps() as step:
        step("reading usage months")
        data = read_usage_table(usage, catalogue=catalogue, reading=reading)
        log = read_sent(sent, as_of) if sent else None
    batch = notice_batch(
        data.months,
        catalogue,
        versions,
        as_of=as_of,
        history_months=history_months,
        kinds=kinds,
        sent=log,
        lost=data.lost,
        rows=data.reports[0],
        recent_months=recent_months,
    )
    write_notices(batch, catalogue, output)
    for report in data.reports:
        note(report.summary())
    for reason, count in batch.header.no_notice.items():
        if count:
            note(f"no notice, {reason}: {count:,} subscriber(s)")
    for kind, count in batch.header.notices.items():
        note(f"{kind}: {count:,} notice(s)")
    note(f"{len(batch.spans):,} notices for {batch.header.subscribers:,} subscribers written to {output}")


def run_verify(path: Path, plans: Path) -> None:
    """Work out every notice of a file again from its basis; leave with a gate error if one differs."""
    catalogue = load_catalogue(plans)
    count = verify_notices(path, catalogue, fingerprint_file(plans))
    note(f"{count:,} notices verified: every figure follows from its basis")
