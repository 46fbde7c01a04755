"""Files of notices: who is in them, their bytes, and their verification."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planrec.batch.notices import notice_batch
from planrec.batch.sent import read_sent
from planrec.billing import Catalogue
from planrec.notices.notice import versions_of
from planrec.usage.read import read_usage_table

Run = Callable[..., int]

# `as_of` 2025-12-01. a: bound to 2025-12-31. b: free, 24 months there. c: free, 23. d: bound to 2026-01-31 (61 days).
# e: bound to the day before the run, 22. f: a month that only began. g: a plan nobody knows. h: left long ago.
# i: nobody knows its contract.
USAGE = """subscriber_id,month,minutes,messages,megabytes,current_plan,age,tenure_months,contract_months_left,partial
a,2025-10,510,0,0.5,surf,40,10,2,false
a,2025-11,490,0,16384,surf,40,11,1,false
a,2025-12,9999,0,99999,surf,40,12,0,false
b,2025-10,0,0,0,ultimate,,22,0,false
b,2025-11,0,0,0,ultimate,,23,0,false
c,2025-11,0,0,0,surf,,22,0,false
d,2025-11,0,0,0,surf,,22,2,false
e,2025-10,0,0,0,surf,,20,1,false
f,2025-11,0,0,0,surf,,0,0,true
g,2025-11,0,0,0,gone,,23,0,false
h,2025-08,0,0,0,surf,,20,0,false
i,2025-11,0,0,0,surf,,20,,false
"""


@pytest.fixture
def run(run: Run) -> Run:
    """Run `planrec notices` on Megaline's rate card; return its exit code."""
    return partial(run, "notices", "--plans", "configs/plans_megaline.yaml")


@pytest.fixture
def usage_text() -> str:
    return USAGE


@pytest.fixture
def written(run: Run, usage: Path, tmp_path: Path) -> Path:
    output = tmp_path / "notices.jsonl"
    assert run("--usage", usage, "--as-of", "2025-12-01", "--output", output) == 0
    return output


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def rewrite(path: Path, number: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Change one line of a file, number 1 being the header."""
    parsed = lines(path)
    change(parsed[number - 1])
    path.write_text("".join(json.dumps(line) + "\n" for line in parsed), encoding="utf-8")


def test_every_subscriber_is_accounted_for(written: Path) -> None:
    header, *notices = lines(written)
    assert [(n["subscriber_id"], n["kind"]) for n in notices] == [("a", "end-of-contract"), ("b", "yearly")]
    header = header["header"]
    assert header["notices"] == {"end-of-contract": 1, "yearly": 1}
    assert {reason: n for reason, n in header["no_notice"].items() if n} == {
        "contract-ends-later": 1,  # d
        "not-due-yet": 2,  # c, e
        "no-month": 1,  # f
        "plan-unknown": 1,  # g
        "no-recent-month": 1,  # h
        "contract-unknown": 1,  # i
    }
    assert sum(header["notices"].values()) + sum(header["no_notice"].values()) == header["subscribers"] == 9


def test_basis_holds_only_months_that_ended_before_the_run(written: Path) -> None:
    basis = lines(written)[1]["basis"]
    assert basis["months"] == ["2025-10", "2025-11"]
    assert basis["megabytes"] == [500_000, 16_384_000_000]
    assert (basis["contract_end"], basis["age"], basis["current_plan"]) == ("2025-12-31", 40.0, "surf")


def test_history_months_limit_the_basis(run: Run, usage: Path, tmp_path: Path) -> None:
    output = tmp_path / "short.jsonl"
    run("--usage", usage, "--as-of", "2025-12-01", "--output", output, "--history-months", 1)
    assert [line["basis"]["months"] for line in lines(output)[1:]] == [["2025-11"], ["2025-11"]]


def test_figures_are_those_of_the_rater(written: Path) -> None:
    stays, moves = (line["figures"] for line in lines(written)[1:])
    assert stays["current"]["bills_cents"] == [2030, 3000]  # 10 minutes and 1 gigabyte beyond
    assert (stays["stay"], stays["change_from"]) == (True, "2026-01-01")
    assert (moves["best"]["plan_id"], moves["best"]["saving_yearly_cents"]) == ("surf", 60000)


def test_same_input_gives_the_same_bytes_in_any_order_and_format(
    run: Run, usage: Path, written: Path, tmp_path: Path
) -> None:
    head, *rows = USAGE.splitlines(keepends=True)
    usage.write_text(head + "".join(sorted(rows, key=lambda row: row[::-1])), encoding="utf-8")
    parquet = tmp_path / "usage.parquet"
    frame = pd.read_csv(usage).astype({"minutes": float, "messages": float, "tenure_months": float})
    frame.sample(frac=1, random_state=3).to_parquet(parquet, index=False)
    for source in (usage, parquet):
        again = tmp_path / f"{source.suffix}.jsonl"
        assert run("--usage", source, "--as-of", "2025-12-01", "--output", again) == 0
        assert again.read_bytes() == written.read_bytes()
    assert written.read_bytes().isascii()


def test_kind_narrows_what_is_written(run: Run, usage: Path, tmp_path: Path) -> None:
    output = tmp_path / "yearly.jsonl"
    run("--usage", usage, "--as-of", "2025-12-01", "--output", output, "--kind", "yearly")
    header, *notices = lines(output)
    assert [n["subscriber_id"] for n in notices] == ["b"]
    assert header["header"]["no_notice"]["kind-not-asked"] == 1


def test_sent_notices_are_not_sent_again(run: Run, usage: Path, written: Path, tmp_path: Path) -> None:
    second, third = tmp_path / "second.jsonl", tmp_path / "third.jsonl"
    run("--usage", usage, "--as-of", "2025-12-02", "--output", second, "--sent", written)
    header, *notices = lines(second)
    # c and e have no entry and were there for 12 months: due at once. a and b had theirs the day before.
    assert [n["subscriber_id"] for n in notices] == ["c", "e"]
    assert header["header"]["no_notice"]["already-sent"] == 2
    run("--usage", usage, "--as-of", "2025-12-03", "--output", third, "--sent", written, "--sent", second)
    assert len(lines(third)) == 1
    assert len(lines(third)[0]["header"]["sent_sha256"]) == 2


def test_notices_of_later_days_do_not_count_as_sent(run: Run, usage: Path, written: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.jsonl"
    run("--usage", usage, "--as-of", "2025-11-30", "--output", earlier, "--sent", written)
    assert lines(earlier)[0]["header"]["no_notice"]["already-sent"] == 0


def test_columns_beyond_plan_and_contract_may_be_missing(
    run: Run, usage: Path, tmp_path: Path, megaline: Catalogue
) -> None:
    frame = pd.read_csv(usage).drop(columns=["age", "tenure_months", "partial"])
    frame.to_csv(usage, index=False)
    output = tmp_path / "bare.jsonl"
    assert run("--usage", usage, "--as-of", "2025-12-01", "--output", output) == 0
    header, *notices = lines(output)
    assert [n["subscriber_id"] for n in notices] == ["a"]
    assert notices[0]["basis"]["age"] is None
    assert header["header"]["no_notice"]["tenure-unknown"] == 4  # b, c, e and f


def test_run_without_any_whole_month_writes_a_header_alone(usage: Path, megaline: Catalogue) -> None:
    from datetime import date

    months = read_usage_table(usage).months
    batch = notice_batch(months, megaline, versions_of(megaline, ""), as_of=date(2025, 1, 1), history_months=6)
    assert len(batch.spans) == 0
    assert batch.header.no_notice["no-month"] == 9


def test_table_without_contract_is_refused(run: Run, usage: Path, tmp_path: Path, capsys: Any) -> None:
    pd.read_csv(usage).drop(columns=["contract_months_left"]).to_csv(usage, index=False)
    output = tmp_path / "none.jsonl"
    assert run("--usage", usage, "--as-of", "2025-12-01", "--output", output) == 3
    assert "missing column(s) ['contract_months_left']" in capsys.readouterr().err
    assert not output.exists()


def test_file_that_cannot_be_written_leaves_nothing(run: Run, usage: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    assert run("--usage", usage, "--as-of", "2025-12-01", "--output", tmp_path / "taken" / "n.jsonl") == 3
    assert "cannot be written" in capsys.readouterr().err


def test_nothing_of_a_subscriber_reaches_the_terminal(run: Run, usage: Path, tmp_path: Path, capsys: Any) -> None:
    usage.write_text(USAGE.replace("a,2025", "Subscriber-77,2025"), encoding="utf-8")
    output = tmp_path / "n.jsonl"
    run("--usage", usage, "--as-of", "2025-12-01", "--output", output)
    rewrite(output, 2, lambda line: line["figures"]["best"].update(monthly_cents=77_777_777))
    assert run("--verify", output) == 5
    shown = "".join(capsys.readouterr())
    assert "Subscriber-77" not in shown
    assert "77777" not in shown
    assert "2515" not in shown


def test_verify_works_every_figure_out_again(run: Run, written: Path, capsys: Any) -> None:
    assert run("--verify", written) == 0
    assert "2 notices verified" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "change", "field"),
    [
        pytest.param(
            2, lambda n: n["figures"]["current"].update(yearly_cents=1), "figures.current.yearly_cents", id="figure"
        ),
        pytest.param(3, lambda n: n.update(text="Buy this."), "line 3: text", id="text"),
        pytest.param(3, lambda n: n.update(kind="end-of-contract"), "line 3: kind", id="kind"),
        pytest.param(2, lambda n: n["basis"].update(minutes=[0, 0]), "basis.usage_sha256", id="usage"),
        pytest.param(2, lambda n: n["basis"].update(as_of="2025-12-02"), "basis.as_of", id="day"),
        pytest.param(3, lambda n: n["figures"].update(best_without_contract=None), "best_without", id="left-out"),
        pytest.param(3, lambda n: n["basis"]["versions"].update(planrec="9"), "basis.versions.planrec", id="version"),
        pytest.param(1, lambda h: h["header"]["notices"].update(yearly=2), "line 1: header.notices", id="count"),
        pytest.param(1, lambda h: h["header"].update(subscribers=77), "header.subscribers", id="subscribers"),
        pytest.param(
            1, lambda h: h["header"]["no_notice"].update({"not-due-yet": 9}), "header.subscribers", id="reason"
        ),
        pytest.param(1, lambda h: h["header"]["no_notice"].update(bored=0), "header.no_notice", id="made-up-reason"),
        pytest.param(
            1,
            lambda h: h["header"]["no_notice"].update({"already-sent": -1, "not-due-yet": 1}),
            "header.no_notice",
            id="fewer-than-none",
        ),
        pytest.param(1, lambda h: h["header"]["rows"].pop("kept"), "rows (read and kept", id="rows-without-kept"),
        pytest.param(1, lambda h: h["header"]["rows"].update(kept=-1), "rows (read and kept", id="rows-below-none"),
        pytest.param(
            1, lambda h: h["header"]["rows"]["rejected"].update(x=1, y=-1), "header.rows", id="rows-rejected-below-none"
        ),
        pytest.param(1, lambda h: h["header"]["rows"].update(read=77), "header.rows", id="rows-read"),
        pytest.param(1, lambda h: h["header"]["rows"]["rejected"].update(x=1), "header.rows", id="rows-rejected"),
        pytest.param(1, lambda h: h["header"]["rows"].update(read=1, kept=1), "header.rows.kept", id="rows-kept"),
        pytest.param(1, lambda h: h["header"]["rows"]["repaired"].update(x=77), "rows.repaired", id="repaired"),
        pytest.param(1, lambda h: h["header"].update(history_months=1), "header.history_months", id="history"),
        pytest.param(1, lambda h: h["header"]["unknown_facts"].update(current_plan=77), "unknown_facts", id="unknown"),
    ],
)
def test_verify_catches_what_was_changed(
    run: Run, written: Path, capsys: Any, number: int, change: Callable[[dict[str, Any]], None], field: str
) -> None:
    rewrite(written, number, change)
    assert run("--verify", written) == 5
    message = capsys.readouterr().err
    assert "do not follow from their basis" in message
    assert field in message


def test_verify_catches_a_notice_given_twice(run: Run, written: Path, capsys: Any) -> None:
    header, first, second = written.read_bytes().splitlines(keepends=True)
    written.write_bytes(header + first + second + 7 * second)
    assert run("--verify", written) == 5
    message = capsys.readouterr().err
    assert "line 4: subscriber_id (not ascending)" in message
    assert "; and 4 more" in message


def test_verify_refuses_another_rate_card(run: Run, written: Path, project_folder: Path, capsys: Any) -> None:
    assert run("--verify", written, "--plans", project_folder / "configs" / "plans.yaml") == 5
    assert "of another sha256 than the one at hand" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "the file is empty", id="empty"),
        pytest.param('{"secret": 1}\n', "line 1 is not the header", id="no-header"),
        pytest.param(None, "cannot be read", id="missing"),
    ],
)
def test_file_that_is_no_batch_file_is_refused(
    run: Run, tmp_path: Path, capsys: Any, content: str | None, message: str
) -> None:
    path = tmp_path / "other.jsonl"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert run("--verify", path) == 3
    shown = capsys.readouterr().err
    assert message in shown
    assert "secret" not in shown


def test_torn_line_is_named_by_its_number(run: Run, written: Path, capsys: Any) -> None:
    written.write_bytes(written.read_bytes()[:-20])
    assert run("--verify", written) == 3
    assert "line 3 is not a notice" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["n.csv", "n.parquet", "n.XLSX", "n.csv.gz"])
def test_a_name_of_a_table_gets_a_word(run: Run, usage: Path, tmp_path: Path, capsys: Any, name: str) -> None:
    assert run("--usage", usage, "--as-of", "2025-12-01", "--output", tmp_path / name) == 0
    assert f"{name} holds JSON lines" in capsys.readouterr().err
    assert run("--usage", usage, "--as-of", "2025-12-01", "--output", tmp_path / "n.jsonl") == 0
    assert "holds JSON lines" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--verify", "n.jsonl", "--output", "x.jsonl"], "--verify reads one file", id="both"),
        pytest.param(["--verify", "n.jsonl", "--dry-run"], "--verify reads one file", id="dry"),
        pytest.param(["--as-of", "2025-12-01"], "give --usage, --as-of and --output", id="neither"),
        pytest.param(["--as-of", "2025-12"], "does not match the format", id="month"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(run: Run, capsys: Any, arguments: list[str], message: str) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


def test_a_file_of_the_first_format_still_verifies(run: Run, tmp_path: Path, capsys: Any) -> None:
    first = Path(__file__).resolve().parents[1] / "notices" / "format_1.jsonl"  # as the first release wrote it
    assert run("--verify", first) == 0
    assert "2 notices verified" in capsys.readouterr().err
    changed = tmp_path / "changed.jsonl"
    changed.write_text(first.read_text(encoding="utf-8").replace('"minutes_cents":600', '"minutes_cents":601'))
    assert run("--verify", changed) == 5


def test_the_header_counts_every_unknown_fact(run: Run, tmp_path: Path, capsys: Any) -> None:
    usage = tmp_path / "unknown.csv"
    rows = ("a,2025-11,1,1,1,gone,,", "b,2025-11,1,1,1,surf,,0", "c,2025-11,1,1,1,surf,12,0", "d,2020-11,1,1,1,gone,,")
    header = "subscriber_id,month,minutes,messages,megabytes,current_plan,tenure_months,contract_months_left"
    usage.write_text("\n".join((header, *rows, "")), encoding="utf-8")
    assert run("--usage", usage, "--as-of", "2025-12-01", "--output", tmp_path / "n.jsonl") == 0
    unknown = lines(tmp_path / "n.jsonl")[0]["header"]["unknown_facts"]
    assert unknown == {"current_plan": 1, "contract_months_left": 1, "tenure_months": 2}
    said = "unknown: current_plan of 1, contract_months_left of 1, tenure_months of 2 subscriber(s)"
    assert said in capsys.readouterr().err


def test_the_order_of_sent_files_does_not_matter(run: Run, usage: Path, written: Path, tmp_path: Path) -> None:
    # A later run tells `a` of a later end, 2026-01-31, `d` of the same, and `b` is noticed again on 2025-12-22.
    later, usage_later = tmp_path / "later.jsonl", tmp_path / "later.csv"
    usage_later.write_text(USAGE.replace("a,2025-11,490,0,16384,surf,40,11,1,", "a,2025-11,490,0,16384,surf,40,11,2,"))
    assert run("--usage", usage_later, "--as-of", "2025-12-22", "--output", later) == 0
    read = [read_sent(files, date(2025, 12, 23)) for files in ([written, later], [later, written])]
    assert read[0] == read[1]
    last, ends = read[1].of(np.array([*"abcd"], dtype=object))
    assert last.tolist() == [date(2025, 12, 22), date(2025, 12, 22), None, date(2025, 12, 22)]
    assert ends.tolist() == [date(2026, 1, 31), None, None, date(2026, 1, 31)]
    # A year after the first notice, but not after the second: none is due, whichever file is named first.
    usage.write_text(USAGE.replace("b,2025-11,0,0,0,ultimate,,23,", "b,2026-11,0,0,0,ultimate,,35,"))
    for number, files in enumerate(([written, later], [later, written])):
        output = tmp_path / f"{number}.jsonl"
        named = [word for file in files for word in ("--sent", file)]
        assert run("--usage", usage, "--as-of", "2026-12-10", "--output", output, *named) == 0
        assert lines(output)[0]["header"]["no_notice"]["already-sent"] == 1


def test_a_notice_of_the_day_of_the_run_counts_as_sent(written: Path) -> None:
    assert read_sent([written], date(2025, 12, 1)).table["subscriber_id"].to_pylist() == ["a", "b"]
    assert not read_sent([written], date(2025, 11, 30)).table.num_rows


def test_verify_takes_a_notice_that_rests_on_as_many_months_as_the_header_says(run: Run, written: Path) -> None:
    header, *notices = lines(written)
    most = max(len(notice["basis"]["months"]) for notice in notices)
    assert most < header["header"]["history_months"]
    rewrite(written, 1, lambda h: h["header"].update(history_months=most))
    assert run("--verify", written) == 0


def test_verify_takes_a_header_whose_rows_were_rejected_and_set_aside(run: Run, written: Path) -> None:
    def more(header: dict[str, Any]) -> None:
        rows = header["header"]["rows"]
        rows["read"] += 3
        rows["rejected"].update(x=1)
        rows["set_aside"].update(y=2)

    rewrite(written, 1, more)
    assert run("--verify", written) == 0


def test_a_dry_run_expects_the_bytes_that_are_written(
    run: Run, usage: Path, written: Path, tmp_path: Path, capsys: Any
) -> None:
    capsys.readouterr()
    output = tmp_path / "not.jsonl"
    assert run("--usage", usage, "--as-of", "2025-12-01", "--output", output, "--dry-run", "--workers", "1") == 0
    _, *of_notices = written.read_bytes().splitlines(keepends=True)
    size = f"{sum(map(len, of_notices)) / 1e6:.1f} MB"
    said = capsys.readouterr().out
    assert said.startswith(
        f"rows: {lines(written)[0]['header']['rows']['read']}\nparts: 1\nworkers: 1 (as --workers says)\n"
    )
    assert f"disk: {size}, and {size} beside it while it runs" in said
    assert not output.exists()
