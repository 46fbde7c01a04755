"""Do the safeguards hold? Plant leaks and defects in simulated operators, and count what is caught and accounted."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from common_utils.config import resolve_path
from common_utils.tables import RowReport
from planrec.billing import MAX_USAGE, Catalogue, load_catalogue
from planrec.columns import CURRENT_PLAN, MEGABYTES, MONTH, SUBSCRIBER
from planrec.config import PlanRecConfig
from planrec.decisions import decision_table
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.preparation import Step, leak_report, longest_history
from planrec.simulator.config import DefectConfig, Leak
from planrec.simulator.decoys import with_legitimate_columns
from planrec.simulator.leaks import with_leaks
from planrec.simulator.operator import DEFECTS_FILE, USAGE_MONTHS_FILE, simulate, write_simulation
from planrec.usage.event_files import read_event_tables
from planrec.usage.months_table import UNKNOWN_PLAN
from planrec.usage.read import read_usage_table

__all__ = ["CHOICE_PROCESSES", "PROFILES", "DefectFigures", "LeakFigures", "TableAccount", "defect_study", "leak_study"]

CHOICE_PROCESSES, PROFILES = ("logit", "satisficing"), ("heavy", "light")

_LEAKS: tuple[Leak, ...] = get_args(Leak)
_USAGE_MONTHS_CSV = "usage_months.csv"
_REJECTED = {
    "duplicates": "duplicate row",
    "negatives": f"{MEGABYTES}: not between 0 and {MAX_USAGE:,}",
    "month_13": f"{MONTH}: not a month (YYYY-MM)",
    "plan_changed": "conflicting row for the same key",
    "clock_shift": "before reg_date",
    "orphans": "subscriber not in the list",
}
_REPAIRED = {"unknown_plan": UNKNOWN_PLAN, "decimal_comma": f"{MEGABYTES}: decimal comma"}


@dataclass(frozen=True)
class LeakFigures:
    """What the leak audit of a training run found on operators with planted leaks and with honest columns only.

    Attributes
    ----------
    operators : int
        Simulated operators, each audited with and without leaks.
    injected, caught : int
        Leaks planted over all operators, and those that stop the run.
    legitimate, accused : int
        Honest columns audited over all operators, and those the audit called a leak.
    missed_leaks, accused_columns : tuple of str
        `seed 3, logit, heavy: overage_fee`.

    Examples
    --------
    >>> LeakFigures(1, 6, 6, 40, 0, (), ()).caught
    6
    """

    operators: int
    injected: int
    caught: int
    legitimate: int
    accused: int
    missed_leaks: tuple[str, ...]
    accused_columns: tuple[str, ...]


@dataclass(frozen=True)
class TableAccount:
    """What a reader made of the rows of one damaged file.

    Attributes
    ----------
    file : str
        With the seed it was damaged by.
    rows : int
        In the file, counted without the reader.
    report : RowReport
        The reader's account: read = kept + rejected; the repaired are among the kept.
    planted, reported : dict of str to int
        Damaged rows by defect: in the ledger, and under the reason the reader should give.
    """

    file: str
    rows: int
    report: RowReport
    planted: dict[str, int]
    reported: dict[str, int]

    @property
    def unaccounted(self) -> int:
        """Rows not read, defects without their reason, and reasons without a defect."""
        unread = abs(self.rows - self.report.read)
        unlike = sum(abs(count - self.reported[defect]) for defect, count in self.planted.items())
        expected = {_REJECTED[defect] for defect in self.planted if defect in _REJECTED}
        stray = sum(count for reason, count in self.report.rejected.items() if reason not in expected)
        return unread + unlike + stray


@dataclass(frozen=True)
class DefectFigures:
    """What the readers made of all damaged files.

    Attributes
    ----------
    accounts : tuple of TableAccount
        One for each file and seed.
    """

    accounts: tuple[TableAccount, ...]

    @property
    def rows(self) -> int:
        """Rows in the files."""
        return sum(account.rows for account in self.accounts)

    @property
    def kept(self) -> int:
        """Rows kept, the repaired among them."""
        return sum(account.report.kept for account in self.accounts)

    @property
    def repaired(self) -> int:
        """Damaged rows that were repaired."""
        return sum(account.reported[d] for account in self.accounts for d in account.planted if d in _REPAIRED)

    @property
    def rejected(self) -> int:
        """Rows rejected with a reason."""
        return sum(sum(account.report.rejected.values()) for account in self.accounts)

    @property
    def planted(self) -> int:
        """Damaged rows in the ledgers."""
        return sum(sum(account.planted.values()) for account in self.accounts)

    @property
    def unaccounted(self) -> int:
        """Rows that are in no account, or in it for another reason than their defect; 0 is what is promised."""
        return sum(account.unaccounted for account in self.accounts)


def leak_study(
    config: PlanRecConfig,
    project: Path,
    seeds: Sequence[int],
    step: Step,
    *,
    processes: Sequence[str] = CHOICE_PROCESSES,
    profiles: Sequence[str] = PROFILES,
) -> LeakFigures:
    """Audit simulated operators with every leak and with a table full of honest columns.

    The leaks are planted together: the audit judges each column by itself, and a test holds it to that.

    Parameters
    ----------
    config : PlanRecConfig
        The operator is that of `simulator`, the audit that of a training run.
    project : Path
        Folder that relative paths count from.
    seeds : sequence of int
        One operator for each seed, choice process and profile.
    step : callable
        Told which operator is next.
    processes, profiles : sequence of str
        Values of `simulator.choice_process` and `simulator.profile`.

    Returns
    -------
    LeakFigures
    """
    source = config.data.model_copy(update={"source": "simulator", "folder": None})
    config = config.model_copy(update={"data": source})
    catalogue = load_catalogue(resolve_path(project, source.simulator.plans))
    missed: list[str] = []
    accused: list[str] = []
    operators = legitimate = 0
    for seed, process, profile in ((s, c, p) for s in seeds for c in processes for p in profiles):
        name = f"seed {seed}, {process}, {profile}"
        step(f"leak audit: {name}")
        world = config.simulator.model_copy(update={"choice_process": process, "profile": profile, "leaks": ()})
        operator = simulate(world, catalogue, np.random.default_rng(seed))
        honest = with_legitimate_columns(operator.months, operator.catalogue, np.random.default_rng([seed, 1]))
        audited, found = _audited(config, honest)
        _, leaking = _audited(config, with_leaks(operator.months, operator.catalogue, _LEAKS))
        operators, legitimate = operators + 1, legitimate + audited
        missed += [f"{name}: {leak}" for leak in _LEAKS if leak not in leaking]
        accused += [f"{name}: {column}" for column in sorted(found | leaking - {*_LEAKS})]
    injected = operators * len(_LEAKS)
    return LeakFigures(
        operators, injected, injected - len(missed), legitimate, len(accused), tuple(missed), tuple(accused)
    )


def _audited(config: PlanRecConfig, months: pd.DataFrame) -> tuple[int, set[str]]:
    """Return how many columns were audited, and which were called a leak."""
    decisions = decision_table(months, history_months=longest_history(config))
    report = leak_report(config, months, decisions)
    apart = {CHOSEN_PLAN, CURRENT_PLAN, SUBSCRIBER, MONTH, *config.data.simulator.drop_columns}
    return len(set(decisions.columns) - apart), {name for finding in report.findings for name in finding.columns}


def defect_study(
    config: PlanRecConfig, project: Path, seeds: Sequence[int], step: Step, *, share: float = 0.02
) -> DefectFigures:
    """Write damaged operators, read every table back, and hold the readers' accounts against the ledgers.

    Parameters
    ----------
    config : PlanRecConfig
        The operator is that of `simulator`; its `event_subscribers` have events.
    project : Path
        Folder that relative paths count from.
    seeds : sequence of int
        One operator each.
    step : callable
        Told which operator is next.
    share : float
        Of the rows, for every one of the defects, 0 to 0.1.

    Returns
    -------
    DefectFigures
        The usage months as Parquet and as CSV, and the three tables of events with their subscribers.
    """
    catalogue = load_catalogue(resolve_path(project, config.data.simulator.plans))
    defects = DefectConfig.model_validate(dict.fromkeys(DefectConfig.model_fields, share))
    world = config.simulator.model_copy(update={"defects": defects, "leaks": ()})
    accounts: list[TableAccount] = []
    for seed in seeds:
        step(f"damaged tables: seed {seed}")
        operator = simulate(world, catalogue, np.random.default_rng(seed))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_simulation(operator, folder)
            ledger = json.loads((folder / DEFECTS_FILE).read_text(encoding="utf-8"))
            for file, report in _read_back(folder, operator.catalogue).items():
                accounts.append(_account(f"seed {seed}: {file}", folder / file, report, ledger.get(file, {})))
    return DefectFigures(tuple(accounts))


def _read_back(folder: Path, catalogue: Catalogue) -> dict[str, RowReport]:
    months = {
        file: read_usage_table(folder / file, catalogue=catalogue).reports[0]
        for file in (USAGE_MONTHS_FILE, _USAGE_MONTHS_CSV)
    }
    events = read_event_tables(folder / "events", catalogue).reports
    return {**months, **{f"events/{report.table}.parquet": report for report in events}}


def _account(name: str, path: Path, report: RowReport, planted: Mapping[str, int]) -> TableAccount:
    given = {**report.rejected, **report.repaired}
    reported = {defect: given.get({**_REJECTED, **_REPAIRED}[defect], 0) for defect in planted}
    return TableAccount(name, _rows(path), report, dict(planted), reported)


def _rows(path: Path) -> int:
    if path.suffix == ".parquet":
        return int(pq.ParquetFile(path).metadata.num_rows)
    with path.open(encoding="utf-8") as lines:
        return sum(1 for _ in lines) - 1
