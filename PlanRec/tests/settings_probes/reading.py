"""Settings of what is read, and what would be learnt from it."""

from __future__ import annotations

import pandas as pd
from settings_probes.lab import Lab, Probe, source

from common_utils.errors import PortfolioError
from planrec.billing import load_catalogue
from planrec.bundle import decision_matrix
from planrec.config import PlanRecConfig
from planrec.data import load_usage
from planrec.decisions import columns_of
from planrec.preparation import prepare

__all__ = [
    "DOUBTFUL",
    "GIGABYTES",
    "GOOD",
    "HEAD",
    "REJECTED",
    "learnt",
    "of_source",
    "other_card",
    "read",
    "reads",
    "zoned",
]


def learnt(lab: Lab, *overrides: str) -> object:
    """What a training run would see: rows, columns, rate card and features; or why it refuses."""
    try:
        config = lab.config(*overrides)
        ready = prepare(config, lab.project, lambda _: None)
        rows = with_every_column(config, ready.decisions.head(40))
        features = decision_matrix(config, ready.catalogue)(columns_of(rows))
    except PortfolioError as error:
        return str(error)
    return [
        *(sorted(ready.decisions.columns), len(ready.train), len(ready.test), ready.catalogue.version),
        *(features.shape, features.tobytes()),
    ]


def with_every_column(config: PlanRecConfig, rows: pd.DataFrame) -> pd.DataFrame:
    lacking = [name for name in ("current_plan", *config.data.chosen().extra_columns) if name not in rows]
    return rows.assign(**dict.fromkeys(lacking))


def of_source(name: str, setting: str, value: str) -> Probe:
    def tried(lab: Lab) -> tuple[object, object]:
        own = source(name, lab)
        return (
            lab.once(f"learnt {name}", lambda: learnt(lab, *own)),
            learnt(lab, *own, f"data.{name}.{setting}={value}"),
        )

    return tried


def other_card(name: str, card: str) -> Probe:
    def tried(lab: Lab) -> tuple[object, object]:
        path = lab.folder / "card.yaml"
        text = (lab.project / "configs" / card).read_text(encoding="utf-8")
        path.write_text(text.replace("version: ", "version: other-", 1), encoding="utf-8")
        return of_source(name, "plans", str(path))(lab)

    return tried


def read(lab: Lab, *overrides: str) -> object:
    """The usage months of the settings, or why they are refused."""
    config = lab.config(*overrides)
    try:
        card = load_catalogue(lab.project / config.data.chosen().plans)
        return load_usage(config, card, lab.project, environ={}).months.to_csv(index=False)
    except PortfolioError as error:
        return str(error)


def reads(name: str, *changes: str, table: str = "") -> Probe:
    """Read a source, with a table of its own where one is given."""

    def tried(lab: Lab) -> tuple[object, object]:
        own = source(name, lab) if not table else ("data.source=table", f"data.folder={lab.folder / 'own.csv'}")
        if table:
            (lab.folder / "own.csv").write_text(table, encoding="utf-8")
        return read(lab, *own), read(lab, *own, *changes)

    return tried


HEAD = "subscriber_id,month,minutes,messages,megabytes,current_plan\n"
ROW = "a,2025-0{n},10,1,{mb},basic-6\n"
GOOD = "".join(ROW.format(n=n, mb=500) for n in range(1, 7))
DOUBTFUL = HEAD + "a,2025-01,7.500,1,1.250,basic-6\na,2025-02,2.125,1,3.375,basic-6\n"
GIGABYTES = HEAD + "".join(f"s{n},2025-0{m},10,1,0.5,basic-6\n" for n in range(30) for m in range(1, 6))
REJECTED = HEAD + GOOD + "b,2025-01,-5,1,1,basic-6\n"


def zoned(lab: Lab) -> tuple[object, object]:
    """A call at night is of another month in another zone."""
    place = lab.folder / "events"
    place.mkdir()
    (place / "calls.csv").write_text(
        "id,subscriber_id,date,minutes\n1,a,2025-02-01T00:30:00+01:00,5\n2,a,2025-03-10T12:00:00+01:00,5\n",
        encoding="utf-8",
    )
    own = ("data.source=table", "data.table.kind=events", f"data.folder={place}")
    return read(lab, *own, "data.table.timezone=Europe/Madrid"), read(lab, *own, "data.table.timezone=UTC")
