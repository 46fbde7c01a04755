"""`recommend` with cells: full plans are ranked by what their cells cost, and whose cells do not fit is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from planrec.batch.command import digest_of
from planrec.billing.cell_months import load_cell_plans
from planrec.usage.cell_files import CellFile
from planrec.usage.pieces import stream
from tests.batch.cells import CARD, FULL_ALONE, SHORT, write_cell_files

Run = Callable[..., int]
AS_OF = ("--as-of", "2025-10")
# c has no cells at all, and those of d say a call where the table says none.
USAGE = """subscriber_id,month,minutes,messages,megabytes,current_plan
a,2025-09,2,0,0,flat
a,2025-10,1,0,1000,flat
b,2025-09,0,0,0,flat
b,2025-10,0,0,20000,flat
c,2025-10,5,0,0,surf
d,2025-10,0,0,0,flat
"""
IBERA = """subscriber_id,month,minutes,messages,megabytes,current_plan
A,2025-03,11,1,100,cero
A,2025-04,2,0,600,cero
B,2025-03,3,0,0,cero
B,2025-04,0,0,0,cero
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return write_cell_files(tmp_path, USAGE)


@pytest.mark.parametrize("cells", ["cells.csv", "cells.parquet"])
def test_plans_that_cells_price_are_ranked(
    run: Run, files: dict[str, Path], tmp_path: Path, capsys, cells: str
) -> None:  # type: ignore[no-untyped-def]
    asked = ("--usage", files["usage.csv"], "--plans", files["card.yaml"], "--cells", files[cells], "--top", 9)
    out, excluded = tmp_path / "out.csv", tmp_path / "excluded.csv"
    assert run("recommend", *asked, *AS_OF, "--explain", "--output", out, "--excluded-output", excluded) == 0
    found = pd.read_csv(out).set_index(["subscriber_id", "plan_id"])
    # a, by the second: September 5 + 100 s at 6 a minute = 15; October 5 + 60 s (6) + 1,000 MB (200) = 211; mean 113.
    assert found.loc["a", "expected_bill_cents"].to_dict() == {"metered": 113, "surf": 2000, "flat": 2100}
    assert found.loc["a", "saving_cents"].to_dict() == {"metered": 1987, "surf": 100, "flat": 0}
    # b: 20,000 MB at .2 is 4,000 in October and nothing in September, before fees; 5 GB over at 10.00 each on Surf.
    assert found.loc["b", "expected_bill_cents"].to_dict() == {"metered": 2000, "flat": 4000, "surf": 4500}
    assert found.loc[("a", "metered"), "reasons"] == (
        "With the usage of the 2 months known, By the second would have cost 1.13 EUR a month (calls 0.13, data 1.00): "
        "19.87 less than flat."
    )
    why = pd.read_csv(excluded).groupby("subscriber_id")[["plan_id", "reason_code"]].agg(list)
    codes = {who: dict(zip(row["plan_id"], row["reason_code"], strict=True)) for who, row in why.iterrows()}
    assert codes["a"] == codes["b"] == {"calls-only": "NOT_SOLD", "least": "NEEDS_USAGE_DETAIL"}
    assert codes["c"] == codes["d"] == dict.fromkeys(("metered", "flat", "calls-only", "least"), "NEEDS_USAGE_DETAIL")
    # d holds flat, of which there is no bill: surf has nothing to be compared with.
    assert found.loc["d", "saving_cents"].isna().all()
    said = capsys.readouterr().err
    assert "2 subscriber(s) lack cells of a month, or have cells that contradict" in said
    assert "1 subscriber(s) hold a plan that the rate card does not price" in said
    assert "plan least is left out (NEEDS_USAGE_DETAIL): sums by cell do not price it. plans.least" in said


@pytest.mark.parametrize("cells", ["cells.csv", "cells.parquet"])
def test_two_workers_with_cells_write_the_bytes_of_one(
    run: Run, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: str
) -> None:
    monkeypatch.setattr(stream, "PIECE_ROWS", 2)
    asked = ("--plans", files["card.yaml"], "--cells", files[cells], *AS_OF)
    for workers in (1, 2):
        out = ("--output", tmp_path / f"{workers}.csv", "--workers", workers)
        assert run("recommend", "--usage", files["usage.csv"], *asked, *out) == 0
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    pq.write_table(pa.Table.from_pandas(pd.read_csv(files["usage.csv"])), tmp_path / "usage.parquet")
    out = ("--output", tmp_path / "parts", "--workers", 2)
    assert run("recommend", "--usage", tmp_path / "usage.parquet", *asked, *out) == 0
    parts = pd.concat([pd.read_parquet(path) for path in (tmp_path / "parts").glob("part-*.parquet")])
    order = ["subscriber_id", "rank"]
    columns = [*order, "plan_id", "expected_bill_cents"]
    whole = pd.read_csv(tmp_path / "1.csv")[columns].to_numpy().tolist()
    assert parts.sort_values(order)[columns].to_numpy().tolist() == whole
    asked_of_parts = json.loads((tmp_path / "parts" / "_manifest.json").read_bytes())["asked"]
    assert asked_of_parts["the cells"] == digest_of(files[cells])


def test_a_card_without_a_short_plan_is_answered_from_cells_alone(run: Run, tmp_path: Path) -> None:
    files = write_cell_files(tmp_path, USAGE, FULL_ALONE)
    asked = ("--usage", files["usage.csv"], "--plans", files["card.yaml"], *AS_OF, "--output", tmp_path / "out.csv")
    assert run("recommend", *asked) == 2
    assert run("recommend", *asked, "--cells", files["cells.csv"], "--explain") == 0
    found = pd.read_csv(tmp_path / "out.csv").set_index(["subscriber_id", "rank"])
    assert found.loc["a", "plan_id"].to_dict() == {1: "metered", 2: "flat"}
    assert found.loc[("c", 1), ["advice", "stay_reason"]].tolist() == ["stay", "NEEDS_USAGE_DETAIL"]


def test_rules_name_plans_that_cells_price(
    run: Run, files: dict[str, Path], tmp_path: Path, project_folder: Path
) -> None:
    rules = (project_folder / "configs" / "rules.yaml").read_text(encoding="utf-8")
    taken = "plans: [{plans: [metered], modes: [advice], why: not now}]"
    (tmp_path / "rules.yaml").write_text(rules.replace("plans: []", taken), encoding="utf-8")
    asked = ("--usage", files["usage.csv"], "--plans", files["card.yaml"], *AS_OF, "--output", tmp_path / "out.csv")
    assert run("recommend", *asked, "--cells", files["cells.csv"], "--rules", tmp_path / "rules.yaml") == 0
    assert "metered" not in (tmp_path / "out.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        pytest.param("timezone: Europe/Madrid\n", "", 2, "in the short form and priced from minutes", id="short-card"),
        pytest.param("60/1", "60/60", 3, "Needed are cells by", id="another-scheme"),
    ],
)
def test_cells_that_do_not_go_with_the_card_are_refused(  # type: ignore[no-untyped-def]
    run: Run, files: dict[str, Path], tmp_path: Path, capsys, old: str, new: str, code: int, message: str
) -> None:
    card = (CARD + SHORT).replace(old, new)
    files["card.yaml"].write_text(card, encoding="utf-8")
    asked = ("--usage", files["usage.csv"], "--plans", files["card.yaml"], *AS_OF, "--output", tmp_path / "out.csv")
    assert run("recommend", *asked, "--cells", files["cells.csv"]) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_a_parquet_file_is_read_where_the_subscribers_stand(files: dict[str, Path], tmp_path: Path) -> None:
    card = load_cell_plans(files["card.yaml"]).card
    table = pq.read_table(files["cells.parquet"])
    pq.write_table(table, tmp_path / "groups.parquet", row_group_size=2)
    whole, some = CellFile(files["cells.parquet"], card), CellFile(tmp_path / "groups.parquet", card)
    for asked in (["a"], ["d", "b"], ["a", "b", "d"], ["zz"]):
        one, two = whole.of(asked), some.of(asked)
        assert [one.subscribers[i] for i in one.subscriber] == [two.subscribers[i] for i in two.subscriber]
        assert one.quantity.tolist() == two.quantity.tolist()
    assert len(some.of(["zz"])) == 0
    assert set(some.of(["b"]).subscribers) == {"b"}


def test_bills_worked_out_by_hand_are_what_advice_expects(run: Run, project_folder: Path, tmp_path: Path) -> None:
    """The bills of A and B in `examples/cards/ibera/bills.csv`: 6.00 and 9.03, 8.36 and 6.00."""
    folder = project_folder / "examples" / "cards" / "ibera"
    files = ("--card", folder / "card.yaml", "--accounts", folder / "accounts.yaml", "--events", folder / "events.csv")
    cells, usage, out = (tmp_path / name for name in ("cells.parquet", "usage.csv", "out.csv"))
    assert run("bill", *files, "--cells-output", cells) == 0
    usage.write_text(IBERA, encoding="utf-8")
    asked = ("--usage", usage, "--plans", folder / "card.yaml", "--cells", cells, "--as-of", "2025-04", "--output", out)
    assert run("recommend", *asked, "--explain") == 0
    found = pd.read_csv(out).set_index("subscriber_id")
    assert found["plan_id"].tolist() == ["cero", "cero"]
    assert found["expected_bill_cents"].to_dict() == {"A": 752, "B": 718}
    assert found.loc["B", "reasons"].startswith(
        "With the usage of the 2 months known, Cero, the plan held today, would have cost 7.18 EUR a month "
        "(calls abroad 1.18, minimum spend top-up 6.00)."
    )
