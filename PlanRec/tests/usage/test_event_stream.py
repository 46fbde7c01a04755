"""Events read block by block: whatever the cut, the answer and the account are those of the whole."""

from __future__ import annotations

import random
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest

from common_utils.errors import DataError
from common_utils.tables import Reading
from common_utils.tables.pieces import blocks
from planrec.billing import Catalogue
from planrec.billing.catalogue import Rounding
from planrec.usage.event_files import read_event_tables
from planrec.usage.event_scan import ScannedEvents


def answer(folder: Path, catalogue: Catalogue) -> list[object]:
    """Months, accounts and rejects, or what is refused."""
    reading = Reading()
    try:
        data = read_event_tables(folder, catalogue, reading=reading)
        said: list[object] = [data.months.to_csv(), [asdict(report) for report in data.reports], data.notes]
    except DataError as error:
        said = [str(error)]
    return [*said, reading.accounts.rejects().to_csv()]


def mess(folder: Path, seed: int, *, ids: bool) -> None:
    """Calls with everything that costs a row, and a list that some of them are not in."""
    rng = random.Random(seed)  # noqa: S311 - a mess, no secret
    rows: list[dict[str, object]] = []
    for number in range(120):
        who = rng.choice(["u1", "u2", "u3", " u1", "NULL", "ghost", '="u2"'])
        day = rng.choice(["2025-01-05", "2025-02-05 10:00:00", "2025-03-06", "2025-02-30", "1970-01-01"])
        rows.append({"subscriber_id": who, "date": day, "minutes": rng.choice([0, 1.5, 2.0000001, -1, "x"])})
        if ids:
            rows[-1]["id"] = f"i{number if rng.random() < 0.8 else rng.randrange(number + 1)}"
    rows += rng.sample(rows, 5)
    pd.DataFrame(rows).to_csv(folder / "calls.csv", index=False)
    people = {"subscriber_id": ["u1", "u2", "u3"], "reg_date": ["2025-01-01", "2025-02-05", "2024-01-01"]}
    pd.DataFrame(people | {"churn_date": ["", "2025-02-20", ""]}).to_csv(folder / "subscribers.csv", index=False)


@pytest.mark.parametrize("ids", [True, False], ids=["ids", "no-ids"])
@pytest.mark.parametrize("seed", range(4))
def test_the_cut_does_not_show(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, seed: int, ids: bool
) -> None:
    mess(tmp_path, seed, ids=ids)
    whole = answer(tmp_path, catalogue)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 7)
    assert answer(tmp_path, catalogue) == whole


def parquet_mess(folder: Path, seed: int, *, parts: int, listed: bool) -> None:
    """The same in Parquet, calls in parts, and sessions with odd amounts."""
    rng = random.Random(seed)  # noqa: S311 - a mess, no secret
    whos = ["u1", "u2", "u3", " u1", "NULL", "ghost", '="u2"', "jose\u0301", "a-b", "", None]
    days = [*pd.date_range("2025-01-05", "2025-03-28", freq="9h"), *[None] * (seed % 2 * 5), pd.Timestamp("1800-01-01")]
    for name, amount in (("calls", "minutes"), ("sessions", "megabytes"), ("messages", None)):
        count = 150
        rows = pd.DataFrame({"subscriber_id": [rng.choice(whos[: 3 + seed * 3]) for _ in range(count)]})
        rows["date"] = pd.Series([rng.choice(days) for _ in range(count)], dtype="datetime64[us]")
        if amount is not None:
            odd = [0.0, -0.0, 2.0000001, 2.000001, 0.1, 0.2, 59.9999996, 300.0, -1.0, float("nan"), float("inf"), None]
            rows[amount] = [rng.choice(odd[: 7 + 2 * seed]) for _ in range(count)]
        rows = pd.concat([rows, rows.sample(4, random_state=seed)])
        if parts == 1:
            rows.to_parquet(folder / f"{name}.parquet", index=False)
            continue
        (folder / f"{name}.parquet").mkdir()
        for part in range(parts):
            rows.iloc[part::parts].to_parquet(folder / f"{name}.parquet" / f"part-{part}.parquet", index=False)
    if listed:
        people = {"subscriber_id": ["u1", "u2", "u3"], "reg_date": ["2025-01-01", "2025-02-05", "2024-01-01"]}
        pd.DataFrame(people | {"churn_date": ["", "2025-02-20", ""]}).to_csv(folder / "subscribers.csv", index=False)


@pytest.mark.parametrize(
    ("seed", "parts", "listed"), [(0, 1, True), (1, 3, False), (2, 3, True), (3, 1, False), (3, 3, True)]
)
def test_what_a_query_sums_is_what_rows_sum_to(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, seed: int, parts: int, listed: bool
) -> None:
    parquet_mess(tmp_path, seed, parts=parts, listed=listed)
    card = replace(catalogue, rounding=Rounding(minutes="call")) if seed % 2 else catalogue
    answered: list[int] = []
    group = ScannedEvents.group
    monkeypatch.setattr(ScannedEvents, "group", lambda self: answered.append(group(self)) or answered[-1])
    by_query = answer(tmp_path, card)
    assert len(answered) == 3
    assert sum(answered) > 100
    monkeypatch.setattr(blocks.TableBlocks, "scan", lambda _: None)
    assert answer(tmp_path, card) == by_query
    assert len(answered) == 3


def test_ids_that_are_there_twice_are_found_across_blocks(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["a,2025-01-01,1,i1", "a,2025-01-02,1,i2", "a,2025-01-01,1,i1", "a,2025-01-03,2,i2", "a,2025-01-04,4,i4"]
    (tmp_path / "calls.csv").write_text("\n".join(["subscriber_id,date,minutes,id", *lines]) + "\n")
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 1)
    data = read_event_tables(tmp_path, catalogue)
    assert data.reports[0].rejected == {"conflicting row for the same key": 2, "duplicate row": 1}
    assert data.months["minutes"].tolist() == [5.0]


def test_a_damaged_block_is_told_in_our_words(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "calls.parquet"
    dates = pd.to_datetime(["2025-01-01"] * 9000)
    pd.DataFrame({"subscriber_id": "a", "date": dates, "minutes": range(9000)}).to_parquet(path, row_group_size=1000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    path.write_bytes(bytes(data))
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 1000)
    with pytest.raises(DataError, match="cut short or damaged"):
        read_event_tables(tmp_path, catalogue)
