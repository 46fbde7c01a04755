"""The table of real choices: 361 households, up to 12 choices each, four supply contracts a choice.

Columns as R's mlogit calls them in `Electricity` (Revelt and Train 2000): `id` the household, `chid` the choice, `alt`
the contract's place in it, `choice` whether it was taken; then what the contract is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.tables import id_column, read_table
from common_utils.tables.columns import Extra

__all__ = ["TABLE_FILE", "TASTES", "Panel", "panel_of", "read_panel"]

TABLE_FILE = "electricity_supplier_choice.csv"
TASTES = {
    "pf": "price, cents a kWh",
    "cl": "term, years",
    "loc": "local company",
    "wk": "well-known company",
    "tod": "price by time of day",
    "seas": "price by season",
}
"""What a contract is described by, and what it means."""

_NAME = "contract choices"  # what messages call the table
_EXTRA: Extra = "error"


@dataclass(frozen=True, slots=True)
class Panel:
    """n choices, each among as many contracts, by people who chose several times.

    Attributes
    ----------
    features : float64 array of shape (n, n_contracts, 6)
        Last axis as `TASTES`.
    chosen : int64 array of shape (n,)
        Place of the contract taken.
    person : int64 array of shape (n,)
        Household: 0, 1, ...; rows are sorted by it.
    place : int64 array of shape (n,)
        How many choices the household made before this one.
    """

    features: FloatArray
    chosen: IntArray
    person: IntArray
    place: IntArray

    @property
    def available(self) -> BoolArray:
        """Every contract may be taken; bool array of shape (n, n_contracts)."""
        return np.ones(self.features.shape[:2], dtype=np.bool_)

    @property
    def n_people(self) -> int:
        """Households."""
        return int(self.person.max()) + 1

    def rows(self, which: IntArray | BoolArray) -> Panel:
        """Return some of the choices, households numbered anew.

        Examples
        --------
        >>> panel = Panel(np.zeros((3, 4, 6)), np.array([0, 1, 2]), np.array([0, 1, 1]), np.array([0, 0, 1]))
        >>> panel.rows(panel.place == 1).person.tolist()
        [0]
        """
        person = np.unique(self.person[which], return_inverse=True)[1].astype(np.int64)
        return Panel(self.features[which], self.chosen[which], person, self.place[which])


def read_panel(path: Path) -> Panel:
    """Read and check the table.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DataError
        If it is missing, a row cannot be used, or the rows do not make up choices.
    """
    schema = pandera.DataFrameSchema(
        {
            "choice": pandera.Column(bool),
            "id": id_column(),
            "alt": pandera.Column(int, pandera.Check.ge(1, error="below 1")),
            **{name: pandera.Column(float) for name in TASTES},
            "chid": pandera.Column(int),
        },
        unique=["chid", "alt"],
    )
    return panel_of(read_table(path, schema, name=_NAME, on_bad_rows="error", extra_columns=_EXTRA).frame)


def panel_of(table: pd.DataFrame) -> Panel:
    """Return the choices that the rows of a table make up.

    Parameters
    ----------
    table : DataFrame
        One row for each contract of each choice; columns `choice`, `id`, `alt`, `chid` and those of `TASTES`.

    Raises
    ------
    DataError
        If a choice has not every contract once, not one that was taken, or two households.

    Examples
    --------
    >>> rows = {"id": ["a", "a"], "chid": [7, 7], "alt": [2, 1], "choice": [True, False], **dict.fromkeys(TASTES, 0.0)}
    >>> panel = panel_of(pd.DataFrame(rows))
    >>> panel.chosen.tolist(), panel.place.tolist()
    ([1], [0])
    """
    first = table.groupby("id", sort=False)["chid"].transform("min")  # households in the order of their first choice
    ordered = table.assign(_first=first).sort_values(["_first", "id", "chid", "alt"], kind="stable")
    n_contracts = int(ordered["alt"].max())
    of_choice = ordered.groupby("chid")
    _check(of_choice["alt"].nunique() == n_contracts, f"have not the contracts 1 to {n_contracts} once each")
    _check(of_choice["choice"].sum() == 1, "have not one contract that was taken")
    _check(of_choice["id"].nunique() == 1, "are of several households")
    person = pd.factorize(ordered["id"])[0].reshape(-1, n_contracts)[:, 0].astype(np.int64)
    starts = np.flatnonzero(np.append(True, person[1:] != person[:-1]))
    return Panel(
        features=ordered[list(TASTES)].to_numpy(dtype=np.float64).reshape(-1, n_contracts, len(TASTES)),
        chosen=ordered["choice"].to_numpy(dtype=np.bool_).reshape(-1, n_contracts).argmax(axis=1).astype(np.int64),
        person=person,
        place=np.arange(len(person)) - starts[person],
    )


def _check(holds: pd.Series, what: str) -> None:  # type: ignore[type-arg]
    wrong = holds.index[~holds]
    if len(wrong):
        raise DataError(
            f"{_NAME}: {len(wrong)} choice(s) {what}; chid {', '.join(map(str, wrong[:5]))}. Export the table again."
        )
