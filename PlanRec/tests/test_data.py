from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import ConfigError, DataError
from planrec.billing import Catalogue
from planrec.columns import REQUIRED
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.data import load_usage, read_simulated
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.operator import simulate, write_simulation
from planrec.simulator.simulation import Simulation
from planrec.usage.event_files import read_event_tables
from planrec.usage.read import read_usage_table

HEADER = "subscriber_id,month,minutes,messages,megabytes"


def table(tmp_path: Path, *lines: str, header: str = HEADER) -> Path:
    path = tmp_path / "usage.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def settings(project_folder: Path, *overrides: str) -> PlanRecConfig:
    return load_planrec_config(project_folder, overrides=overrides, environ={})


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    config = SimulatorConfig(subscribers=30, months=3, event_subscribers=8)
    return simulate(config, catalogue, np.random.default_rng(42))


def test_usage_table_gives_the_one_form(tmp_path: Path) -> None:
    data = read_usage_table(table(tmp_path, "b,2025-01,1,2,3.5", "a,2025-02,1,2,3", "a,2025-01,0,0,0"))
    assert list(data.months.columns) == list(REQUIRED)
    assert data.months["month"].tolist() == ["2025-01", "2025-02", "2025-01"]
    assert data.months["subscriber_id"].tolist() == ["a", "a", "b"]
    assert [str(t) for t in data.months.dtypes] == ["str", "str", "float64", "float64", "float64"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("u,2025-13,1,1,1", "month: not a month (YYYY-MM)", id="month-13"),
        pytest.param("u,2025-1,1,1,1", "month: not a month (YYYY-MM)", id="month-of-one-digit"),
        pytest.param("u,,1,1,1", "month: missing", id="no-month"),
        pytest.param(",2025-01,1,1,1", "subscriber_id: missing", id="no-subscriber"),
        pytest.param("u,2025-01,-1,1,1", "minutes: not between 0 and 1,000,000,000", id="negative"),
        pytest.param("u,2025-01,1,,1", "messages: missing", id="no-messages"),
        pytest.param("u,2025-01,1,1,inf", "megabytes: not a number", id="endless"),
        pytest.param("u,2025-01,1,1,2000000000", "megabytes: not between 0 and 1,000,000,000", id="absurd"),
        pytest.param("ok,2025-01,1,1,1", "duplicate row", id="same-row-twice"),
        pytest.param("ok,2025-01,1,1,2", "conflicting row for the same key", id="same-month-twice"),
    ],
)
def test_usage_table_rejects_with_the_reason(tmp_path: Path, line: str, reason: str) -> None:
    data = read_usage_table(table(tmp_path, "ok,2025-01,1,1,1", line))
    assert data.reports[0].rejected == {reason: 1}
    assert len(data.months) == 1


def test_usage_table_reads_optional_columns_and_keeps_others(tmp_path: Path) -> None:
    header = HEADER + ",current_plan,decision,age,tenure_months,contract_months_left,partial,score,region"
    path = table(
        tmp_path,
        "a,2025-01,1,1,1,surf,review,30,4,0,true,0.5,north",
        "a,2025-02,1,1,1,,,,,,false,,7",
        "a,2025-03,1,1,1,surf,boredom,30,4,0,false,1,north",
        header=header,
    )
    data = read_usage_table(path)
    months = data.months
    assert data.reports[0].rejected == {"decision: none of activation, contract_end, bill_shock, review, contact": 1}
    assert months["current_plan"].isna().tolist() == [False, True]
    assert months["partial"].tolist() == [True, False]
    assert months["score"].dtype == "float64"  # numbers only
    assert months["score"].isna().tolist() == [False, True]
    assert months["region"].tolist() == ["north", "7"]  # text among them: kept as text


def test_usage_table_is_read_through_a_column_mapping(tmp_path: Path) -> None:
    path = table(tmp_path, "a;2025-01;1;1;12,5", header="kunde;monat;minutes;messages;mb")
    columns = {"kunde": "subscriber_id", "monat": "month", "mb": "megabytes"}
    assert read_usage_table(path, columns=columns).months["megabytes"].tolist() == [12.5]


def test_usage_table_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 of 1 rows cannot be used"):
        read_usage_table(table(tmp_path, "a,2025-13,1,1,1"))


def test_simulation_is_read_back_as_it_was(tmp_path: Path, operator: Simulation) -> None:
    write_simulation(operator, tmp_path)
    data = read_simulated(tmp_path)
    pd.testing.assert_frame_equal(data.months, operator.months, check_exact=True)
    assert data.reports[0].rejected == {}


def test_simulation_events_read_back_are_its_months(tmp_path: Path, operator: Simulation, catalogue: Catalogue) -> None:
    write_simulation(operator, tmp_path)
    data = read_event_tables(tmp_path / "events", catalogue)
    ids = operator.subscribers["subscriber_id"].head(8)
    expected = operator.months[operator.months["subscriber_id"].isin(ids)][list(REQUIRED)]
    pd.testing.assert_frame_equal(data.months[list(REQUIRED)], expected.reset_index(drop=True), check_exact=True)


def test_load_takes_a_plan_that_is_in_no_rate_card_as_unknown(
    tmp_path: Path, project_folder: Path, catalogue: Catalogue
) -> None:
    path = table(tmp_path, "a,2025-01,1,1,1,unlimited", "a,2025-02,1,1,1,ghost", header=HEADER + ",current_plan")
    data = load_usage(settings(project_folder, "data.source=table", f"data.folder={path}"), catalogue, tmp_path)
    assert data.months["current_plan"].isna().tolist() == [False, True]
    assert data.reports[0].repaired == {"current_plan: not in the rate card, taken as unknown": 1}


def test_load_simulates_where_no_folder_is_named(project_folder: Path, catalogue: Catalogue) -> None:
    config = settings(project_folder, "simulator.subscribers=30", "simulator.months=3", "training.seed=42")
    loaded = load_usage(config, catalogue, project_folder).months
    direct = simulate(config.simulator, catalogue, np.random.default_rng(42)).months
    pd.testing.assert_frame_equal(loaded, direct, check_exact=True)


def test_load_reads_the_folder_of_a_simulation(
    tmp_path: Path, project_folder: Path, catalogue: Catalogue, operator: Simulation
) -> None:
    write_simulation(operator, tmp_path / "sim")
    data = load_usage(settings(project_folder, "data.folder=sim"), catalogue, tmp_path)
    assert len(data.months) == len(operator.months)


def test_load_reads_a_table_and_events_of_a_user(tmp_path: Path, project_folder: Path, catalogue: Catalogue) -> None:
    table(tmp_path, "a,2025-01,1,1,1")
    config = settings(project_folder, "data.source=table", "data.folder=usage.csv")
    assert len(load_usage(config, catalogue, tmp_path).months) == 1
    (tmp_path / "messages.csv").write_text("subscriber_id,date\na,2025-03-01\n")
    config = settings(project_folder, "data.source=table", "data.folder=.", "data.table.kind=events")
    assert load_usage(config, catalogue, tmp_path).months["month"].tolist() == ["2025-03"]


@pytest.mark.parametrize("source", ["table", "megaline"])
def test_load_says_what_to_set_where_no_folder_is_named(
    source: str, project_folder: Path, catalogue: Catalogue
) -> None:
    config = settings(project_folder, f"data.source={source}")
    with pytest.raises(ConfigError, match=r"set `data\.folder`"):
        load_usage(config, catalogue, project_folder, environ={})


def test_load_finds_megaline_through_the_environment(tmp_path: Path, project_folder: Path, megaline: Catalogue) -> None:
    config = settings(project_folder, "data.source=megaline")
    with pytest.raises(DataError, match=r"megaline_\w+\.csv"):
        load_usage(config, megaline, project_folder, environ={"PORTFOLIO_DATA": str(tmp_path)})


@pytest.mark.realdata
def test_load_reads_the_real_megaline(project_folder: Path, megaline: Catalogue, megaline_folder: Path) -> None:
    config = settings(project_folder, "data.source=megaline")
    data = load_usage(config, megaline, project_folder, environ={"PORTFOLIO_DATA": str(megaline_folder)})
    assert len(data.months) == 3313
