from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from common_utils.tables import RowReport
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.simulator.config import DefectConfig
from planrec.study import safeguards
from planrec.study.safeguards import DefectFigures, LeakFigures, TableAccount, defect_study, leak_study

SIZE = ("simulator.subscribers=1200", "simulator.event_subscribers=20")


@pytest.fixture(scope="module")
def config(project_folder: Path) -> PlanRecConfig:
    return load_planrec_config(project_folder, overrides=SIZE, environ={})


@pytest.fixture(scope="module")
def damaged(config: PlanRecConfig, project_folder: Path) -> DefectFigures:
    smaller = config.simulator.model_copy(update={"subscribers": 200, "months": 5})
    return defect_study(
        config.model_copy(update={"simulator": smaller}), project_folder, (1, 2), lambda _: None, share=0.03
    )


def test_leak_study_catches_every_leak_and_accuses_no_honest_column(
    config: PlanRecConfig, project_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    figures = leak_study(config, project_folder, (3,), told.append, profiles=("heavy",))
    assert (figures.missed_leaks, figures.accused_columns) == ((), ())
    assert (figures.operators, figures.injected, figures.caught, figures.accused) == (2, 12, 12, 0)
    assert figures.legitimate == 2 * (18 + 3 + 24)  # usage of six months, the operator's own columns, further ones
    assert told == ["leak audit: seed 3, logit, heavy", "leak audit: seed 3, satisficing, heavy"]
    assert capsys.readouterr() == ("", "")


def test_leak_study_names_what_was_missed_and_who_was_accused(
    config: PlanRecConfig, project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def honest_leak(months: pd.DataFrame, *_: object) -> pd.DataFrame:
        return months.assign(monthly_charge=1.0, next_plan=months.groupby("subscriber_id")["current_plan"].shift(-1))

    monkeypatch.setattr(safeguards, "with_leaks", honest_leak)
    figures = leak_study(config, project_folder, (3,), lambda _: None, processes=("logit",), profiles=("light",))
    assert isinstance(figures, LeakFigures)
    assert (figures.injected, figures.caught, len(figures.missed_leaks), figures.accused) == (6, 0, 6, 1)
    assert figures.missed_leaks[0] == "seed 3, logit, light: monthly_charge"
    assert figures.accused_columns == ("seed 3, logit, light: next_plan",)


def test_defect_study_accounts_for_every_row(damaged: DefectFigures) -> None:
    assert damaged.unaccounted == 0
    assert [account.file for account in damaged.accounts[:6]] == [
        f"seed 1: {name}"
        for name in (
            "usage_months.parquet",
            "usage_months.csv",
            "events/calls.parquet",
            "events/messages.parquet",
            "events/sessions.parquet",
            "events/subscribers.parquet",
        )
    ]
    assert len(damaged.accounts) == 12
    assert damaged.rows == damaged.kept + damaged.rejected
    assert damaged.planted == damaged.repaired + damaged.rejected > 0
    defects = {defect for account in damaged.accounts for defect, count in account.planted.items() if count}
    assert defects == set(DefectConfig.model_fields)
    assert all(account.due == account.reported for account in damaged.accounts)


@pytest.mark.parametrize(
    ("change", "unaccounted"),
    [
        pytest.param({"rows": 11}, 1, id="row-not-read"),
        pytest.param({"reported": {"month_13": 1}}, 1, id="defect-without-its-reason"),
        pytest.param({"planted": {}, "reported": {}}, 2, id="reason-without-a-defect"),
        pytest.param({}, 0, id="all"),
    ],
)
def test_unaccounted_counts_rows_defects_and_reasons(change: dict[str, object], unaccounted: int) -> None:
    report = RowReport("usage months", 10, 8, {}, {"month: not a month (YYYY-MM)": 2})
    account = TableAccount("seed 1: usage_months.csv", 10, report, {"month_13": 2}, {"month_13": 2})
    changed = replace(account, **change)  # type: ignore[arg-type]
    assert changed.unaccounted == DefectFigures((changed, account)).unaccounted == unaccounted


def test_the_study_is_the_same_again(config: PlanRecConfig, project_folder: Path, damaged: DefectFigures) -> None:
    smaller = config.simulator.model_copy(update={"subscribers": 200, "months": 5})
    again = defect_study(
        config.model_copy(update={"simulator": smaller}), project_folder, (1, 2), lambda _: None, share=0.03
    )
    assert again == damaged
