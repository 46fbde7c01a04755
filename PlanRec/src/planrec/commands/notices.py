"""`planrec notices`: best-tariff notices that are due, written or verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_utils.command_line.options import BatchWorkersOption, DryRunOption, SetOption
from common_utils.command_line.reading import reads_table
from planrec.commands.options import (
    ConfigOption,
    DayOption,
    HistoryOption,
    NoticeChoice,
    NoticeKindOption,
    NoticeOutputOption,
    NoticeUsageOption,
    PlansOption,
    PricedCellsOption,
    SentOption,
    VerifyOption,
)
from planrec.commands.requests import NoticeCommand, SettingsCommand

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = ["notices"]


@reads_table
def notices(
    *,
    reading: Reading,
    plans: PlansOption,
    usage: NoticeUsageOption = None,
    as_of: DayOption = None,
    output: NoticeOutputOption = None,
    kind: NoticeKindOption = NoticeChoice.both,
    sent: SentOption = None,
    history_months: HistoryOption = None,
    cells: PricedCellsOption = None,
    verify: VerifyOption = None,
    workers: BatchWorkersOption = None,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write the best-tariff notices that are due: yearly, and 10 to 40 days before the end of a contract."""
    from planrec.commands.run.notices import run_notices

    run_notices(
        NoticeCommand(
            SettingsCommand.of(config, overrides, reading=reading),
            plans,
            usage,
            None if as_of is None else as_of.date(),
            output,
            kind,
            sent=tuple(sent or ()),
            history_months=history_months,
            verify=verify,
            workers=workers,
            dry_run=dry_run,
            cells=cells,
        )
    )
