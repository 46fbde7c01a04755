"""Panels made up for tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planrec.panel.table import TASTES, Panel

SEED = 5


def made_up_panel(people: int = 40, times: int = 12, seed: int = SEED, spread: float = 1.0) -> Panel:
    """Households with tastes of their own, and a first one that chose only three times."""
    rng = np.random.default_rng(seed)
    counts = np.full(people, times)
    counts[0] = 3
    person = np.repeat(np.arange(people), counts)
    place = np.concatenate([np.arange(count) for count in counts])
    features = rng.normal(size=(len(person), 4, len(TASTES)))
    tastes = rng.normal([-1.0, 0.0, 1.0, 0.5, 0.0, 0.0], spread, (people, len(TASTES)))
    utility = np.einsum("npk,nk->np", features, tastes[person]) + rng.gumbel(size=features.shape[:2])
    return Panel(features, utility.argmax(axis=1), person, place)


def as_table(panel: Panel) -> pd.DataFrame:
    """Return a panel in the columns of the file."""
    n, n_contracts, _ = panel.features.shape
    table = pd.DataFrame(panel.features.reshape(-1, len(TASTES)).round(3), columns=list(TASTES))
    table["choice"] = (np.arange(n_contracts) == panel.chosen[:, None]).ravel()
    table["choice"] = table["choice"].map({True: "TRUE", False: "FALSE"})
    table["id"] = np.repeat(panel.person + 1, n_contracts).astype(str)
    table["chid"] = np.repeat(np.arange(1, n + 1), n_contracts)
    table["alt"] = np.tile(np.arange(1, n_contracts + 1), n)
    return table[["choice", "id", "alt", *TASTES, "chid"]]
