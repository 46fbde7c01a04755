"""What probes of settings work with: a bundle, an operator's months, settings, and a small table for each source.

A probe returns what a user would see under the default of a setting, and under another value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest

from common_utils.bundle import Bundle
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.preparation import Prepared, prepare

__all__ = ["Lab", "Probe", "source"]

TINY = ("simulator.subscribers=200", "simulator.months=8", "evaluation.resamples=50")


@dataclasses.dataclass
class Lab:
    """What probes work with; costly things are made once."""

    project: Path
    folder: Path
    bundle: Bundle
    months: pd.DataFrame
    patch: pytest.MonkeyPatch
    made: dict[str, Any]

    def config(self, *overrides: str) -> PlanRecConfig:
        return load_planrec_config(self.project, overrides=[*TINY, *overrides], environ={})

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def prepared(self) -> Prepared:
        config = self.config(*source("table", self))
        return self.once("prepared", lambda: prepare(config, self.project, lambda _: None))


Probe: TypeAlias = Callable[[Lab], tuple[object, object]]


def source(name: str, lab: Lab) -> tuple[str, ...]:
    """The settings of a source with a small table of its own."""
    if name == "simulator":
        return ("data.source=simulator",)
    place = lab.folder / name
    if not place.exists():
        place.mkdir()
        if name == "table":
            lab.months.drop(columns=["consent", "contacts_90d", "holdout"]).to_csv(place / "months.csv", index=False)
        else:
            write_megaline(lab.months, place)
    return (f"data.source={name}", f"data.folder={place / 'months.csv' if name == 'table' else place}")


def write_megaline(months: pd.DataFrame, folder: Path) -> None:
    """A few customers on either plan, with a month that has no events, and events after a churn date."""
    ids = months["subscriber_id"].unique()[:60]
    used = months[months["subscriber_id"].isin(ids)].reset_index(drop=True)
    who = used["subscriber_id"].factorize()[0]
    used = used.assign(user_id=1000 + who, when=used["month"].str.replace("2025", "2018") + "-10")
    used = used[used["when"].str.startswith("2018")]
    quiet = (used["user_id"] % 3 == 0) & (used["when"] == "2018-06-10")
    used = used[~quiet]
    events = np.arange(len(used)).astype(str)
    people = np.unique(used["user_id"])
    users = pd.DataFrame(
        {
            "user_id": people,
            "first_name": "A",
            "last_name": "B",
            "age": 30,
            "city": "C",
            "reg_date": "2018-01-01",
            "plan": np.random.default_rng(2).choice(["surf", "ultimate"], len(people)),  # no id tells it
            "churn_date": np.where(people % 5 == 0, "2018-08-01", ""),
        }
    )
    person, day = used["user_id"].to_numpy(), used["when"].to_numpy()

    def table(letter: str, date: str, **further: object) -> pd.DataFrame:
        return pd.DataFrame({"id": [f"{letter}{n}" for n in events], "user_id": person, date: day, **further})

    tables = {
        "users": users,
        "calls": table("c", "call_date", duration=used["minutes"].to_numpy()),
        "messages": table("m", "message_date"),
        "internet": table("i", "session_date", mb_used=used["megabytes"].to_numpy()),
    }
    for name, rows in tables.items():
        rows.to_csv(folder / f"megaline_{name}.csv", index=False)
