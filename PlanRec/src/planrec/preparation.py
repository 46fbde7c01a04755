"""From usage months to decision rows that are split and audited: what every run needs before a model is fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from common_utils.config import resolve_path
from common_utils.errors import DataError
from common_utils.leakage import LeakageReport, audit
from common_utils.leakage.panel import audit_panel
from common_utils.splits import assert_apart, group_holdout, time_holdout
from common_utils.tables import Reading
from planrec.billing import Catalogue, load_catalogue
from planrec.columns import AGE, CURRENT_PLAN, DECISION, MONTH, SUBSCRIBER, USAGE
from planrec.config import PlanRecConfig
from planrec.data import load_usage
from planrec.decisions import decision_table, plan_indices
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.months import month_indices, month_text
from planrec.rules import Rules, configured_rules
from planrec.usage.months_table import UsageData

__all__ = ["Prepared", "Step", "leak_report", "longest_history", "prepare", "prepare_usage"]

Step = Callable[[str], None]

_LONGEST_BASELINE = 6  # months the re-rating baselines look back over


@dataclass(frozen=True)
class Prepared:
    """Everything a run needs before a model is fitted.

    Attributes
    ----------
    catalogue : Catalogue
    data : UsageData
        Usage months with the account of every row read.
    decisions : DataFrame
        All decision rows, index 0 .. n-1.
    train_index, test_index : int64 arrays
        Positions in `decisions`; no subscriber is in both, and every test month lies after every training month.
    rules : Rules
        They name only plans of the catalogue.
    unseen : object array
        Subscribers set aside: nothing is learnt from any of their rows, whether they decide in a test month or not.
    """

    catalogue: Catalogue
    data: UsageData
    decisions: pd.DataFrame
    train_index: IntArray
    test_index: IntArray
    rules: Rules
    unseen: NDArray[np.object_]

    @property
    def train(self) -> pd.DataFrame:
        """Decision rows the model learns from."""
        return self.decisions.iloc[self.train_index]

    @property
    def test(self) -> pd.DataFrame:
        """Decision rows of unseen subscribers in later months."""
        return self.decisions.iloc[self.test_index]

    @property
    def training_months(self) -> pd.DataFrame:
        """Usage months a forecast may learn from: of subscribers not set aside, before the first month tested."""
        months = self.data.months
        earlier = months[MONTH] < self.test[MONTH].min()
        return months[earlier & ~months[SUBSCRIBER].isin(self.unseen)].reset_index(drop=True)


def longest_history(config: PlanRecConfig) -> int:
    """Return how many months a decision row carries: what the model, the advice and every baseline look back over."""
    return max(config.features.history_months, config.advice.history_months, _LONGEST_BASELINE)


def prepare(
    config: PlanRecConfig, project: Path, step: Step, reading: Reading | None = None, *, audited: bool = True
) -> Prepared:
    """Load, build decision rows, split, and audit for leaks.

    Parameters
    ----------
    config : PlanRecConfig
    project : Path
        Folder that relative paths count from.
    step : callable
        Told in a few words what begins.
    reading : Reading, optional
        What the command line says over `data.table`.
    audited : bool, default=True
        Whether to audit for leaks; False for tables known to have none, which an audit would only pass.

    Raises
    ------
    ConfigError
        If the rate card or the rules cannot be used.
    DataError
        If the data cannot be read or are too few to split.
    LeakageError
        If a column that is not under `drop_columns` reveals the target, or the split is not clean.
    """
    catalogue = load_catalogue(resolve_path(project, config.data.chosen().plans))
    rules = configured_rules(config.rules, project, catalogue)
    step("reading usage months")
    data = load_usage(config, catalogue, project, reading=reading)
    if reading is not None:
        for report in data.reports:
            reading.accounts.update(report)
    return prepare_usage(config, catalogue, rules, data, step, audited=audited)


def prepare_usage(
    config: PlanRecConfig, catalogue: Catalogue, rules: Rules, data: UsageData, step: Step, *, audited: bool = True
) -> Prepared:
    """Build the decision rows of usage months that were read, split, and audit for leaks.

    Parameters
    ----------
    config : PlanRecConfig
    catalogue : Catalogue
    rules : Rules
    data : UsageData
    step, audited
        As in `prepare`.

    Raises
    ------
    DataError, LeakageError
        As `prepare`.
    """
    source = config.data.chosen()
    decisions = decision_table(data.months, history_months=longest_history(config))
    # Age stays for eligibility, the plan held for what policies save; the settings keep both from being features.
    stays = (SUBSCRIBER, MONTH, CURRENT_PLAN, AGE)
    decisions = decisions.drop(columns=[c for c in source.drop_columns if c in decisions.columns and c not in stays])
    known = plan_indices(decisions[CHOSEN_PLAN], catalogue) >= 0
    if not known.all():
        raise DataError(
            f"usage months: {int((~known).sum())} decision(s) end on a plan that is missing or not in rate card "
            f"{catalogue.version!r}; add the plan or map its name."
        )
    train_index, test_index = _split(config, decisions, source.horizon_months)
    if audited:
        step("auditing for leaks")
        leak_report(config, data.months, decisions, train_index, test_index).raise_for_findings()
    subscribers = data.months[SUBSCRIBER].unique().astype(object)
    _, unseen = group_holdout(subscribers, share=config.training.split.test_share, seed=config.training.seed)
    return Prepared(catalogue, data, decisions, train_index, test_index, rules, subscribers[unseen])


def leak_report(
    config: PlanRecConfig,
    months: pd.DataFrame,
    decisions: pd.DataFrame,
    train_index: IntArray | None = None,
    test_index: IntArray | None = None,
) -> LeakageReport:
    """Audit what a model would learn from.

    Parameters
    ----------
    config : PlanRecConfig
        The chosen source's `drop_columns` are not audited; `with_current_plan` allows the plan held before.
    months : DataFrame
        Usage months: a column that only the month after explains is from the future.
    decisions : DataFrame
        Their decision rows, as `decision_table` gives them: a column that tells the plan taken, or who changes plan,
        is a leak.
    train_index, test_index : int64 arrays, optional
        Positions in `decisions`; without them the split is not audited.

    Returns
    -------
    LeakageReport
        One finding for each column, however many ways it was found.
    """
    source, keys = config.data.chosen(), (SUBSCRIBER, MONTH)  # no features, but what the audit groups and dates rows by
    dropped = [c for c in source.drop_columns if c not in keys]
    report = audit(
        decisions.drop(columns=dropped, errors="ignore"),
        CHOSEN_PLAN,
        groups=SUBSCRIBER,
        allowed=(CURRENT_PLAN,) if source.with_current_plan else (),
        decision_month=MONTH,
        train_index=train_index,
        test_index=test_index,
        seed=config.training.seed,
    )
    known = [c for c in (*USAGE, CURRENT_PLAN) if c in months.columns]
    unseen = {*dropped, DECISION} - set(known)  # why a decision was taken enters no decision row
    late = audit_panel(
        months.drop(columns=list(unseen), errors="ignore"),
        groups=SUBSCRIBER,
        month=MONTH,
        known=known,
        seed=config.training.seed,
    )
    found = {finding.columns for finding in report.findings}
    further = tuple(finding for finding in late.findings if finding.columns not in found)
    return LeakageReport((*report.findings, *further), (*report.notes, *late.notes))


def _split(config: PlanRecConfig, decisions: pd.DataFrame, horizon: int) -> tuple[IntArray, IntArray]:
    """Train on some subscribers' earlier decisions, test on the others' later ones that have a whole horizon."""
    split = config.training.split
    months = month_indices(decisions[MONTH])
    groups = decisions[SUBSCRIBER].to_numpy()
    last_test = int(months.max()) - horizon + 1
    first_test = last_test - split.test_months + 1
    if first_test <= months.min():
        raise DataError(
            f"decision rows: none lie before {month_text(first_test)}, the first test month; give more months, or "
            "lower `training.split.test_months` or the source's `horizon_months`."
        )
    seen, unseen = group_holdout(groups, share=split.test_share, seed=config.training.seed)
    earlier, later = time_holdout(months, first_test_month=first_test)
    train_index = np.intersect1d(seen, earlier)
    test_index = np.intersect1d(unseen, later)
    test_index = test_index[months[test_index] <= last_test]
    if not len(train_index) or not len(test_index):
        raise DataError(
            f"decision rows: {len(train_index)} to train on and {len(test_index)} to test on from "
            f"{month_text(first_test)}; give more subscribers, or another `training.split.test_share`."
        )
    assert_apart(groups, train_index, test_index)
    return train_index, test_index
