"""`planrec notices`: the files read, written and checked."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from common_utils.bundle import fingerprint_file
from common_utils.command_line.terminal import note
from common_utils.errors import ConfigError
from planrec.advice.from_cells import CellPricing
from planrec.batch.cell_use import CellUse
from planrec.batch.command import say_expected
from planrec.batch.notices import NoticeRun, expected_notices, write_notices
from planrec.batch.sent import read_sent
from planrec.billing import Catalogue, load_catalogue
from planrec.billing.cell_months import load_cell_plans
from planrec.commands.options import NoticeChoice
from planrec.commands.requests import NoticeCommand
from planrec.commands.settings import advice_settings, table_settings
from planrec.notices import verify_notices
from planrec.notices.files import NoticeHeader
from planrec.notices.notice import versions_of
from planrec.notices.schedule import NoticeKind
from planrec.notices.verification import check_card_bytes

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
        if usage or as_of or output or request.sent or request.cells or request.dry_run:
            raise ConfigError("notices: --verify reads one file and writes none; give only --plans with it.")
        _run_verify(request.verify, request.plans)
        return
    if usage is None or as_of is None or output is None:
        raise ConfigError("notices: give --usage, --as-of and --output, or --verify with a file of notices.")
    reading, recent = table_settings(request.settings)
    cells = None if request.cells is None else CellUse.read(request.cells, load_cell_plans(request.plans))
    catalogue = load_catalogue(request.plans) if cells is None else cells.pricing.plans.wide
    run = _run(request, catalogue, as_of, recent, cells)
    if request.dry_run:
        say_expected(lambda: expected_notices(usage, run, reading=reading, workers=request.workers))
        return
    header, report, workers = write_notices(usage, run, output, reading=reading, workers=request.workers)
    _tell(header, report.summary(), workers.words, *catalogue.left_out())
    note(f"{sum(header.notices.values()):,} notices for {header.subscribers:,} subscribers written to {output}")
    _name_said(output)


def _tell(header: NoticeHeader, *read: str) -> None:
    """Say what was read, who got no notice and why, and what was not known."""
    for text in read:
        note(text)
    if header.cells is not None and header.cells.lacking:
        note(
            f"{header.cells.lacking:,} subscriber(s) who are due lack cells of a month, or have cells that contradict "
            "their usage: plans that cells price are not compared for them (NEEDS_USAGE_DETAIL)"
        )
    for reason, count in header.no_notice.items():
        if count:
            note(f"no notice, {reason}: {count:,} subscriber(s)")
    unknown = {name: count for name, count in (header.unknown_facts or {}).items() if count}
    if unknown:
        note(f"unknown: {', '.join(f'{name} of {count:,}' for name, count in unknown.items())} subscriber(s)")
    for kind, count in header.notices.items():
        note(f"{kind}: {count:,} notice(s)")


def _run(
    request: NoticeCommand, catalogue: Catalogue, as_of: date, recent_months: int, cells: CellUse | None
) -> NoticeRun:
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
        cells,
    )


def _name_said(output: Path) -> None:
    if output.suffix.lower() in _TABLES:
        note(f"{output.name} holds JSON lines, whatever its name says; a name in .jsonl is clearer")


def _run_verify(path: Path, plans: Path) -> None:
    """Work out every notice of a file again from its basis; leave with a gate error if one differs."""
    sha256 = fingerprint_file(plans)
    if check_card_bytes(path, sha256).cells is None:
        count = verify_notices(path, load_catalogue(plans), sha256)
    else:
        pricing = CellPricing(load_cell_plans(plans))
        count = verify_notices(path, pricing.plans.wide, sha256, pricing)
    note(f"{count:,} notices verified: every figure follows from its basis")
