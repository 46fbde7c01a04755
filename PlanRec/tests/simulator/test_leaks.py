from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import LeakageError
from planrec.billing import Catalogue
from planrec.columns import OPTIONAL, REQUIRED
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.decisions import decision_table
from planrec.preparation import leak_report, prepare
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.leaks import with_leaks
from planrec.simulator.operator import simulate

ALL = ("monthly_charge", "overage_fee", "plan_discount_code", "next_month_usage", "retention_call", "account_ref")
MONTHS = pd.DataFrame(
    {
        "subscriber_id": ["a", "a", "a", "b"],
        "month": ["2025-01", "2025-02", "2025-03", "2025-01"],
        "minutes": [1.0, 510, 0, 7],
        "messages": [0.0, 0, 0, 7],
        "megabytes": [1.0, 2, 3, 7],
        "current_plan": ["surf", "surf", "ultimate", "surf"],
    }
)


def test_no_leak_by_default(catalogue: Catalogue) -> None:
    operator = simulate(SimulatorConfig(subscribers=20, months=3), catalogue, np.random.default_rng(1))
    assert set(operator.months.columns) == {*REQUIRED, *OPTIONAL}


@pytest.mark.parametrize(
    ("leak", "expected"),
    [
        pytest.param("monthly_charge", [20.3, 70, None, None], id="bill-of-the-month-after"),
        pytest.param("overage_fee", [0.3, 0, None, None], id="its-overage"),
        pytest.param("plan_discount_code", ["DISC-00", "DISC-01", None, None], id="a-code-for-its-plan"),
        pytest.param("next_month_usage", [2, 3, None, None], id="its-megabytes"),
        pytest.param("retention_call", [0, 1, None, None], id="whether-the-plan-changes"),
        pytest.param("account_ref", [1e7, 2e7 + 1, None, None], id="an-id-from-the-plan"),
    ],
)
def test_leak_holds_what_belongs_to_the_month_after(megaline: Catalogue, leak: str, expected: list[object]) -> None:
    leaking = with_leaks(MONTHS, megaline, (leak,))  # type: ignore[arg-type]
    assert list(leaking.columns) == [*MONTHS.columns, leak]
    assert [None if pd.isna(v) else v for v in leaking[leak]] == expected
    assert leak not in MONTHS.columns


def test_every_leak_can_be_switched_on_together(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=20, months=3, leaks=ALL)
    operator = simulate(config, catalogue, np.random.default_rng(1))
    assert list(operator.months.columns[-6:]) == list(ALL)
    plain = simulate(SimulatorConfig(subscribers=20, months=3), catalogue, np.random.default_rng(1))
    assert operator.months[plain.months.columns].equals(plain.months)


@pytest.mark.parametrize(("process", "profile"), [("logit", "heavy"), ("satisficing", "light")])
def test_each_leak_is_caught_alone_and_all_together(
    settings: PlanRecConfig, catalogue: Catalogue, process: str, profile: str
) -> None:
    world = settings.simulator.model_copy(update={"choice_process": process, "profile": profile})
    months = simulate(world, catalogue, np.random.default_rng(7)).months

    def caught(*leaks: str) -> list[str]:
        leaking = with_leaks(months, catalogue, leaks)  # type: ignore[arg-type]
        report = leak_report(settings, leaking, decision_table(leaking, history_months=6))
        return [name for finding in report.findings for name in finding.columns]

    assert sorted(caught(*ALL)) == sorted(ALL)
    assert {leak: caught(leak) for leak in ALL} == {leak: [leak] for leak in ALL}
    assert caught() == []


@pytest.mark.parametrize("leak", ["overage_fee", "next_month_usage", "retention_call"])
def test_a_leak_stops_a_training_run_by_name_until_it_is_dropped(
    small: tuple[str, ...], project_folder: Path, leak: str
) -> None:
    leaking = (*small, f"simulator.leaks=[{leak}]")
    with pytest.raises(LeakageError, match=rf"\['{leak}'\].*drop_columns"):
        prepare(load_planrec_config(project_folder, overrides=leaking, environ={}), project_folder, lambda _: None)
    dropped = (*leaking, f"data.simulator.drop_columns=[subscriber_id, month, partial, {leak}]")
    config = load_planrec_config(project_folder, overrides=dropped, environ={})
    assert len(prepare(config, project_folder, lambda _: None).train)
