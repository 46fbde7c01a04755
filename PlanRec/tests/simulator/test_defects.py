from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.billing import Catalogue
from planrec.columns import CURRENT_PLAN, KEY, USAGE
from planrec.data import read_simulated
from planrec.simulator.config import DefectConfig, SimulatorConfig
from planrec.simulator.defects import GHOST_PLAN, damaged_months
from planrec.simulator.operator import DEFECTS_FILE, simulate, write_simulation
from planrec.simulator.simulation import Simulation
from planrec.usage.event_files import read_event_tables
from planrec.usage.months_table import UNKNOWN_PLAN
from planrec.usage.read import read_usage_table

OF_MONTHS = ("duplicates", "negatives", "month_13", "unknown_plan", "plan_changed", "decimal_comma")
SIZE = {"subscribers": 200, "months": 5, "event_subscribers": 20}
EVERYTHING = DefectConfig.model_validate(dict.fromkeys(DefectConfig.model_fields, 0.02))


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    return simulate(SimulatorConfig.model_validate(SIZE), catalogue, np.random.default_rng(1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Path:
    """Tables with every defect."""
    config = SimulatorConfig.model_validate(SIZE | {"defects": EVERYTHING})
    path = tmp_path_factory.mktemp("damaged")
    written = write_simulation(simulate(config, catalogue, np.random.default_rng(1)), path)
    assert {path / DEFECTS_FILE, path / "usage_months.csv"} <= set(written)
    return path


def ledger(folder: Path) -> dict[str, dict[str, int]]:
    return json.loads((folder / DEFECTS_FILE).read_text(encoding="utf-8"))


def damaged(operator: Simulation, **shares: float) -> tuple[pd.DataFrame, np.ndarray, dict[str, int]]:
    return damaged_months(operator.months, operator.catalogue, DefectConfig(**shares), np.random.default_rng(4))


def test_defects_are_off_by_default(operator: Simulation, tmp_path: Path) -> None:
    assert not any(DefectConfig().model_dump().values())
    names = {p.name for p in write_simulation(operator, tmp_path)}
    assert not names & {DEFECTS_FILE, "usage_months.csv"}
    assert read_simulated(tmp_path).reports[0].rejected == {}
    months, commas, account = damaged(operator)
    pd.testing.assert_frame_equal(months, operator.months)
    assert not len(commas)
    assert not any(account.values())


@pytest.mark.parametrize("file", ["usage_months.parquet", "usage_months.csv"])
def test_reader_accounts_for_every_damaged_month(folder: Path, operator: Simulation, file: str) -> None:
    expected = ledger(folder)[file]
    data = read_usage_table(folder / file, catalogue=operator.catalogue)
    report = data.reports[0]
    assert report.rejected == {
        "month: not a month (YYYY-MM)": expected["month_13"],
        "megabytes: not between 0 and 1,000,000,000": expected["negatives"],
        "duplicate row": expected["duplicates"],
        "conflicting row for the same key": expected["plan_changed"],
    }
    assert report.read == len(operator.months) + expected["duplicates"] + expected["plan_changed"]
    assert report.read == report.kept + sum(report.rejected.values())
    assert GHOST_PLAN not in set(data.months[CURRENT_PLAN])
    assert data.months[CURRENT_PLAN].isna().sum() == report.repaired[UNKNOWN_PLAN] == expected["unknown_plan"]
    assert report.repaired.get("megabytes: decimal comma", 0) == expected.get("decimal_comma", 0)
    assert set(expected) == {*OF_MONTHS} - ({"decimal_comma"} if file.endswith("parquet") else set())
    assert min(expected.values()) > 10


def test_reader_accounts_for_every_damaged_event(folder: Path, catalogue: Catalogue) -> None:
    reports = {r.table: r for r in read_event_tables(folder / "events", catalogue).reports}
    for name in ("calls", "messages", "sessions"):
        expected = ledger(folder)[f"events/{name}.parquet"]
        assert reports[name].rejected == {
            "before reg_date": expected["clock_shift"],
            "subscriber not in the list": expected["orphans"],
        }
        assert min(expected.values()) > 10


def test_plan_changed_mid_month_splits_its_usage(operator: Simulation) -> None:
    months, _, account = damaged(operator, plan_changed=0.1)
    both = months[months.duplicated(list(KEY), keep=False)]
    assert len(both) == 2 * account["plan_changed"] > 0
    plans = both[CURRENT_PLAN].to_numpy().reshape(-1, 2)
    assert (plans[:, 0] != plans[:, 1]).all()
    whole = operator.months.merge(both[list(KEY)].drop_duplicates())[list(USAGE)].to_numpy()
    assert both.groupby(list(KEY))[list(USAGE)].sum().to_numpy() == pytest.approx(whole)


@settings(deadline=None, max_examples=25)
@given(shares=st.lists(st.floats(0, 0.1), min_size=6, max_size=6))
def test_no_row_has_two_defects(operator: Simulation, shares: list[float]) -> None:
    months, commas, account = damaged(operator, **dict(zip(OF_MONTHS, shares, strict=True)))
    n = len(operator.months)
    assert len(months) == n + account["duplicates"] + account["plan_changed"]
    dated = months[~months["month"].str.endswith("-13")]  # two months 13 of one subscriber have the same key
    by_hand = {
        "negatives": int((months["megabytes"] < 0).sum()),
        "month_13": int(months["month"].str.endswith("-13").sum()),
        "unknown_plan": int((months[CURRENT_PLAN] == GHOST_PLAN).sum()),
        "duplicates": int(months.duplicated().sum()),
        "plan_changed": int((dated.duplicated(list(KEY)) & ~dated.duplicated()).sum()),
    }
    assert by_hand == account
    assert account == {kind: round(shares[OF_MONTHS.index(kind)] * n) for kind in account}
    assert len(commas) == round(shares[5] * n)
    clean = months.iloc[commas]
    assert (clean["megabytes"] >= 0).all()
