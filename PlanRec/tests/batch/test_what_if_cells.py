"""What-if with cells: full plans cost what `recommend --cells` says, and other usage multiplies their cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from planrec.batch import what_if
from planrec.usage.pieces import stream
from tests.batch.cells import CARD, SHORT, write_cell_files
from tests.batch.test_cell_use import USAGE

Run = Callable[..., int]
AS_OF = ("--as-of", "2025-10")
FULL = ("metered", "flat", "calls-only")
DRAFT = """plan_id: drafted
name: Drafted
monthly_fee_cents: 50
included: {minutes: 500, messages: 50, megabytes: 0}
overage: {cents_per_minute: 3, cents_per_message: 3, cents_per_data_unit: 1000}
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return write_cell_files(tmp_path, USAGE)


@pytest.fixture
def ask(run: Run, files: dict[str, Path], tmp_path: Path) -> Callable[..., pd.DataFrame]:
    def call(*words: object, cells: str = "cells.parquet") -> pd.DataFrame:
        asked = ("--usage", files["usage.csv"], "--plans", files["card.yaml"], "--cells", files[cells], *AS_OF)
        assert run("what-if", *asked, *words, "--output", tmp_path / "what_if.csv") == 0
        return pd.read_csv(tmp_path / "what_if.csv").set_index(["subscriber_id", "plan_id"])

    return call


def test_bills_before_are_those_of_recommend(
    ask: Callable[..., pd.DataFrame], run: Run, files: dict[str, Path], tmp_path: Path
) -> None:
    found = ask("--travel")
    asked = ("--usage", files["usage.csv"], "--plans", files["card.yaml"], "--cells", files["cells.csv"], *AS_OF)
    assert run("recommend", *asked, "--top", 9, "--output", tmp_path / "advice.csv") == 0
    advice = pd.read_csv(tmp_path / "advice.csv").set_index(["subscriber_id", "plan_id"])
    now = found["expected_bill_cents"].dropna().astype(int)
    assert now.to_dict() == advice["expected_bill_cents"].to_dict()
    assert set(found.index[found["best_now"]]) == set(advice.index[advice["rank"] == 1])
    # The month of travel takes half as much data again: 5 + 10; 5 + 6 + 1,500 MB at .2 = 311.
    assert found.loc[("a", "metered"), "travel_bill_cents"] == 163
    assert found.loc[("a", "metered"), "expected_bill_then_cents"] == round((11 * 113 + 163) / 12)


def test_other_usage_multiplies_the_cells(ask: Callable[..., pd.DataFrame], capsys: pytest.CaptureFixture[str]) -> None:
    found = ask("--usage-factor", 2)
    # a, by the second: 2 calls, 200 s = 10 + 20; 2 calls, 120 s, 2,000 MB = 10 + 12 + 400. Flat: 20.00 and 24.00.
    then = found.loc["a", "expected_bill_then_cents"].dropna().to_dict()
    assert then == {"metered": 226, "flat": 2200, "surf": 2000}
    assert found.loc["a", "expected_bill_cents"].dropna().to_dict() == {"metered": 113, "flat": 2100, "surf": 2000}
    codes = found["reason_code"].unstack().reindex(columns=FULL)
    assert codes.loc["a"].fillna("").to_dict() == {"metered": "", "flat": "", "calls-only": "NOT_SOLD"}
    assert (codes.loc[["c", "d"]] == "NEEDS_USAGE_DETAIL").all(axis=None)
    assert found.loc[["c", "d"], "expected_bill_then_cents"].unstack()[list(FULL)].isna().all(axis=None)
    said = capsys.readouterr()
    assert "2 subscriber(s) lack cells of a month, or have cells that contradict" in said.err
    assert "plan least is left out (NEEDS_USAGE_DETAIL)" in said.err
    assert "By the second" not in said.out
    assert "metered" in said.out


def test_without_data_a_plan_that_sells_none_is_open(ask: Callable[..., pd.DataFrame]) -> None:
    found = ask("--megabytes-factor", 0, "--minutes-factor", 0)
    assert found.loc[("a", "calls-only"), "expected_bill_then_cents"] == 0
    assert pd.isna(found.loc[("a", "calls-only"), "expected_bill_cents"])
    assert found.loc[("a", "flat"), "expected_bill_then_cents"] == 2000
    # Without use the cells of d no longer contradict it; they did for the months that the question is about.
    assert found.loc[("d", "flat"), "reason_code"] == "NEEDS_USAGE_DETAIL"
    assert pd.isna(found.loc[("d", "flat"), "expected_bill_then_cents"])


def test_a_month_of_travel_is_priced_from_cells_on_top_of_the_change(ask: Callable[..., pd.DataFrame]) -> None:
    found = ask("--megabytes-factor", 0, "--travel", "--travel-minutes-factor", 2)
    # a: 5 + 10 and 5 + 6, then twice that; a year has eleven months of 13 and one of 26.
    assert found.loc[("a", "calls-only"), "travel_bill_cents"] == 26
    assert found.loc[("a", "calls-only"), "expected_bill_then_cents"] == round((11 * 13 + 26) / 12)


def test_a_drafted_plan_stands_beside_plans_that_cells_price(
    ask: Callable[..., pd.DataFrame], tmp_path: Path, run: Run
) -> None:
    (tmp_path / "plan.yaml").write_text(DRAFT, encoding="utf-8")
    found = ask("--plan", tmp_path / "plan.yaml")
    # a on the draft: .50, and .50 + 10.00 for a started GB.
    assert found.loc[("a", "drafted"), "expected_bill_then_cents"] == 550
    assert pd.isna(found.loc[("a", "drafted"), "expected_bill_cents"])
    assert found.loc[("a", "metered"), "expected_bill_then_cents"] == 113
    assert found.loc[("c", "drafted"), ["expected_bill_then_cents", "best_then"]].tolist() == [50, True]


def test_the_cut_and_the_workers_do_not_show(ask: Callable[..., pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ask("--usage-factor", 1.5, "--travel")
    monkeypatch.setattr(stream, "PIECE_ROWS", 4)
    monkeypatch.setattr(what_if, "_CHUNK", 1)
    pieces = ask("--usage-factor", 1.5, "--travel", "--workers", 2, cells="cells.csv")
    pd.testing.assert_frame_equal(pieces, whole)


def test_a_card_in_the_short_form_takes_no_cells(
    run: Run, files: dict[str, Path], project_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plans = ("--plans", project_folder / "configs" / "plans_megaline.yaml", "--cells", files["cells.csv"])
    out = ("--travel", "--output", tmp_path / "out.csv")
    assert run("what-if", "--usage", files["usage.csv"], *AS_OF, *plans, *out) == 2
    assert "in the short form and priced from minutes" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_past_months_keep_the_prices_of_their_own_dates(run: Run, tmp_path: Path) -> None:
    changes = "fee: 2000\n    fee_changes: [{from_period: 2025-10, fee: 3000}]\n"
    found = write_cell_files(tmp_path, USAGE, (CARD + SHORT).replace("fee: 2000\n", changes, 1))
    asked = ("--usage", found["usage.csv"], "--plans", found["card.yaml"], "--cells", found["cells.csv"], *AS_OF)
    assert run("what-if", *asked, "--minutes-factor", 2, "--output", tmp_path / "out.csv") == 0
    flat = pd.read_csv(tmp_path / "out.csv").query("subscriber_id == 'a' and plan_id == 'flat'")
    # 20.00 in September, 30.00 and 1,000 MB at .2 in October; calls are free, so that twice as many change nothing.
    assert flat[["expected_bill_cents", "expected_bill_then_cents"]].to_numpy().tolist() == [[2600, 2600]]
