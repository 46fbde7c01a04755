"""What files bring that is not what it seems: refused, repaired with a word, or counted; by the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Run = Callable[..., int]
HEADER = "subscriber_id,month,minutes,messages,megabytes,current_plan\n"
MONTHS = ("2025-05", "2025-06", "2025-07", "2025-08", "2025-09", "2025-10")


def usage(*, people: int = 40, months: tuple[str, ...] = MONTHS, megabytes: str = "9000") -> list[str]:
    return [f"{100 + who},{month},300,20,{megabytes},basic-6" for who in range(people) for month in months]


def written(folder: Path, lines: list[str], header: str = HEADER) -> Path:
    path = folder / f"u{len(list(folder.iterdir()))}.csv"
    path.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def recommend(usage_: Path, output: Path, *further: object) -> list[object]:
    asked = ["--plans", "configs/plans.yaml", "--as-of", "2025-10", "--output", output]
    return ["recommend", "--usage", usage_, *asked, *further]


@pytest.mark.parametrize("odd", ["\u200b100", "100\ufeff", "\u2060100", "\u00ad100", "100\u200e"])
def test_characters_nobody_sees_make_no_other_subscriber(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], odd: str
) -> None:
    lines = usage()
    assert run(*recommend(written(tmp_path, lines), tmp_path / "good.csv")) == 0
    lines[2] = lines[2].replace("100,", f"{odd},", 1)
    assert run(*recommend(written(tmp_path, lines), tmp_path / "odd.csv")) == 0
    assert "subscriber_id: invisible characters taken out (1)" in capsys.readouterr().err or odd.endswith("\ufeff")
    assert (tmp_path / "odd.csv").read_text() == (tmp_path / "good.csv").read_text()


def test_an_apostrophe_before_an_id_is_rejected(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = usage()
    lines[2] = f"'{lines[2]}"
    assert run(*recommend(written(tmp_path, lines), tmp_path / "o.csv")) == 0
    assert (
        "subscriber_id: an id behind the apostrophe of a spreadsheet: export ids as text (1)" in capsys.readouterr().err
    )


def test_a_repair_that_loses_a_value_names_its_row(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{line},{'999' if place in (3, 7) else '40'}" for place, line in enumerate(usage(), start=1)]
    assert run(*recommend(written(tmp_path, lines, HEADER.replace("\n", ",age\n")), tmp_path / "o.csv")) == 0
    assert "age: not between 0 and 130, taken as unknown (2; row 3, 7)" in capsys.readouterr().err


def test_a_plan_that_is_not_in_the_card_names_row_and_nearest_plan(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = usage()
    lines[4] = lines[4].replace("basic-6", "basic-7")
    assert run(*recommend(written(tmp_path, lines), tmp_path / "o.csv")) == 0
    said = capsys.readouterr().err
    assert "current_plan: not in the rate card, taken as unknown (1; row 5)" in said
    assert "'basic-7' (nearest: 'basic-6')" in said


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["recommend"], id="recommend"),
        pytest.param(["what-if", "--usage-factor", "1.2"], id="what-if"),
        pytest.param(["notices"], id="notices"),
    ],
)
def test_months_after_as_of_are_set_aside_and_counted(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    lines = [f"{line},0" for line in [*usage(), "100,2099-01,1,1,1,basic-6", "101,2036-02,1,1,1,basic-6"]]
    source = written(tmp_path, lines, HEADER.replace("\n", ",contract_months_left\n"))
    day = "2025-10-31" if words == ["notices"] else "2025-10"
    asked = ["--usage", source, "--plans", "configs/plans.yaml", "--as-of", day, "--output", tmp_path / "o.csv"]
    assert run(*words, *asked) == 0
    assert "set aside: after 2025-10, the month of --as-of (2)" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("words", [["recommend"], ["what-if", "--usage-factor", "1.2"]])
def test_months_that_all_lie_after_as_of_are_set_aside_in_the_account_of_the_error(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], ending: str
) -> None:
    source = written(tmp_path, usage(people=2))
    if ending == "parquet":
        table = pd.read_csv(source)
        source = tmp_path / "u.parquet"
        table.to_parquet(source)
    asked = ["--usage", source, "--plans", "configs/plans.yaml", "--as-of", "2024-01", "--output", tmp_path / "o.csv"]
    assert run(*words, *asked) == 3
    said = capsys.readouterr().err
    assert "12 rows read, 0 kept, 0 rejected, 12 set aside" in said
    assert "no month up to 2024-01" in said


@pytest.mark.parametrize("words", [["recommend"], ["what-if", "--usage-factor", "1.2"]])
def test_stale_usage_is_answered_with_no_recent_month(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    source = written(tmp_path, usage(months=("2019-09", "2019-10")))
    asked = ["--usage", source, "--plans", "configs/plans.yaml", "--as-of", "2025-10", "--output", tmp_path / "o.csv"]
    assert run(*words, *asked) == 3
    assert "no recent month" in capsys.readouterr().err
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize("words", [["recommend"], ["what-if", "--usage-factor", "1.2"]])
def test_subscribers_without_a_recent_month_are_counted(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    lines = [line.replace(",2025-", ",2019-") if line.startswith(("100,", "101,")) else line for line in usage()]
    source = written(tmp_path, lines)
    asked = ["--usage", source, "--plans", "configs/plans.yaml", "--as-of", "2025-10", "--output", tmp_path / "o.csv"]
    assert run(*words, *asked) == 0
    assert "2 subscriber(s) have no recent month (features.recent_months): not answered" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["recommend"], ["what-if", "--usage-factor", "1.2"]])
@pytest.mark.parametrize(
    "change",
    [lambda line: f"{line},9", lambda line: line.rpartition(",")[0], lambda line: line.replace(",", ";")],
    ids=["long", "short", "other-delimiter"],
)
def test_nobody_is_answered_by_months_before_a_row_with_too_many_or_too_few_fields(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], change: Callable[[str], str]
) -> None:
    lines = usage(people=40)
    source = written(tmp_path, [*lines[:-1], change(lines[-1])])
    asked = ["--usage", source, "--plans", "configs/plans.yaml", "--as-of", "2025-10", "--output", tmp_path / "o.csv"]
    assert run(*words, *asked) == 0
    said = capsys.readouterr().err
    assert "1 subscriber(s) have a rejected row after their last usable month: not answered" in said
    assert lines[-1].split(",")[0] not in (tmp_path / "o.csv").read_text().replace("\n", ",").split(",")


def test_a_month_decades_before_the_others_is_told(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line.replace("2025-06", "1970-01") if place == 1 else line for place, line in enumerate(usage())]
    assert run(*recommend(written(tmp_path, lines), tmp_path / "o.csv")) == 0
    assert "month: more than 12 months without any between some subscribers' months" in capsys.readouterr().err
    data = ["data", "--data-source", "table", "--data", written(tmp_path, lines)]
    assert run(*data) == 0
    said = capsys.readouterr()
    assert "set aside: before 2025-05, the first month that counts (1)" in said.err
    assert "1970" not in said.out


def events(folder: Path, spelt: str = "{}", *, list_: bool = False, few: int | None = None) -> list[object]:
    folder.mkdir()
    days = [(f"100{who:02d}", f"{month}-{day}") for who in range(20) for month in MONTHS for day in ("03", "17")]
    calls = "".join(f"{who},{day},5\n" for who, day in days)
    odd = [(spelt.format(who) if few is None or place < few else who, day) for place, (who, day) in enumerate(days)]
    (folder / "calls.csv").write_text("subscriber_id,date,minutes\n" + calls, encoding="utf-8")
    (folder / "messages.csv").write_text(
        "subscriber_id,date\n" + "".join(f"{who},{day}\n" for who, day in odd), encoding="utf-8"
    )
    if list_:
        people = "".join(f"100{who:02d},2025-05-01\n" for who in range(20))
        (folder / "subscribers.csv").write_text("subscriber_id,reg_date\n" + people, encoding="utf-8")
    return ["data", "--data-source", "table", "--data", folder, "--set", "data.table.kind=events"]


@pytest.mark.parametrize(
    ("spelt", "said"),
    [
        pytest.param("+{}", "an id that another differs from by a leading + or 0", id="plus"),
        pytest.param("00{}", "an id that another differs from by a leading + or 0", id="zeros"),
        pytest.param("tel:{}", "no subscriber of calls is in messages", id="nobody-in-common"),
        pytest.param("{}.0", "an id with decimals (.0)", id="decimals"),
    ],
)
def test_tables_that_spell_ids_in_two_ways_are_refused_without_a_list_too(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], spelt: str, said: str
) -> None:
    assert run(*events(tmp_path / "e", spelt)) == 3
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_few_ids_spelt_otherwise_are_told(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*events(tmp_path / "e", "+{}", few=2)) == 0
    assert "subscriber_id is taken as written" in capsys.readouterr().err
    assert run(*events(tmp_path / "good")) == 0
    assert "taken as written" not in capsys.readouterr().err


def test_a_table_that_meets_nobody_is_refused_with_its_account(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*events(tmp_path / "e", "tel:{}", list_=True), "--rejects", tmp_path / "r.csv") == 3
    assert "subscriber not in the list (240)" in capsys.readouterr().err
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 241


def test_an_event_before_all_others_invents_no_months(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = events(tmp_path / "e")
    with (tmp_path / "e" / "calls.csv").open("a", encoding="utf-8") as file:
        file.write("10001,1970-01-01,5\n")
    assert run(*command) == 0
    said = capsys.readouterr()
    assert "set aside: before 2025-05, the first month that counts (1)" in said.err
    assert "1970" not in said.out


@pytest.mark.parametrize(
    ("megabytes", "code"),
    [
        pytest.param("9000", 0, id="megabytes"),
        pytest.param("9437184000", 3, id="bytes"),
        pytest.param("8.79", 3, id="GB"),
    ],
)
def test_megabytes_that_cannot_be_are_refused(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], megabytes: str, code: int
) -> None:
    source = written(tmp_path, usage(megabytes=megabytes))
    assert run(*recommend(source, tmp_path / "o.csv")) == code
    if code and megabytes != "9437184000":  # beyond what can be rated, whatever is accepted
        assert "--accept-units" in capsys.readouterr().err
        assert run(*recommend(source, tmp_path / "o.csv", "--accept-units")) == 0
