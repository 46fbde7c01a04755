"""`planrec notices`: the files read, written and checked."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from common_utils.bundle import fingerprint_file
from common_utils.command_line.terminal import note
from common_utils.errors import ConfigError
from planrec.batch.command import say_expected
from planrec.batch.notices import NoticeRun, expected_notices, write_notices
from planrec.batch.sent import read_sent
from planrec.billing import Catalogue, load_catalogue
from planrec.commands.options import NoticeChoice
from planrec.commands.requests import NoticeCommand
from planrec.commands.settings import advice_settings, table_settings
from planrec.notices import verify_notices
from planrec.notices.notice import versions_of
from planrec.notices.schedule import NoticeKind

__all__ = ["run_notices"]

_TABLES = (".csv", ".gz", ".parquet", ".xlsx")


def run_notices(request: NoticeCommand) -> None:
    """Write the notices of a file of usage months and say who got none, and why; or verify those of a file.

    Raises
    ------
    ConfigError
        If what is asked for does not go together.
    """
    usage, as_of, output = request.usage, request.as_of, request.output
    if request.verify is not None:
        if usage or as_of or output or request.sent or request.dry_run:
            raise ConfigError("notices: --verify reads one file and writes none; give only --plans with it.")
        _run_verify(request.verify, request.plans)
        return
    if usage is None or as_of is None or output is None:
        raise ConfigError("notices: give --usage, --as-of and --output, or --verify with a file of notices.")
    reading, recent = table_settings(request.settings)
    catalogue = load_catalogue(request.plans)
    run = _run(request, catalogue, as_of, recent)
    if request.dry_run:
        say_expected(lambda: expected_notices(usage, run, reading=reading, workers=request.workers))
        return
    header, report, workers = write_notices(usage, run, output, reading=reading, workers=request.workers)
    note(report.summary())
    note(workers.words)
    for reason, count in header.no_notice.items():
        if count:
            note(f"no notice, {reason}: {count:,} subscriber(s)")
    for text in catalogue.left_out():
        note(text)
    unknown = {name: count for name, count in (header.unknown_facts or {}).items() if count}
    if unknown:
        note(f"unknown: {', '.join(f'{name} of {count:,}' for name, count in unknown.items())} subscriber(s)")
    for kind, count in header.notices.items():
        note(f"{kind}: {count:,} notice(s)")
    note(f"{sum(header.notices.values()):,} notices for {header.subscribers:,} subscribers written to {output}")
    _name_said(output)


def _run(request: NoticeCommand, catalogue: Catalogue, as_of: date, recent_months: int) -> NoticeRun:
    kinds: tuple[NoticeKind, ...] = ("end-of-contract", "yearly")
    if request.kind is not NoticeChoice.both:
        kinds = (request.kind.value,)
    return NoticeRun(
        catalogue,
        versions_of(catalogue, fingerprint_file(request.plans)),
        as_of,
        request.history_months or advice_settings(request.settings)[0].history_months,
        kinds,
        read_sent(request.sent, as_of) if request.sent else None,
        recent_months,
    )


def _name_said(output: Path) -> None:
    if output.suffix.lower() in _TABLES:
        note(f"{output.name} holds JSON lines, whatever its name says; a name in .jsonl is clearer")


def _run_verify(path: Path, plans: Path) -> None:
    """Work out every notice of a file again from its basis; leave with a gate error if one differs."""
    catalogue = load_catalogue(plans)
    count = verify_notices(path, catalogue, fingerprint_file(plans))
    note(f"{count:,} notices verified: every figure follows from its basis")
