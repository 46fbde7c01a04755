"""Notices with cells: full plans are compared, with line items, and the file says all that its figures rest on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Any

import pandas as pd
import pytest

from common_utils.bundle import fingerprint_file
from common_utils.errors import DataError, GateError
from planrec.advice.from_cells import CellPricing
from planrec.batch.cell_use import CellUse
from planrec.batch.notices import NoticeRun, write_notices
from planrec.billing.catalogue import Rounding
from planrec.billing.cell_months import load_cell_plans, scheme_of
from planrec.notices import verify_notices
from planrec.notices.basis_cells import BasisCells
from planrec.notices.figures import figures_of
from planrec.notices.notice import Versions, basis_of, versions_of
from planrec.usage.pieces import stream
from tests.batch.cells import CARD, FULL_ALONE, SHORT, write_cell_files

Run = Callable[..., int]

# Run on 2025-11-01. a: cells as the usage says. b: bound to 2025-11-30. c: no cells. d: cells of a call that the usage
# does not know. e: holds a plan that sells no data. f: cells of one of two months. g: a plan that cells do not price.
USAGE = """subscriber_id,month,minutes,messages,megabytes,current_plan,tenure_months,contract_months_left
a,2025-09,2,0,0,flat,10,0
a,2025-10,1,0,1000,flat,11,0
b,2025-09,0,0,0,flat,10,2
b,2025-10,0,0,20000,flat,11,1
c,2025-10,5,0,0,surf,11,0
d,2025-10,0,0,0,flat,11,0
e,2025-10,0,0,500,calls-only,11,0
f,2025-09,3,0,0,surf,10,0
f,2025-10,1,0,0,surf,11,0
g,2025-10,1,0,0,least,11,0
"""
FULL = ("metered", "flat", "calls-only")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files, and the notices of them."""
    folder = tmp_path_factory.mktemp("notices")
    files = write_cell_files(folder, USAGE)
    plans, sha256 = load_cell_plans(files["card.yaml"]), fingerprint_file(files["card.yaml"])
    cells, versions = CellUse.read(files["cells.parquet"], plans), versions_of(plans.wide, sha256)
    run = NoticeRun(plans.wide, versions, date(2025, 11, 1), 6, cells=cells)
    write_notices(files["usage.csv"], run, folder / "notices.jsonl")
    return folder


@pytest.fixture
def files(made: Path, tmp_path: Path) -> dict[str, Path]:
    copytree(made, tmp_path, dirs_exist_ok=True)
    return {path.name: path for path in tmp_path.iterdir()}


@pytest.fixture
def written(files: dict[str, Path]) -> Path:
    return files["notices.jsonl"]


@pytest.fixture
def notices(run: Run, files: dict[str, Path]) -> Run:
    return partial(run, "notices", "--plans", files["card.yaml"])


def _asked(files: dict[str, Path]) -> tuple[object, ...]:
    return "--usage", files["usage.csv"], "--as-of", "2025-11-01"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_full_plans_are_compared_with_the_lines_that_a_bill_shows(written: Path) -> None:
    _, first, second, *_ = lines(written)
    held, best = first["figures"]["current"], first["figures"]["best"]
    assert first["basis"]["cells"]["rows"][0] == ["2025-09", "call", "", "home", "", "", "1/1", 1, 100, []]
    # flat: 20.00, and 20.00 + 1,000 MB at .2. By the second: 5 + 100 s at 6 a minute; 5 + 60 s (6) + 2.00 of data.
    assert (held["plan_id"], held["bills_cents"], held["monthly_cents"]) == ("flat", [2000, 2200], 2100)
    assert held["items"] == [
        {"name": "fee", "quantity": {}, "cents": 4000},
        {"name": "data", "quantity": {"megabytes": "1000"}, "cents": 200},
    ]
    assert (best["plan_id"], best["bills_cents"], best["saving_yearly_cents"]) == ("metered", [15, 211], 12 * 1987)
    assert best["items"] == [
        {"name": "calls", "quantity": {"seconds": "160"}, "cents": 26},
        {"name": "data", "quantity": {"megabytes": "1000"}, "cents": 200},
    ]
    assert [held["fee_cents"], best["data_cents"], held["monthly_fee_cents"], best["monthly_fee_cents"]] == [
        *(None, None, 2000, 0)
    ]
    assert first["figures"]["not_offered"] == {"calls-only": "NOT_SOLD", "least": "NEEDS_USAGE_DETAIL"}
    assert first["text"] == (
        "No contract binds you to flat: you can change plans from 1 December 2025 on. With your usage of the 2 months "
        "from September 2025 to October 2025 it costs 21.00 EUR a month on average, between 20.00 EUR and 22.00 EUR, "
        "made up of fee 20.00 EUR and data 1.00 EUR. On By the second the same usage would have cost 1.13 EUR a month "
        "on average, 238.44 EUR less a year."
    )
    # The fee of a full plan can be another one from the day of the change on, so that the opening does not name it.
    assert second["text"].startswith(
        "Your contract for flat ends on 30 November 2025: from 1 December 2025 on it continues month by month, and you "
        "can change plans."
    )


def test_who_lacks_cells_is_accounted_for(written: Path, notices: Run, capsys: Any) -> None:
    header, *found = lines(written)
    header = header["header"]
    assert (header["format"], header["cells"]["lacking"]) == (3, 3)  # c, d and f
    assert [notice["subscriber_id"] for notice in found] == ["a", "b", "c", "f"]
    assert {reason: n for reason, n in header["no_notice"].items() if n} == {
        "plan-unknown": 1,  # g
        "cells-missing": 1,  # d
        "use-not-sold": 1,  # e
    }
    assert sum(header["notices"].values()) + sum(header["no_notice"].values()) == header["subscribers"] == 7
    for notice in found[2:]:
        assert "cells" not in notice["basis"]
        assert notice["figures"]["not_offered"] == dict.fromkeys((*FULL, "least"), "NEEDS_USAGE_DETAIL")
        assert "items" not in notice["figures"]["current"]
    assert notices("--verify", written) == 0
    assert "4 notices verified" in capsys.readouterr().err


def test_what_is_not_compared_is_said(notices: Run, files: dict[str, Path], tmp_path: Path, capsys: Any) -> None:
    out = ("--output", tmp_path / "n.jsonl")
    assert notices(*_asked(files), "--cells", files["cells.csv"], *out) == 0
    said = capsys.readouterr().err
    assert "3 subscriber(s) who are due lack cells of a month, or have cells that contradict their usage" in said
    assert "no notice, cells-missing: 1 subscriber(s)" in said
    assert "no notice, use-not-sold: 1 subscriber(s)" in said
    assert "plan least is left out (NEEDS_USAGE_DETAIL): sums by cell do not price it." in said


def test_the_same_cells_give_the_same_bytes_in_any_order_format_and_number_of_workers(
    notices: Run, files: dict[str, Path], written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.read_csv(files["cells.csv"], dtype=str, keep_default_na=False)
    frame.sample(frac=1, random_state=3).to_csv(tmp_path / "mixed.csv", index=False)
    monkeypatch.setattr(stream, "PIECE_ROWS", 2)
    for cells, workers in ((tmp_path / "mixed.csv", 1), (files["cells.parquet"], 2)):
        again = tmp_path / f"{workers}.jsonl"
        assert notices(*_asked(files), "--cells", cells, "--output", again, "--workers", workers) == 0
        assert again.read_bytes() == written.read_bytes()


def test_files_without_cells_are_written_as_before_there_were_any(
    notices: Run, files: dict[str, Path], tmp_path: Path
) -> None:
    assert notices(*_asked(files), "--output", tmp_path / "n.jsonl") == 0
    header, *found = lines(tmp_path / "n.jsonl")
    assert header["header"]["format"] == 2
    assert not {"cells-missing", "use-not-sold"} & header["header"]["no_notice"].keys()
    assert "cells" not in header["header"]
    assert [notice["subscriber_id"] for notice in found] == ["c", "f"]
    assert not any("cells" in notice["basis"] or "items" in notice["figures"]["best"] for notice in found)


def test_notices_of_cells_count_as_sent(notices: Run, files: dict[str, Path], written: Path, tmp_path: Path) -> None:
    output = ("--cells", files["cells.csv"], "--sent", written, "--output", tmp_path / "later.jsonl")
    assert notices(*_asked(files), *output) == 0
    assert lines(tmp_path / "later.jsonl")[0]["header"]["no_notice"]["already-sent"] == 4


def test_a_card_without_a_short_plan_gives_notices_from_cells_alone(run: Run, tmp_path: Path) -> None:
    found = write_cell_files(tmp_path, USAGE.replace(",surf,", ",flat,"), FULL_ALONE)
    output = tmp_path / "n.jsonl"
    plans = ("notices", "--plans", found["card.yaml"])
    assert run(*plans, *_asked(found), "--cells", found["cells.csv"], "--output", output) == 0
    header, *found = lines(output)
    assert [notice["subscriber_id"] for notice in found] == ["a", "b"]
    assert header["header"]["no_notice"]["cells-missing"] == 3  # c, d and f
    assert run(*plans, "--verify", output) == 0


def _row(notice: dict[str, Any], place: int, value: object) -> None:
    notice["basis"]["cells"]["rows"][0][place] = value


@pytest.mark.parametrize(
    ("number", "change", "field"),
    [
        pytest.param(2, lambda n: _row(n, 8, 101), "line 2: basis.usage_sha256", id="quantity"),
        pytest.param(2, lambda n: _row(n, 7, 2), "line 2: basis", id="events"),
        pytest.param(2, lambda n: _row(n, 5, "2024-01-01"), "basis (it gives no figures)", id="date"),
        pytest.param(2, lambda n: _row(n, 6, "7/7"), "basis (it gives no figures)", id="increment"),
        pytest.param(2, lambda n: _row(n, 9, [1]), "basis (it gives no figures)", id="slots"),
        pytest.param(2, lambda n: _row(n, 0, "2024-09"), "basis", id="month"),
        pytest.param(2, lambda n: n["basis"]["cells"]["rows"].pop(), "basis", id="row-lost"),
        pytest.param(2, lambda n: n["basis"]["cells"]["rows"].reverse(), "basis.cells.rows", id="order"),
        pytest.param(2, lambda n: n["basis"]["cells"]["rows"].append(n["basis"]["cells"]["rows"][-1]), "basis", id="2"),
        pytest.param(2, lambda n: n["basis"]["cells"].update(scheme="0" * 64), "basis.cells.scheme", id="scheme"),
        pytest.param(2, lambda n: n["basis"].update(cells=None), "basis (it gives no figures)", id="no-cells"),
        pytest.param(4, lambda n: n["basis"].update(minutes=[]), "line 4: basis (it gives", id="torn"),
        pytest.param(2, lambda n: n["figures"]["best"]["items"].pop(), "figures.best.items", id="item-lost"),
        pytest.param(
            2, lambda n: n["figures"]["best"]["items"][0].update(cents=27), "figures.best.items", id="item-cents"
        ),
        pytest.param(
            2,
            lambda n: n["figures"]["current"]["items"][1].update(quantity={"megabytes": "999"}),
            "figures.current.items",
            id="item-quantity",
        ),
        pytest.param(2, lambda n: n["figures"]["best"].update(fee_cents=0), "figures.best.fee_cents", id="short-item"),
        pytest.param(1, lambda h: h["header"].update(format=2), "line 1: header.format", id="format"),
        pytest.param(1, lambda h: h["header"]["cells"].update(lacking=2), "header.cells.lacking", id="lacking"),
        pytest.param(1, lambda h: h["header"]["cells"].update(scheme="0"), "header.cells.scheme", id="header-scheme"),
        pytest.param(1, lambda h: h["header"].pop("cells"), "header.format", id="header-without-cells"),
        pytest.param(
            1,
            lambda h: h["header"]["no_notice"].update({"cells-missing": 0, "use-not-sold": 2}),
            "header.cells.lacking",
            id="reason",
        ),
    ],
)
def test_verify_catches_what_was_changed(
    files: dict[str, Path], written: Path, number: int, change: Callable[[dict[str, Any]], None], field: str
) -> None:
    parsed = lines(written)
    change(parsed[number - 1])
    written.write_text("".join(json.dumps(line) + "\n" for line in parsed), encoding="utf-8")
    plans, sha256 = load_cell_plans(files["card.yaml"]), fingerprint_file(files["card.yaml"])
    with pytest.raises(GateError, match=re.escape(field)):
        verify_notices(written, plans.wide, sha256, CellPricing(plans))


def test_verify_names_the_line_at_fault_and_no_other(notices: Run, written: Path, capsys: Any) -> None:
    parsed = lines(written)
    _row(parsed[2], 6, "7/7")
    written.write_text("".join(json.dumps(line) + "\n" for line in parsed), encoding="utf-8")
    assert notices("--verify", written) == 5
    assert "1 line(s) do not follow from their basis: line 3: basis (it gives no figures)" in capsys.readouterr().err


def test_cells_of_another_card_are_refused(notices: Run, files: dict[str, Path], tmp_path: Path, capsys: Any) -> None:
    output = tmp_path / "n.jsonl"
    asked = (*_asked(files), "--cells", files["cells.csv"], "--output", output)
    files["card.yaml"].write_text(files["card.yaml"].read_text().replace("60/1", "60/60"), encoding="utf-8")
    assert notices(*asked) == 3
    assert "Needed are cells by" in capsys.readouterr().err
    assert not output.exists()


def test_cells_with_a_lost_row_are_refused(notices: Run, files: dict[str, Path], tmp_path: Path, capsys: Any) -> None:
    rows = files["cells.csv"].read_text(encoding="utf-8").splitlines(keepends=True)
    files["cells.csv"].write_text("".join([rows[0], *rows[2:]]), encoding="utf-8")
    output = tmp_path / "n.jsonl"
    assert notices(*_asked(files), "--cells", files["cells.csv"], "--output", output) == 3
    assert "1 cell(s) lack an increment" in capsys.readouterr().err
    assert not output.exists()


def test_verify_takes_no_cells_and_another_card_is_told(
    notices: Run, written: Path, files: dict[str, Path], project_folder: Path, capsys: Any
) -> None:
    assert notices("--verify", written, "--cells", files["cells.csv"]) == 2
    assert "give only --plans with it" in capsys.readouterr().err
    assert notices("--verify", written, "--plans", project_folder / "configs" / "plans_megaline.yaml") == 5
    assert "of another sha256 than the one at hand" in capsys.readouterr().err


def test_bills_worked_out_by_hand_are_what_a_notice_shows(run: Run, project_folder: Path, tmp_path: Path) -> None:
    """The bills of B in `examples/cards/ibera/bills.csv`: 8.36 in March, of it 2.36 for a call abroad, and 6.00."""
    folder = project_folder / "examples" / "cards" / "ibera"
    events = ("--card", folder / "card.yaml", "--accounts", folder / "accounts.yaml", "--events", folder / "events.csv")
    cells, usage, output = (tmp_path / name for name in ("cells.parquet", "usage.csv", "n.jsonl"))
    assert run("bill", *events, "--cells-output", cells) == 0
    usage.write_text(USAGE.partition("\n")[0] + "\nB,2025-03,3,0,0,cero,10,0\nB,2025-04,0,0,0,cero,11,0\n")
    asked = ("--usage", usage, "--cells", cells, "--as-of", "2025-05-01", "--output", output)
    assert run("notices", "--plans", folder / "card.yaml", *asked) == 0
    notice = lines(output)[1]
    assert notice["figures"]["current"]["bills_cents"] == [836, 600]
    assert notice["figures"]["current"]["items"] == [
        {"name": "calls abroad", "quantity": {"seconds": "120"}, "cents": 236},
        {"name": "minimum spend top-up", "quantity": {}, "cents": 1200},
    ]
    assert "made up of calls abroad 1.18 EUR and minimum spend top-up 6.00 EUR" in notice["text"]
    assert notice["figures"]["not_offered"] == {"duo": "NEEDS_USAGE_DETAIL"}


def test_the_fee_shown_is_that_of_the_month_of_the_change(tmp_path: Path) -> None:
    changes = "fee_changes: [{from_period: 2025-12, fee: 2200.5}, {from_period: 2026-01, fee: 9900}]"
    found = write_cell_files(tmp_path, USAGE, (CARD + SHORT).replace("fee: 2000\n", f"fee: 2000\n    {changes}\n", 1))
    pricing = CellPricing(load_cell_plans(found["card.yaml"]))
    basis = basis_of(
        "a",
        as_of=date(2025, 11, 1),
        contract_end=None,
        current_plan="flat",
        age=None,
        months=["2025-10"],
        usage=([0], [0], [0]),
        versions=versions_of(pricing.plans.wide, ""),
        cells=BasisCells(scheme_of(pricing.plans.card).digest, ()),
    )
    current = figures_of([basis], pricing.plans.wide, pricing)[0].current
    assert (current.bills_cents, current.monthly_fee_cents) == ((2000,), 2201)  # from 1 December on, half a cent up
    with pytest.raises(DataError, match="1 basis\\(es\\) hold a plan whose bills their cells do not say"):
        figures_of([replace(basis, cells=None)], pricing.plans.wide, pricing)


def test_usage_digest_covers_the_cells() -> None:
    row = ("2025-10", "call", "", "home", "", "", "1/1", 1, 60, ())
    months, usage = ["2025-10"], ([1_000_000], [0], [0])
    versions = Versions("0", "v", "", "EUR", Rounding(minutes="call"))
    told = [None, *(BasisCells(scheme, rows) for scheme in ("s", "t") for rows in ((), (row,), (row, row)))]
    asked = {"as_of": date(2025, 11, 1), "contract_end": None, "current_plan": "p", "age": None}
    bases = [basis_of("a", **asked, months=months, usage=usage, versions=versions, cells=cells) for cells in told]
    assert len({basis.usage_sha256 for basis in bases}) == len(told)
    lines = 'a,2025-10,1000000,0,0\ncells,s\n["2025-10","call","","home","","","1/1",1,60,[]]\n'
    assert bases[2].usage_sha256 == sha256(lines.encode()).hexdigest()


def test_a_basis_holds_cells_of_its_own_months_alone(notices: Run, files: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "short.jsonl"
    asked = ("--cells", files["cells.parquet"], "--history-months", 1, "--output", output)
    assert notices(*_asked(files), *asked) == 0
    header, first, *_ = lines(output)
    assert [row[:2] for row in first["basis"]["cells"]["rows"]] == [["2025-10", "call"]] * 3 + [["2025-10", "data"]]
    assert first["figures"]["best"]["bills_cents"] == [211]
    assert header["header"]["cells"]["lacking"] == 2  # c and d; of f the month that is looked at has its cells
    assert notices("--verify", output) == 0
