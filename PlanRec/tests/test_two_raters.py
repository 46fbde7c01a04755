"""The fast rater against the slow one: random cards and events, planted faults, and what the slow one imports."""

from __future__ import annotations

import ast
import csv
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tariff_check
import yaml
from random_tariffs.case import random_case
from random_tariffs.dice import CONSTRUCTS
from slow_rater import bills
from slow_rater.month import Month, Subscription
from slow_rater.rater import slow_bills
from tariff_cases import case_folders, differing_lines, expected_lines
from tariff_check import check, run

from planrec.billing.rating import allowances, bill, cells, fees, frame, passes
from planrec.billing.rating.charges import caps, of_rates, sums
from planrec.billing.rating.holdings import ALWAYS

CASES = Path(__file__).parent / "tariffs"


def test_slow_rater_imports_nothing_of_the_product() -> None:
    names: set[str] = set()
    for path in Path(bills.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {n.split(".")[0] for n in names} == {
        "slow_rater",
        *("__future__", "calendar", "collections", "datetime", "fractions", "itertools", "math", "typing", "zoneinfo"),
    }


@pytest.mark.parametrize("folder", list(case_folders([CASES])), ids=lambda f: f.name)
def test_slow_rater_bills_the_cases(folder: Path) -> None:
    tree, rows = _case(folder)
    assert sorted(slow_bills(tree, rows)) == sorted(expected_lines(folder))


def test_two_raters_agree_on_random_cards() -> None:
    seen = check(range(60))
    assert seen.differing == []
    assert seen.lines > 500


@pytest.mark.slow
def test_two_raters_agree_on_two_thousand_random_cards_that_draw_every_construct() -> None:
    seen = check(range(2000))
    assert seen.differing == []
    assert seen.apart == 0
    assert [name for name in CONSTRUCTS if not seen.drawn[name]] == []


def test_generator_draws_the_same_case_from_a_seed() -> None:
    assert random_case(7)[:2] == random_case(7)[:2]


def test_a_stopped_check_goes_on_where_it_was_and_begins_again_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, whole = tmp_path / "kept.json", check(range(10))
    asked: list[range] = []
    monkeypatch.setattr(tariff_check, "PIECE", 4)
    monkeypatch.setattr(tariff_check, "check", lambda seeds, seen: asked.append(seeds) or check(seeds, seen))
    run(4, 0, kept)
    found = run(10, 0, kept)
    assert asked == [range(4), range(4, 8), range(8, 10)]
    assert (found.cases, found.lines, found.differing) == (whole.cases, whole.lines, [])
    assert {name: found.drawn[name] for name in CONSTRUCTS} == {name: whole.drawn[name] for name in CONSTRUCTS}
    monkeypatch.setattr(tariff_check, "sources_digest", lambda: "another")
    assert run(4, 0, kept).cases == check(range(4)).cases
    assert asked[3:] == [range(4)]


Plant = Callable[[pytest.MonkeyPatch], None]


def _replace(owner: Any, name: str, wrap: Callable[[Any], Any]) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(owner, name, wrap(getattr(owner, name)))

    return plant


def _fewer_cents(found: dict[str, Any]) -> dict[str, Any]:
    return {item: np.maximum(cents - 1, 0) for item, cents in found.items()}


def _half_down(round_charge: Any) -> Any:
    def rounded(amounts: Any, unit: int, how: str) -> Any:
        return round_charge(np.maximum(amounts - 1, 0) if how == "half_up" else amounts, unit, how)

    return rounded


def _constant(value: Any) -> Callable[[Any], Any]:
    """Return what replaces a function by one that always answers `value`."""
    return lambda _replaced: lambda *_arguments: value


FAULTS = {
    "fast: half up is half down": _replace(sums, "round_charge", _half_down),
    "fast: up is half up": _replace(sums, "round_charge", lambda f: lambda a, unit, _: f(a, unit, "half_up")),
    "fast: a pass of 25 hours": _replace(passes, "DAY", lambda day: day + 3600),
    "fast: bands an hour late": _replace(
        cells, "band_table", lambda f: lambda card: (np.roll(f(card)[0], 60), f(card)[1])
    ),
    "fast: rollover without a most": _replace(
        allowances,
        "amount_of",
        lambda f: lambda row, value, key, unit: 10**12 if "max" in key else f(row, value, key, unit),
    ),
    "fast: caps never cut": _replace(sums, "cut_by_caps", lambda f: lambda a, cell, limits: (a, f(a, cell, limits)[1])),
    "fast: caps forget earlier charges": _replace(caps, "used_before", lambda f: lambda *a: f(*a) * 0),
    "fast: day limits are of the period": _replace(allowances, "run_numbers", lambda f: lambda *keys: f(keys[0])),
    "fast: nothing included in a day fee": _replace(of_rates, "clip_to_limits", lambda f: lambda *a: f(*a) * 0),
    "fast: days of another length": _replace(frame, "DAY", lambda day: day + 1),
    "fast: items a cent less": _replace(bill, "bill_items", lambda f: lambda *a: _fewer_cents(f(*a))),
    "fast: months of leaving early": _replace(fees, "month_later", lambda f: lambda day, months: f(day, months + 1)),
    "fast: numbers without a most": _replace(allowances, "_nth_number", lambda _: lambda _rule, _asked, to: to * 0),
    "fast: purchases from the first day": _replace(
        allowances, "_of_purchases", lambda f: lambda begun, *rest: f(np.where(begun < ALWAYS, 0, begun), *rest)
    ),
    "fast: a price of another day's least": _replace(of_rates, "run_numbers", lambda f: lambda *keys: f(keys[0])),
    "slow: no least price of a day": _replace(
        Month, "of_day", lambda _: lambda _self, _key, _rate, _event, cents: cents
    ),
    "slow: each number counts": _replace(Month, "number_counts", _constant(True)),
    "slow: half up is half even": _replace(bills, "half_up", lambda _: round),
    "slow: nothing at a period's end": _replace(Month, "end_of_period", _constant(None)),
    "slow: rollover forgotten": _replace(Month, "roll", _constant(None)),
    "slow: bank forgotten": _replace(Month, "banked", _constant(Fraction(0))),
    "slow: refusals forgotten": _replace(Month, "refusing", _constant(set())),
    "slow: passes never run": _replace(Month, "runs", _constant(False)),
    "slow: increments forgotten": _replace(Month, "billed", lambda _: lambda _self, _rate, e: e.quantity),
    "slow: subscribers always there": _replace(Subscription, "there", _constant(True)),
    "slow: minutes count as seconds": _replace(Month, "units", lambda _: lambda _self, _row, value: Fraction(value)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[name](monkeypatch)
    assert _found_in_cases(fast=name.startswith("fast")) or any(
        check(range(first, first + 10)).differing for first in range(0, 200, 10)
    )


def _found_in_cases(*, fast: bool) -> bool:
    for folder in case_folders([CASES]):
        if fast:
            found = bool(differing_lines(folder))
        else:
            tree, rows = _case(folder)
            found = sorted(slow_bills(tree, rows)) != sorted(expected_lines(folder))
        if found:
            return True
    return False


def _case(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    tree = yaml.load((folder / "case.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - text only
    with (folder / "events.csv").open(encoding="utf-8", newline="") as file:
        return tree, list(csv.DictReader(file))
