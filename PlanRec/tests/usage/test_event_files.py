from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from common_utils.errors import ConfigError, DataError
from common_utils.tables import Reading
from common_utils.tables.reading import ColumnSource
from planrec.billing import Catalogue
from planrec.months import month_indices
from planrec.usage.event_files import ChurnCut, EmptyMonths, read_event_tables, read_megaline
from planrec.usage.months_table import UsageData

FILES = {
    "megaline_users.csv": """user_id,first_name,last_name,age,city,reg_date,plan,churn_date
1000,Ada,Secret,45,"Town, GA",2018-10-24,surf,
1001,Bob,Secret,28,"Town, GA",2018-10-01,ultimate,2018-11-15
""",
    "megaline_calls.csv": """id,user_id,call_date,duration
1000_1,1000,2018-10-25,0.0
1000_2,1000,2018-12-27,8.52
1000_3,1000,2018-12-28,0.01
1000_4,1000,2018-10-23,5.0
1001_1,1001,2018-11-15,3.0
1001_2,1001,2018-11-16,4.0
1002_1,1002,2018-11-16,4.0
""",
    "megaline_messages.csv": """id,user_id,message_date
1000_1,1000,2018-12-27
1001_1,1001,2018-12-01
1001_1,1001,2018-12-01
""",
    "megaline_internet.csv": """id,user_id,session_date,mb_used
1000_1,1000,2018-12-27,0.1
1000_2,1000,2018-12-27,0.2
1000_3,1000,2018-12-27,0.0
1001_1,1001,2018-12-27,-3.0
1001_2,1001,2018-13-27,3.0
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def rows(data: UsageData) -> list[tuple[object, ...]]:
    columns = ["subscriber_id", "month", "minutes", "messages", "megabytes"]
    return list(data.months[columns].itertuples(index=False, name=None))


def rejected(data: UsageData) -> dict[str, dict[str, int]]:
    return {report.table: report.rejected for report in data.reports}


def test_megaline_with_the_churn_cut_bills_every_month_between(folder: Path, megaline: Catalogue) -> None:
    data = read_megaline(folder, megaline, churn_cut="documented", empty_months="bill")
    assert rows(data) == [
        ("1000", "2018-10", 0.0, 0.0, 0.0),  # a missed call only
        ("1000", "2018-11", 0.0, 0.0, 0.0),  # no event: billed all the same
        ("1000", "2018-12", 10.0, 1.0, 0.3),  # 9 + 1 minutes
        ("1001", "2018-10", 0.0, 0.0, 0.0),
        ("1001", "2018-11", 3.0, 0.0, 0.0),  # the day of churn still counts; no month after it
    ]
    assert data.months["partial"].tolist() == [True, False, False, False, False]
    assert data.months["current_plan"].tolist() == ["surf"] * 3 + ["ultimate"] * 2
    assert data.months["tenure_months"].tolist() == [0, 1, 2, 0, 1]
    assert data.notes == (
        "months without events are billed as months of no usage; events after churn_date are set aside",
        "3 months without usage, 3 of them before the subscriber's first use",
    )


def test_megaline_without_the_cut_keeps_events_after_churn(folder: Path, megaline: Catalogue) -> None:
    data = read_megaline(folder, megaline, churn_cut="none", empty_months="drop")
    assert rows(data) == [
        ("1000", "2018-10", 0.0, 0.0, 0.0),
        ("1000", "2018-12", 10.0, 1.0, 0.3),
        ("1001", "2018-11", 7.0, 0.0, 0.0),
        ("1001", "2018-12", 0.0, 1.0, 0.0),
    ]


def test_megaline_accounts_for_every_row(folder: Path, megaline: Catalogue) -> None:
    data = read_megaline(folder, megaline, churn_cut="documented", empty_months="bill")
    assert rejected(data) == {
        "calls": {"before reg_date": 1, "subscriber not in the list": 1},
        "messages": {"duplicate row": 1},
        "sessions": {"date: not a date (YYYY-MM-DD)": 1, "megabytes: not between 0 and 1,000,000,000": 1},
        "subscribers": {},
    }
    for report in data.reports:
        assert report.read == report.kept + sum(report.rejected.values()) + sum(report.set_aside.values())
    assert [report.set_aside for report in data.reports[:2]] == [{"after churn_date": 1}] * 2


def test_megaline_names_never_leave_the_reader(folder: Path, megaline: Catalogue) -> None:
    data = read_megaline(folder, megaline, churn_cut="none", empty_months="bill")
    assert not {"first_name", "last_name", "city"} & set(data.months.columns)
    assert "Secret" not in data.months.to_csv() + repr(data)


def test_megaline_missing_file_is_named(folder: Path, megaline: Catalogue) -> None:
    (folder / "megaline_internet.csv").unlink()
    with pytest.raises(DataError, match=r"megaline_internet\.csv"):
        read_megaline(folder, megaline, churn_cut="none", empty_months="bill")


def test_subscriber_gone_before_coming_is_rejected_but_not_an_unknown_plan(folder: Path, megaline: Catalogue) -> None:
    users = folder / "megaline_users.csv"
    users.write_text(
        users.read_text() + "1002,C,Secret,30,Town,2018-10-01,gold,\n1003,D,Secret,30,Town,2018-10-01,surf,2018-09-30\n"
    )
    data = read_megaline(folder, megaline, churn_cut="none", empty_months="bill")
    assert rejected(data)["subscribers"] == {
        "churn_date before reg_date": 1,
    }
    assert "subscriber not in the list" not in rejected(data)["calls"]
    assert data.reports[-1].repaired["current_plan: not in the rate card, taken as unknown"] == 1
    assert data.reports[-1].notes == ("current_plan not in the rate card: 'gold'",)


def test_own_events_are_read_through_a_column_mapping(tmp_path: Path, megaline: Catalogue) -> None:
    (tmp_path / "calls.csv").write_text("customer;started;length\nu1;2025-03-01;0,5\nu1;2025-03-02;1,5\n")
    pd.DataFrame({"customer": ["u1"], "at": pd.to_datetime(["2025-04-01 08:00"]), "volume": [7.5]}).to_parquet(
        tmp_path / "sessions.parquet"
    )
    columns = {
        "customer": "subscriber_id",
        "calls.started": "date",
        "sessions.at": "date",
        "length": "minutes",
        "sessions.volume": "megabytes",
    }
    data = read_event_tables(tmp_path, megaline, columns=columns)
    assert rows(data) == [("u1", "2025-03", 3.0, 0.0, 0.0), ("u1", "2025-04", 0.0, 0.0, 7.5)]
    assert [report.table for report in data.reports] == ["calls", "sessions"]
    assert "current_plan" not in data.months.columns


def test_own_events_may_be_named_one_by_one(tmp_path: Path, megaline: Catalogue) -> None:
    path = tmp_path / "sms_2025.csv"
    path.write_text("subscriber_id,date\nu1,2025-03-01\n")
    assert rows(read_event_tables({"messages": path}, megaline)) == [("u1", "2025-03", 0.0, 1.0, 0.0)]


def test_own_events_with_an_id_are_read_once(tmp_path: Path, megaline: Catalogue) -> None:
    path = tmp_path / "messages.csv"
    path.write_text("id,subscriber_id,date\n1,u1,2025-03-01\n1,u1,2025-03-01\n2,u1,2025-03-01\n1,u1,2025-03-02\n")
    data = read_event_tables(tmp_path, megaline)
    assert rows(data) == [("u1", "2025-03", 0.0, 1.0, 0.0)]
    assert rejected(data) == {"messages": {"conflicting row for the same key": 3}}


def test_own_events_without_an_id_may_be_equal(tmp_path: Path, megaline: Catalogue) -> None:
    (tmp_path / "messages.csv").write_text("subscriber_id,date\nu1,2025-03-01\nu1,2025-03-01\n")
    assert rows(read_event_tables(tmp_path, megaline)) == [("u1", "2025-03", 0.0, 2.0, 0.0)]


def test_own_events_folder_without_tables_is_refused(tmp_path: Path, megaline: Catalogue) -> None:
    (tmp_path / "subscribers.csv").write_text("subscriber_id,reg_date\nu1,2025-03-01\n")
    with pytest.raises(DataError, match=r"holds none of \['calls', 'messages', 'sessions'\]"):
        read_event_tables(tmp_path, megaline)


def test_own_events_in_two_formats_are_refused(tmp_path: Path, megaline: Catalogue) -> None:
    for name in ("calls.csv", "calls.parquet"):
        (tmp_path / name).write_text("")
    with pytest.raises(DataError, match="holds calls twice"):
        read_event_tables(tmp_path, megaline)


def test_own_events_that_are_all_rejected_leave_no_month(tmp_path: Path, megaline: Catalogue) -> None:
    (tmp_path / "messages.csv").write_text("subscriber_id,date\nu2,2025-03-01\n")
    (tmp_path / "subscribers.csv").write_text("subscriber_id,reg_date\nu1,2025-03-01\n")
    with pytest.raises(DataError, match="none is left"):
        read_event_tables(tmp_path, megaline)


@pytest.mark.parametrize(
    ("source", "columns", "message"),
    [
        pytest.param({"mails": Path("x.csv")}, {}, r"no table \['mails'\]", id="unknown-table"),
        pytest.param({}, {"who": "customer"}, r"leads to \['customer'\]", id="unknown-column"),
    ],
)
def test_own_events_refuse_unknown_names(
    source: dict[str, Path], columns: dict[str, str], message: str, megaline: Catalogue
) -> None:
    with pytest.raises(ConfigError, match=message):
        read_event_tables(source, megaline, columns=columns)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("churn_cut", "empty_months", "months", "subscribers", "unused", "with_one", "with_three"),
    [
        pytest.param("none", "drop", 2293, 490, 0, 1803, 1042, id="events-only-no-cut"),
        pytest.param("none", "bill", 3350, 500, 1057, 2849, 1961, id="billed-no-cut"),
        pytest.param("documented", "drop", 2256, 487, 0, 1769, 1016, id="events-only-cut"),
        pytest.param("documented", "bill", 3313, 500, 1057, 2813, 1926, id="billed-cut"),
    ],
)
def test_real_megaline_gives_the_known_months(
    churn_cut: ChurnCut,
    empty_months: EmptyMonths,
    months: int,
    subscribers: int,
    unused: int,
    with_one: int,
    with_three: int,
    megaline_folder: Path,
    megaline: Catalogue,
) -> None:
    data = read_megaline(megaline_folder, megaline, churn_cut=churn_cut, empty_months=empty_months)
    table = data.months
    assert (len(table), table["subscriber_id"].nunique()) == (months, subscribers)
    assert int((table[["minutes", "messages", "megabytes"]] == 0).all(axis=1).sum()) == unused
    index = pd.Series(month_indices(table["month"]))
    follows = index.groupby(table["subscriber_id"]).diff() == 1
    earlier = table.groupby("subscriber_id").cumcount()
    assert (int(follows.sum()), int((follows & (earlier >= 3)).sum())) == (with_one, with_three)
    lost = [2961, 1591, 2463] if churn_cut == "documented" else [0, 0, 0]
    assert [sum(report.set_aside.values()) for report in data.reports[:3]] == lost
    assert not any(report.rejected for report in data.reports[:3])
    assert [report.read for report in data.reports] == [137_735, 76_051, 104_825, 500]


@pytest.mark.realdata
def test_real_megaline_month_is_what_its_events_say(megaline_folder: Path, megaline: Catalogue) -> None:
    data = read_megaline(megaline_folder, megaline, churn_cut="none", empty_months="drop")
    row = data.months.iloc[0]
    calls = pd.read_csv(megaline_folder / "megaline_calls.csv")
    mine = calls[(calls["user_id"] == int(row["subscriber_id"])) & calls["call_date"].str.startswith(row["month"])]
    assert row["minutes"] == sum(-(-round(d * 100) // 100) for d in mine["duration"])


def test_a_mapping_that_no_table_of_events_has_is_said(tmp_path: Path, catalogue: Catalogue) -> None:
    days = [f"u{place},2025-01-{place + 1:02d},3,c{place}" for place in range(9)]
    (tmp_path / "calls.csv").write_text("\n".join(["subscriber_id,date,minutes,CallSid", *days]) + "\n")
    texts = [line.rpartition(",3,")[0] for line in days]
    (tmp_path / "messages.csv").write_text("\n".join(["subscriber_id,date", *texts]) + "\n")
    for written, told in {"CallSid": 0, "CallSd": 2, "calls.CallSd": 1}.items():
        reading = Reading(columns={written: ColumnSource("id")})
        data = read_event_tables(tmp_path, catalogue, reading=reading)
        notes = [note for report in data.reports for note in report.notes if "data.table.columns names" in note]
        assert len(notes) == told, (written, notes)


def test_rejected_events_are_listed_where_no_month_is_left(tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "calls.csv").write_text("subscriber_id,date,minutes\nu,2025-01-01,3\n")
    (tmp_path / "subscribers.csv").write_text("subscriber_id,reg_date\nv,2025-02-01\n")
    reading = Reading()
    with pytest.raises(DataError, match=r"none is left|No row can be used"):
        read_event_tables(tmp_path, catalogue, reading=reading, empty_months="drop")
    assert reading.accounts.rejects()["table"].tolist() == ["calls"]
