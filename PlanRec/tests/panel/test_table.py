from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import DataError
from planrec.panel.table import TABLE_FILE, TASTES, read_panel
from tests.panel.cases import as_table, made_up_panel


def test_a_table_gives_its_choices_in_order_whatever_the_order_of_rows(tmp_path: Path) -> None:
    panel = made_up_panel(people=5, times=4)
    path = tmp_path / TABLE_FILE
    as_table(panel).sample(frac=1, random_state=1).to_csv(path, index=False)
    found = read_panel(path)
    np.testing.assert_allclose(found.features, panel.features, atol=5e-4)
    np.testing.assert_array_equal(found.chosen, panel.chosen)
    np.testing.assert_array_equal(found.person, panel.person)
    np.testing.assert_array_equal(found.place, panel.place)
    assert found.n_people == 5
    assert found.available.all()


def test_households_keep_the_order_of_their_choices_where_ids_do_not_rise(tmp_path: Path) -> None:
    table = as_table(made_up_panel(people=3, times=2))
    table["id"] = table["id"].map({"1": "9", "2": "10", "3": "1"})
    table["chid"] = table["chid"].max() + 1 - table["chid"]
    path = tmp_path / TABLE_FILE
    table.to_csv(path, index=False)
    found = read_panel(path)
    assert found.person.tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert found.place.tolist() == [0, 1, 0, 1, 0, 1, 2]


def test_some_rows_number_their_households_anew() -> None:
    panel = made_up_panel(people=4, times=2)
    some = panel.rows(np.flatnonzero(panel.person % 2 == 1))
    assert some.person.tolist() == [0, 0, 1, 1]
    assert some.place.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(
            lambda t: t.drop(index=1), r"1 choice\(s\) have not the contracts 1 to 4 .*chid 1\.", id="missing"
        ),
        pytest.param(lambda t: t.assign(choice="FALSE"), r"7 choice\(s\) have not one contract that", id="none-taken"),
        pytest.param(lambda t: t.assign(choice="TRUE"), r"7 choice\(s\) have not one contract that", id="all-taken"),
        pytest.param(
            lambda t: t.assign(id=np.where(t.index == 0, "7", t["id"])),
            "of several households; chid 1",
            id="two-people",
        ),
        pytest.param(lambda t: t.assign(pf="x"), "pf: not a number", id="text"),
        pytest.param(lambda t: t.drop(columns="cl"), "cl", id="no-column"),
        pytest.param(lambda t: t.assign(income=1), "income", id="another-column"),
        pytest.param(lambda t: pd.concat([t, t.tail(1).assign(pf=99.0)]), "cannot be used", id="conflict"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, damage, said: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / TABLE_FILE
    damage(as_table(made_up_panel(people=3, times=2))).to_csv(path, index=False)
    with pytest.raises(DataError, match=said):
        read_panel(path)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=TABLE_FILE):
        read_panel(tmp_path / TABLE_FILE)


@pytest.mark.realdata
def test_the_real_table_is_the_one_described(panel_file: Path) -> None:
    panel = read_panel(panel_file)
    assert panel.features.shape == (4308, 4, len(TASTES))
    assert panel.n_people == 361
    assert np.bincount(panel.place)[[0, 7, 8, 11]].tolist() == [361, 361, 359, 348]
    # A price is fixed, or by time of day, or by season: exactly one of the three.
    kinds = panel.features[..., [list(TASTES).index(name) for name in ("pf", "tod", "seas")]] != 0
    assert (kinds.sum(axis=2) == 1).all()
