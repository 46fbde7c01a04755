"""Amounts at the bounds: which are noted, which refused; the last month that counts; subscribers not answered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import DataError
from common_utils.tables import Reading, RowReport
from planrec.billing import MAX_USAGE, Catalogue
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.operator import simulate
from planrec.usage.amounts import check_amounts, counts_of
from planrec.usage.last_month import first_month, last_month
from planrec.usage.months_table import withheld
from planrec.usage.read import read_usage_table

ACCOUNT = RowReport("usage", read=1, kept=1)


def notes(minutes: list[float], megabytes: list[float], *, accept: bool = False) -> str:
    size = max(len(minutes), len(megabytes))
    columns = {
        "minutes": minutes or [300.0] * size,
        "messages": [1.0] * size,
        "megabytes": megabytes or [5000.0] * size,
    }
    counts = counts_of(pd.DataFrame(columns), np.arange(1, size + 1))
    return " | ".join(check_amounts(counts, ACCOUNT, accept=accept).notes)


@pytest.mark.parametrize(
    ("beyond", "refused"), [pytest.param(1, False, id="one-per-cent"), pytest.param(2, True, id="above-one-per-cent")]
)
def test_more_minutes_than_a_month_has(beyond: int, refused: bool) -> None:
    minutes = [44_641.0] * beyond + [300.0] * (98 - beyond) + [44_640.0] * 2
    if refused:
        with pytest.raises(DataError, match="are they seconds"):
            notes(minutes, [])
    assert f"{beyond} of 100 months with calls have more minutes" in notes(minutes, [], accept=True)
    assert "row 1" in notes(minutes, [], accept=True)


@pytest.mark.parametrize(
    ("minutes", "said", "refused"),
    [
        pytest.param([280.0 * 60] * 100, "6,000 or more; are they seconds?", True, id="seconds"),
        pytest.param([280.0 * 60] * 99, "6,000 or more; are they seconds?", False, id="too-few-months-to-refuse"),
        pytest.param([280.0 * 60_000] * 3, "are they milliseconds?", True, id="milliseconds"),
        pytest.param([3_000.0] * 100, "3,000 or more; are they seconds?", False, id="seconds-of-light-users"),
        pytest.param([2_999.0] * 100, "", False, id="heavy-users"),
        pytest.param([5_999.0] * 49 + [280.0] * 51, "", False, id="half-are-heavy-users"),
        pytest.param([4.6] * 100, "fewer than 10; are they hours?", False, id="hours"),
        pytest.param([4.6] * 20, "fewer than 10; are they hours?", False, id="hours-of-a-few"),
        pytest.param([4.6] * 19, "", False, id="too-few-months-to-tell"),
        pytest.param([4.6] * 10 + [10.0] * 10, "", False, id="half-have-some-minutes"),
        pytest.param([0.0] * 200, "", False, id="no-calls"),
    ],
)
def test_minutes_that_are_none(minutes: list[float], said: str, refused: bool) -> None:
    if refused:
        with pytest.raises(DataError, match="--accept-units"):
            notes(minutes, [])
    found = notes(minutes, [], accept=refused)
    assert said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("minutes", "megabytes", "example"),
    [
        pytest.param(16_800.0, 8_000.0, "({is: minutes, unit: seconds})", id="seconds"),
        pytest.param(16_800_000.0, 8_000.0, "({is: minutes, unit: milliseconds})", id="milliseconds"),
        pytest.param(280.0, 8.0, "({is: megabytes, unit: GB})", id="gigabytes"),
        pytest.param(280.0, 8.0 * 2**20, "({is: megabytes, unit: kB})", id="kB"),
        pytest.param(280.0, 8.0 * 2**30, "({is: megabytes, unit: bytes})", id="bytes"),
        pytest.param(16_800.0, 8.0, "({is: minutes, unit: seconds} or {is: megabytes, unit: GB})", id="both"),
    ],
)
def test_the_refusal_shows_the_mapping_that_would_mend_it(minutes: float, megabytes: float, example: str) -> None:
    with pytest.raises(DataError) as refused:
        notes([minutes] * 100, [megabytes] * 100)
    assert example in str(refused.value)


@pytest.mark.parametrize(
    ("column", "factor"),
    [
        pytest.param("minutes", 60.0, id="seconds"),
        pytest.param("megabytes", 1024.0, id="kB"),
        pytest.param("megabytes", 1 / 1024, id="GB"),
    ],
)
def test_amounts_of_people_pass_and_in_another_unit_are_refused(
    column: str, factor: float, catalogue: Catalogue
) -> None:
    config = SimulatorConfig(subscribers=300)
    people = simulate(config, catalogue, np.random.default_rng(7)).months
    assert check_amounts(counts_of(people), ACCOUNT).notes == ()
    heavy = people[people["minutes"] >= people["minutes"].quantile(0.9)]
    assert check_amounts(counts_of(heavy), ACCOUNT).notes == ()
    with pytest.raises(DataError, match=column):
        check_amounts(counts_of(people.assign(**{column: people[column] * factor})), ACCOUNT)


@pytest.mark.parametrize(
    ("megabytes", "said", "refused"),
    [
        pytest.param([99.9] * 100, "gigabytes", True, id="gigabytes-of-a-hundred-months"),
        pytest.param([99.9] * 99, "gigabytes", False, id="too-few-months-to-refuse"),
        pytest.param([100.0] * 100, "are they gigabytes (GB)", False, id="a-hundred-megabytes"),
        pytest.param([230.0] * 300, "fewer than 500 and not one in a hundred has 1,000", False, id="heavy-gigabytes"),
        pytest.param([230.0] * 19, "", False, id="too-few-months-to-tell"),
        pytest.param([230.0] * 297 + [1000.0] * 3, "", False, id="light-users"),
        pytest.param([99.9] * 99 + [1000.0], "gigabytes", False, id="one-in-a-hundred-has-a-gigabyte"),
        pytest.param([99.9] * 49 + [100.0] * 50 + [1000.0], "", False, id="half"),
        pytest.param([1e6] * 100, "kB", True, id="terabytes"),
        pytest.param([1e6] * 99, "kB", False, id="terabytes-of-too-few"),
        pytest.param([999_999.0] * 100, "100 GB or more; are they kB?", False, id="below-a-terabyte"),
        pytest.param([99_999.0] * 100, "", False, id="heavy-users"),
        pytest.param([1e8] * 2, "bytes", True, id="a-hundred-terabytes"),
        pytest.param([0.0] * 200, "", False, id="no-data"),
        pytest.param([5000.0] * 199 + [1e8 + 1], "1 month(s) have more than 100 TB; row 200", False, id="one-slip"),
    ],
)
def test_megabytes_that_are_none(megabytes: list[float], said: str, refused: bool) -> None:
    if refused:
        with pytest.raises(DataError, match="--accept-units"):
            notes([], megabytes)
    found = notes([], megabytes, accept=refused)
    assert said in found
    assert bool(found) == bool(said)


def test_amounts_add_up_over_blocks() -> None:
    rng = np.random.default_rng(3)
    months = pd.DataFrame({name: rng.uniform(0, 1e5, 300) for name in ("minutes", "messages", "megabytes")})
    rows = np.arange(1, 301)
    whole = counts_of(months, rows)
    parts = [counts_of(months[a : a + 100], rows[a : a + 100]) for a in (0, 100, 200)]
    added = parts[0] + parts[1] + parts[2]
    assert check_amounts(added, ACCOUNT, accept=True).notes == check_amounts(whole, ACCOUNT, accept=True).notes


@pytest.mark.parametrize(
    ("subscribers", "total", "last"),
    [
        pytest.param({24308: 200, 24309: 2}, 200, 24309, id="exactly-one-per-cent"),
        pytest.param({24308: 200, 24309: 1}, 200, 24308, id="below-one-per-cent"),
        pytest.param({24308: 200, 24320: 5}, 200, 24320, id="eleven-months-without-any"),
        pytest.param({24308: 200, 24321: 5}, 200, 24308, id="twelve-months-without-any"),
        pytest.param({25188: 1}, 1, 25188, id="one-month-alone"),
    ],
)
def test_the_last_month_that_counts(subscribers: dict[int, int], total: int, last: int) -> None:
    assert last_month(subscribers, total) == last
    assert last_month(subscribers, total, until=24300) == 24300


@pytest.mark.parametrize(
    ("subscribers", "first"),
    [
        pytest.param({24296: 3, 24308: 200}, 24296, id="eleven-months-without-any"),
        pytest.param({24295: 3, 24308: 200}, 24308, id="twelve-months-without-any"),
        pytest.param({23640: 1, 24308: 200, 25188: 1}, 24308, id="both-sides"),
    ],
)
def test_the_first_month_that_counts(subscribers: dict[int, int], first: int) -> None:
    assert first_month(subscribers) == first


@pytest.mark.parametrize(
    ("lost", "refused"),
    [
        pytest.param("2025-04", 0, id="before-the-last"),
        pytest.param("2025-05", 0, id="the-last-itself-has-a-good-row"),
        pytest.param("2025-06", 1, id="after-the-last"),
        pytest.param("2025-11", 0, id="after-what-is-asked"),
        pytest.param("?", 1, id="unreadable"),
    ],
)
def test_nobody_is_answered_by_a_month_before_a_rejected_one(lost: str, refused: int) -> None:
    months = pd.DataFrame({"subscriber_id": ["a", "b"], "month": ["2025-05", "2025-06"]})
    gone = pd.DataFrame({"subscriber_id": ["a", ""], "month": [lost, "2025-06"]})
    rest, count = withheld(months, gone, as_of=2025 * 12 + 9)
    assert count == refused
    assert rest["subscriber_id"].tolist() == (["b"] if refused else ["a", "b"])


def test_the_largest_amount_is_read_and_the_next_is_not(tmp_path: Path) -> None:
    path = tmp_path / "u.csv"
    amounts = ("0", str(MAX_USAGE), f"{MAX_USAGE}.000001", "-0", "-0.000001")
    rows = "".join(f"u{place},2025-01,1,1,{amount}\n" for place, amount in enumerate(amounts))
    path.write_text("subscriber_id,month,minutes,messages,megabytes\n" + rows, encoding="utf-8")
    data = read_usage_table(path, reading=Reading(accept_units=True))
    assert data.months["subscriber_id"].tolist() == ["u0", "u1", "u3"]
    assert sum(data.reports[0].rejected.values()) == 2
