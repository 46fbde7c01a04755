from __future__ import annotations

import numpy as np
import pandas as pd

from common_utils.leakage.reposts import find_reposts


def _cars(n: int = 1000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "listing": np.arange(n),
            "model": rng.choice([f"model {number}" for number in range(60)], n),
            "year": rng.integers(1995, 2020, n),
            "odometer": np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 200_000, n)),
            "colour": rng.choice(["white", "black", None], n),
        }
    )


def _with_twins(cars: pd.DataFrame, rows: list[int]) -> pd.DataFrame:
    table = pd.concat([cars, cars.iloc[rows]], ignore_index=True)
    return table.assign(listing=np.arange(len(table)))


def test_a_twin_has_the_number_of_its_original_and_others_have_their_own() -> None:
    cars = _cars()
    rows = [row for row in range(40) if not np.isnan(cars["odometer"][row])][:20]
    table = _with_twins(cars, rows)
    found = find_reposts(table)
    assert found.columns == ("model", "year", "odometer", "colour")
    assert found.number[1000:].tolist() == found.number[rows].tolist()
    assert found.number[1000:].min() >= 0
    known = found.number[:1000][found.number[:1000] >= 0]
    assert len(set(known.tolist())) == len(known)


def test_shared_tells_which_test_rows_have_a_twin_in_training() -> None:
    cars = _cars()
    rows = np.flatnonzero(cars["odometer"].notna())[:3].tolist()
    found = find_reposts(_with_twins(cars, rows))
    assert found.shared(np.arange(1000), np.array([1000, 1001, 1002])).tolist() == [True, True, True]
    assert found.shared(np.arange(500, 1000), np.array([1000, 1001, 1002])).tolist() == [False, False, False]


def test_two_idle_subscribers_are_two_people() -> None:
    rng = np.random.default_rng(0)
    usage = np.where(rng.random((500, 1)) < 0.3, 0.0, rng.gamma(2, 100, (500, 6)))
    usage[rng.random(500) < 0.3, 3:] = np.nan
    table = pd.DataFrame(usage).add_prefix("minutes_").assign(age=rng.integers(18, 80, 500))
    assert table.duplicated().any()
    number = find_reposts(table).number
    idle = (usage[:, :3] == 0).all(axis=1)
    assert (number[idle] == -1).all()
    assert (number[~idle] >= 0).all()


def test_a_row_of_few_common_values_cannot_be_recognised() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({name: rng.integers(0, 3, 1000) for name in "abcde"})
    assert (find_reposts(table).number == -1).all()


def test_a_row_that_is_everywhere_is_a_pattern() -> None:
    cars = _with_twins(_cars(), [0] * 30 + [1] * 3)
    number = find_reposts(cars).number
    assert number[0] == -1
    assert (number[-3:] == number[1]).all()
    assert number[1] >= 0


def test_a_table_of_identifiers_or_without_rows_has_no_reposts() -> None:
    found = find_reposts(pd.DataFrame({"id": ["a", "b", "c"]}))
    assert (found.columns, found.number.tolist()) == ((), [-1, -1, -1])
    assert find_reposts(_cars().iloc[:0]).number.tolist() == []


def test_objects_are_compared_by_what_they_print() -> None:
    lists = pd.Series([[row % 50, row % 7] for row in range(300)], dtype=object)
    table = pd.DataFrame({"lists": lists, "x": np.random.default_rng(0).normal(size=300)})
    table = pd.concat([table, table.iloc[:1]], ignore_index=True)
    assert find_reposts(table).number[0] == find_reposts(table).number[300] >= 0
