from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planrec.billing import Catalogue
from planrec.columns import CURRENT_PLAN, DECISION, KEY, MONTH, OPTIONAL, PARTIAL, REQUIRED, SUBSCRIBER, TENURE
from planrec.decisions import decision_table
from planrec.simulator.config import ChurnConfig, SimulatorConfig
from planrec.simulator.operator import simulate, write_simulation
from planrec.simulator.simulation import Simulation

CONFIG = SimulatorConfig(subscribers=300, months=6)


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    return simulate(CONFIG, catalogue, np.random.default_rng(42))


def digest(frame: pd.DataFrame) -> str:
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()


def test_simulate_gives_the_one_table_form(operator: Simulation) -> None:
    months = operator.months
    assert list(months.columns) == [*REQUIRED, *OPTIONAL]
    assert not months.duplicated(list(KEY)).any()
    assert months.equals(months.sort_values(list(KEY), ignore_index=True))
    assert sorted(months[MONTH].unique()) == [f"2025-0{m}" for m in range(1, 7)]
    assert months.drop(columns=DECISION).notna().all(axis=None)
    assert {str(months[c].dtype) for c in (*KEY, CURRENT_PLAN, DECISION)} == {"str"}


def test_simulate_gives_each_subscriber_every_month_from_the_first_one(operator: Simulation) -> None:
    months = operator.months
    tenure = months.groupby(SUBSCRIBER)[TENURE]
    assert (tenure.diff().dropna() == 1).all()
    left = operator.subscribers.set_index(SUBSCRIBER)["churn_date"]
    assert (months.groupby(SUBSCRIBER)[MONTH].last() == left.dt.strftime("%Y-%m").fillna("2025-06")).all()
    assert left.notna().any()
    activated = months[DECISION] == "activation"
    assert (months[TENURE][activated] == 0).all()
    assert activated.sum() == (tenure.first() == 0).sum() > 0
    assert (left.dropna() == left.dropna() + pd.offsets.MonthEnd(0)).all()
    assert (months[TENURE][months[PARTIAL]] == 0).all()
    assert months[PARTIAL].any()


def test_simulate_lists_subscribers_with_their_first_day(operator: Simulation) -> None:
    first = operator.months.drop_duplicates(SUBSCRIBER)
    assert operator.subscribers[SUBSCRIBER].tolist() == first[SUBSCRIBER].tolist()
    assert operator.subscribers["reg_date"].dt.strftime("%Y-%m").tolist() == first[MONTH].tolist()
    assert ((operator.subscribers["reg_date"].dt.day > 1).to_numpy() == first[PARTIAL].to_numpy()).all()


def test_simulate_keeps_the_truth_out_of_the_months(operator: Simulation) -> None:
    known = {c for frame in operator.truth.tables().values() for c in frame.columns}
    for table in (operator.months, operator.subscribers, operator.offers):
        assert set(table.columns) & known <= set(KEY)


def test_decision_rows_hold_nothing_of_the_truth(operator: Simulation) -> None:
    rows = decision_table(operator.months, history_months=6)
    known = {c for frame in operator.truth.tables().values() for c in frame.columns} - set(KEY)
    assert not set(rows.columns) & known
    own = operator.truth.choice_probabilities.merge(rows[list(KEY)])  # found by key alone: the truth stays apart
    assert len(own) == len(rows)


def test_truth_has_the_utilities_of_every_decision(operator: Simulation, catalogue: Catalogue) -> None:
    decided = operator.months[operator.months[DECISION].notna()].reset_index(drop=True)
    utilities = operator.truth.utilities
    assert utilities[list(KEY)].equals(decided[list(KEY)])
    assert list(utilities.columns[2:]) == list(catalogue.plan_ids)
    position = [catalogue.index(p) for p in decided[CURRENT_PLAN]]
    assert not np.isnan(utilities[list(catalogue.plan_ids)].to_numpy()[np.arange(len(decided)), position]).any()
    assert utilities["max-voice"].isna().all()  # launched after these months


def test_simulate_repeats_itself_to_the_byte(operator: Simulation, catalogue: Catalogue) -> None:
    again = simulate(CONFIG, catalogue, np.random.default_rng(42))
    other = simulate(CONFIG, catalogue, np.random.default_rng(43))
    assert digest(again.months) == digest(operator.months)
    assert digest(again.truth.utilities) == digest(operator.truth.utilities)
    assert digest(other.months) != digest(operator.months)


def test_simulate_gives_the_same_operator_on_every_supported_python(megaline: Catalogue) -> None:
    # The two prefixes are the same on 3.11 to 3.13 and both NumPy lines; new defaults change them on purpose.
    operator = simulate(CONFIG, megaline, np.random.default_rng(42))
    assert digest(operator.months)[:16] == "b9fe1f1f69deb59a"
    assert digest(operator.truth.utilities)[:16] == "d3a0b3c7558e3393"


def test_write_keeps_the_truth_apart_and_repeats_to_the_byte(tmp_path: Path, operator: Simulation) -> None:
    written = write_simulation(operator, tmp_path)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in written) == [
        "events/calls.parquet",
        "events/messages.parquet",
        "events/sessions.parquet",
        "events/subscribers.parquet",
        "offers.parquet",
        "rate_cards/2025-01.yaml",
        "subscribers.parquet",
        "truth/acceptance.parquet",
        "truth/bills.parquet",
        "truth/choice_probabilities.parquet",
        "truth/churn.parquet",
        "truth/subscribers.parquet",
        "truth/utilities.parquet",
        "usage_months.parquet",
    ]
    first = {p: p.read_bytes() for p in written}
    write_simulation(operator, tmp_path)
    assert {p: p.read_bytes() for p in written} == first


def test_write_without_event_subscribers_writes_no_events(tmp_path: Path, catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=5, months=1, event_subscribers=0)
    write_simulation(simulate(config, catalogue, np.random.default_rng(1)), tmp_path)
    assert not (tmp_path / "events").exists()


def test_truth_has_the_choice_probabilities_of_every_decision(operator: Simulation, catalogue: Catalogue) -> None:
    utilities, chances = operator.truth.utilities, operator.truth.choice_probabilities
    plans = list(catalogue.plan_ids)
    assert chances[list(KEY)].equals(utilities[list(KEY)])
    assert chances[plans].sum(axis=1).to_numpy() == pytest.approx(1)
    assert (chances[plans].where(utilities[plans].isna(), 0) == 0).all(axis=None)
    own = operator.months[DECISION].dropna().ne("contact").to_numpy()
    weight = np.exp(utilities[plans].fillna(-np.inf))[own]
    assert chances[plans][own].to_numpy() == pytest.approx(weight.div(weight.sum(axis=1), axis=0).to_numpy(), abs=1e-6)


def test_nobody_leaves_where_the_hazard_is_nil(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=200, months=6, joins_late=0, churn=ChurnConfig(base=-50))
    operator = simulate(config, catalogue, np.random.default_rng(1))
    assert len(operator.months) == 200 * 6
    assert operator.subscribers["churn_date"].isna().all()
    assert operator.truth.churn[["no_offer", "declined"]].to_numpy().max() < 1e-6
