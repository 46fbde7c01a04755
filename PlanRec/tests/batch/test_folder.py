"""Answers in parts: the same rows as in one file, the same bytes whoever computes a part, and a run that goes on."""

from __future__ import annotations

import json
import os
import signal
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common_utils.errors import ConfigError, DataError
from common_utils.parts import folder as kept_parts
from common_utils.parts import hashing
from common_utils.parts.folder import SUCCESS, PartFolder
from common_utils.parts.hashing import part_numbers, parts_of_job
from common_utils.tables import Reading
from planrec.advice import AnswerPolicy, Engine
from planrec.batch import command
from planrec.batch.answers import PieceAnswer, Recommender
from planrec.batch.files import write_job, write_recommendations
from planrec.batch.parts import folder as runs
from planrec.batch.parts.expected import expected_in_file, expected_in_parts
from planrec.batch.parts.folder import write_folder
from planrec.batch.parts.jobs import Keeping, recommending
from planrec.batch.rankers import policy_ranker
from planrec.billing import Catalogue
from planrec.months import month_index
from planrec.rules import built_in_rules
from planrec.usage.pieces.block import UsageBlock

FEW = 6
ASKED = {"the question": "q"}


def table(*, shuffled: bool = False) -> pa.Table:
    """150 subscribers of two months; a row is rejected, a plan unknown, two months lie after the one asked for."""
    who = np.repeat(np.arange(150), 2)
    minutes = who * 9.0
    minutes[[7, 90]] = -1.0
    months = np.tile(["2025-11", "2025-12"], 150)
    months[[21, 201]] = "2026-02"
    rows = pa.table(
        {
            "subscriber_id": [f"s{n:03d}" for n in who],
            "month": months,
            "minutes": minutes,
            "messages": who * 0.0,
            "megabytes": who * 300.0,
            "current_plan": ["ghost" if n % 50 == 3 else "surf" for n in who],
        }
    )
    return rows.take(np.random.default_rng(1).permutation(len(who))) if shuffled else rows


@pytest.fixture(autouse=True)
def few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six parts in place of 64: a part costs a moment by itself."""
    for module in (hashing, kept_parts, runs, command):
        monkeypatch.setattr(module, "PARTS", FEW)


@pytest.fixture
def usage(tmp_path: Path) -> Path:
    path = tmp_path / "usage.parquet"
    pq.write_table(table(), path)
    return path


@pytest.fixture
def recommender(megaline: Catalogue) -> Recommender:
    ranker = policy_ranker(Engine(megaline, built_in_rules()), AnswerPolicy(6, 0.5, 300))
    return Recommender(megaline, ranker, month_index("2025-12"), 6, 2)


def parts(folder: Path) -> list[bytes]:
    return [(folder / f"part-{number:02d}.parquet").read_bytes() for number in range(FEW)]


def test_parts_hold_the_rows_and_the_account_of_one_file(tmp_path: Path, usage: Path, recommender: Recommender) -> None:
    kept: list[int] = []
    whole = write_recommendations(usage, recommender, tmp_path / "whole.parquet")
    run = write_folder(
        recommending(recommender),
        usage,
        PartFolder(tmp_path / "out", ASKED),
        parts_of_job(None),
        keeping=Keeping(lambda _: nullcontext(lambda answer: kept.append(answer.tally.subscribers)), whole=True),
    )
    assert run.written is not None
    assert run.written.report.to_dict() == whole.report.to_dict()
    assert (run.written.report.rows, run.written.report.notes) == (whole.report.rows, whole.report.notes)
    assert (run.written.months, run.written.rows, run.written.remarks) == (whole.months, whole.rows, whole.remarks)
    assert sum(kept) == 149  # one has a rejected row after the last usable month
    together = pa.concat_tables(map(pq.read_table, sorted((tmp_path / "out").glob("part-*")))).to_pandas()
    expected = pd.read_parquet(tmp_path / "whole.parquet")
    order = ["subscriber_id", "rank"]
    pd.testing.assert_frame_equal(together.sort_values(order, ignore_index=True), expected)
    for number in (0, 5):
        ids = pd.read_parquet(tmp_path / "out" / f"part-{number:02d}.parquet")["subscriber_id"]
        assert (part_numbers(ids) == number).all()
        assert ids.is_monotonic_increasing
    assert (tmp_path / "out" / SUCCESS).exists()
    assert json.loads((tmp_path / "out" / "_manifest.json").read_bytes())["table"]["kept"] == whole.report.kept
    assert not list((tmp_path / "out").glob(".rows-*"))


def test_every_job_writes_the_bytes_of_a_single_one(tmp_path: Path, usage: Path, recommender: Recommender) -> None:
    job = recommending(recommender)
    alone = write_folder(job, usage, PartFolder(tmp_path / "one", ASKED), parts_of_job(None), workers=2)
    assert (alone.made, alone.kept, alone.workers.count) == (FEW, 0, 2)
    shuffled = tmp_path / "shuffled.parquet"
    pq.write_table(table(shuffled=True), shuffled)
    for number in (2, 1, 3):
        run = write_folder(job, shuffled, PartFolder(tmp_path / "three", ASKED), parts_of_job(f"{number}/3"))
        assert (run.written is None) == (number != 3)
        assert (tmp_path / "three" / SUCCESS).exists() == (number == 3)
    by_three = write_folder(job, shuffled, PartFolder(tmp_path / "workers", ASKED), parts_of_job(None), workers=3)
    assert by_three.workers.count == 3
    assert parts(tmp_path / "one") == parts(tmp_path / "three") == parts(tmp_path / "workers")


def test_a_run_that_was_killed_dead_and_goes_on_writes_the_same_bytes(
    tmp_path: Path, usage: Path, recommender: Recommender
) -> None:
    job, folder = recommending(recommender), PartFolder(tmp_path / "out", ASKED)
    write_folder(job, usage, PartFolder(tmp_path / "whole", ASKED), parts_of_job(None))
    child = os.fork()
    if not child:  # pragma: no cover - another process, which dies with a part half done

        def dying(_: Path) -> AbstractContextManager[None]:
            if len(list((tmp_path / "out" / "_manifest").glob("part-*.json"))) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return nullcontext()

        write_folder(job, usage, folder, parts_of_job(None), keeping=Keeping(dying), workers=2)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert not (tmp_path / "out" / SUCCESS).exists()
    run = write_folder(job, usage, folder, parts_of_job(None), workers=2)
    assert (run.made, run.kept) == (FEW - 3, 3)
    assert parts(tmp_path / "out") == parts(tmp_path / "whole")
    manifests = [(tmp_path / name / "_manifest.json").read_bytes() for name in ("out", "whole")]
    assert manifests[0] == manifests[1]
    found, expected = ({path.name for path in (tmp_path / name).glob("[!.]*")} for name in ("out", "whole"))
    assert found == expected


def test_a_flipped_bit_in_a_part_is_found(tmp_path: Path, usage: Path, recommender: Recommender) -> None:
    job, folder = recommending(recommender), PartFolder(tmp_path / "out", ASKED)
    write_folder(job, usage, folder, parts_of_job(None))
    content = bytearray(folder.part(2).read_bytes())
    content[len(content) // 2] ^= 1
    folder.part(2).write_bytes(content)
    with pytest.raises(
        DataError, match=r"part-02.parquet: not the file that its manifest names; delete .*part-02.json"
    ):
        write_folder(job, usage, folder, parts_of_job(None))
    (tmp_path / "out" / "_manifest" / "part-02.json").unlink()
    assert write_folder(job, usage, folder, parts_of_job(None)).made == 1


def test_a_second_job_at_a_part_takes_nothing_from_the_first(
    tmp_path: Path, usage: Path, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, folder = recommending(recommender), PartFolder(tmp_path / "out", ASKED)
    write_folder(job, usage, folder, parts_of_job(None))
    rejected = [number for number in range(FEW) if folder.rejects(number).exists()]
    assert len(rejected) == 2
    for path in (tmp_path / "out" / "_manifest").glob("part-*.json"):
        path.unlink()  # as the second job found it, when the first had not written them
    there: list[bool] = []
    real = runs._check_part

    def looked(block: UsageBlock, number: int) -> None:
        there.append(number not in rejected or folder.rejects(number).exists())
        real(block, number)

    monkeypatch.setattr(runs, "_check_part", looked)
    write_folder(job, usage, folder, parts_of_job(None))
    assert there == [True] * FEW


def test_what_refuses_the_whole_table_leaves_no_success(tmp_path: Path, usage: Path, recommender: Recommender) -> None:
    with pytest.raises(DataError, match="are rejected: the parts are kept, but _SUCCESS is not written"):
        write_folder(
            recommending(recommender),
            usage,
            PartFolder(tmp_path / "out", ASKED),
            parts_of_job(None),
            reading=Reading(max_rejected_share=0.001),
        )
    assert not (tmp_path / "out" / SUCCESS).exists()


def test_a_subscriber_in_a_part_of_another_is_found(
    tmp_path: Path, usage: Path, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = runs.spill

    def crossed(batches, folder, numbers) -> None:  # type: ignore[no-untyped-def]
        real(batches, folder, numbers)
        (folder / "0").write_bytes((folder / "1").read_bytes())

    monkeypatch.setattr(runs, "spill", crossed)
    with pytest.raises(DataError, match="part 0: a subscriber of another part is among its rows"):
        write_folder(recommending(recommender), usage, PartFolder(tmp_path / "out", ASKED), [0, 1])


def test_a_table_that_breaks_off_and_ids_that_are_no_text_are_the_table_s_fault(
    tmp_path: Path, usage: Path, recommender: Recommender
) -> None:
    broken, ids = tmp_path / "broken.parquet", tmp_path / "ids.parquet"
    content = usage.read_bytes()
    broken.write_bytes(content[:4] + bytes(400) + content[404:])
    whole = table()
    pq.write_table(whole.set_column(0, "subscriber_id", pa.array([b"\xff\xfe"] * len(whole))), ids)
    for path, said in ((broken, r"\(broken.parquet\): cannot be read to its end"), (ids, "no text in UTF-8")):
        with pytest.raises(DataError, match=f"usage months.*{said}"):
            write_folder(recommending(recommender), path, PartFolder(tmp_path / "out", ASKED), [0])


def test_a_table_that_is_replaced_while_a_job_reads_it_gives_no_part(  # type: ignore[no-untyped-def]
    run, usage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sorted_out = runs.spill

    def spill(*asked: object) -> None:
        sorted_out(*asked)
        usage.write_bytes(usage.read_bytes())  # the same rows even: nobody knows which were read

    monkeypatch.setattr(runs, "spill", spill)
    base = ("--usage", usage, "--plans", "configs/plans_megaline.yaml", "--as-of", "2025-12", "--workers", "1")
    assert run("recommend", *base, "--output", tmp_path / "out") == 3
    assert "changed while it was read; no part was written by this job" in " ".join(capsys.readouterr().err.split())
    assert not list((tmp_path / "out").rglob("part-*"))


def test_a_csv_file_is_answered_into_a_file(tmp_path: Path, recommender: Recommender) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("subscriber_id,month,minutes,messages,megabytes\na,2025-12,1,0,5\n")
    with pytest.raises(ConfigError, match=r"usage.csv\): answers in parts are made of a Parquet table"):
        write_folder(recommending(recommender), path, PartFolder(tmp_path / "out", ASKED), [0])


def test_commands_answer_in_parts(run, usage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    asked = ("--usage", usage, "--plans", "configs/plans_megaline.yaml", "--output", tmp_path / "bills")
    assert run("bill", *asked, "--part", "1/2") == 0
    assert "the job that brings the last part writes _SUCCESS" in capsys.readouterr().err
    assert run("bill", *asked, "--part", "2/2", "--workers", "1") == 0
    said = capsys.readouterr().err
    assert "workers: 1 (as --workers says)" in said
    assert "3 of 6 parts written to" in said
    assert "usage months: 300 rows read, 298 kept, 2 rejected" in said
    card = ("--usage", usage, "--plans", "configs/plans_megaline.yaml", "--as-of", "2025-12")
    assert run("recommend", *card, "--output", tmp_path / "advice", "--workers", "1") == 0
    assert (tmp_path / "advice" / SUCCESS).exists()
    capsys.readouterr()
    assert run("recommend", *card, "--output", tmp_path / "advice", "--top", "1") == 2
    assert "holds part 0 of another run: the question differs." in " ".join(capsys.readouterr().err.split())


def test_what_is_not_offered_and_rejected_is_written_in_parts(  # type: ignore[no-untyped-def]
    run, usage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--usage", usage, "--plans", "configs/plans.yaml", "--as-of", "2025-12", "--workers", "2")
    for kind, names in (("file", ("a.csv", "e.csv", "r1.csv")), ("folder", ("a", "e", "r2.csv"))):
        output, excluded, rejects = (tmp_path / name for name in names)
        more = ("--output", output, "--excluded-output", excluded, "--rejects", rejects)
        assert run("recommend", *asked, *more) == 0, kind
    together = pa.concat_tables(map(pq.read_table, sorted((tmp_path / "e").glob("part-*")))).to_pandas()
    order = ["subscriber_id", "plan_id"]
    expected = pd.read_csv(tmp_path / "e.csv", dtype="str").sort_values(order, ignore_index=True)
    assert len(expected)
    assert (
        together.astype("str").sort_values(order, ignore_index=True).to_numpy().tolist() == expected.to_numpy().tolist()
    )
    assert (tmp_path / "r1.csv").read_bytes() == (tmp_path / "r2.csv").read_bytes()
    assert (tmp_path / "e" / SUCCESS).exists()
    for job, listed in (("1/2", False), ("2/2", True)):
        more = ("--output", tmp_path / "b", "--rejects", tmp_path / "r3.csv", "--part", job)
        for further, written in ((["--dry-run"], False), ([], listed)):
            assert run("recommend", *asked, *more, *further) == 0
            said = " ".join(capsys.readouterr().err.split())
            assert ("rejected rows are not written to" in said) != written
            assert (tmp_path / "r3.csv").exists() == written
    assert (tmp_path / "r1.csv").read_bytes() == (tmp_path / "r3.csv").read_bytes()


def test_a_worker_that_is_killed_ends_the_run_with_one_line(  # type: ignore[no-untyped-def]
    run, usage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = os.getpid()

    def answer(self: Recommender, months: pd.DataFrame) -> PieceAnswer:
        if os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    monkeypatch.setattr(Recommender, "answer", answer)
    asked = ("--usage", usage, "--plans", "configs/plans_megaline.yaml", "--as-of", "2025-12", "--workers", "2")
    for output in ("a", "a.csv"):
        assert run("recommend", *asked, "--output", tmp_path / output) == 3
        assert "a worker process ended before it had answered" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("further", "said"),
    [
        pytest.param(["--output", "a.csv", "--part", "1/2"], "--part 1/2: name a folder with --output", id="file"),
        pytest.param(["--output", "a", "--part", "3/2"], "--part '3/2': give i/n", id="no-such-job"),
        pytest.param(["--output", "a", "--excluded-output", "e.csv"], "or folders for both", id="excluded"),
    ],
)
def test_what_does_not_go_together_is_refused(  # type: ignore[no-untyped-def]
    run, usage: Path, capsys: pytest.CaptureFixture[str], further: list[str], said: str
) -> None:
    asked = ("--usage", usage, "--plans", "configs/plans_megaline.yaml", "--as-of", "2025-12")
    assert run("recommend", *asked, *further) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("output", "files"), [("advice.csv", 1), ("advice.parquet", 1), ("advice", FEW)])
def test_a_dry_run_says_what_is_expected_and_writes_nothing(  # type: ignore[no-untyped-def]
    run, usage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, files: int
) -> None:
    asked = ("--usage", usage, "--plans", "configs/plans_megaline.yaml", "--as-of", "2025-12", "--workers", "1")
    assert run("recommend", *asked, "--output", tmp_path / output, "--dry-run") == 0
    said = capsys.readouterr().out
    assert f"rows: 300\nparts: {files}\nworkers: 1 (as --workers says)\ntime: " in said
    assert "MB a process\ndisk: 0.0 MB" in said
    assert ("beside it while it runs" in said) == (files == FEW)
    assert [path.name for path in tmp_path.iterdir()] == ["usage.parquet"]


def test_a_dry_run_looks_at_what_is_in_the_folder(  # type: ignore[no-untyped-def]
    run, usage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("bill", "--usage", usage, "--output", tmp_path / "out", "--workers", "1", "--plans")
    card, dry = "configs/plans_megaline.yaml", "--dry-run"
    assert run(*asked, card, "--part", "1/2") == 0
    capsys.readouterr()
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert run(*asked, card, dry) == 0
    assert f"parts: {FEW // 2}\n" in capsys.readouterr().out
    assert run(*asked, card, dry, "--part", "1/2") == 0
    assert "every part of this job is in" in " ".join(capsys.readouterr().err.split())
    assert run(*asked, "configs/plans.yaml", dry) == 2
    assert "holds part 0 of another run: the rate card differs" in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_the_disk_that_is_expected_is_what_is_taken(usage: Path, tmp_path: Path, recommender: Recommender) -> None:
    job = recommending(recommender)
    for output in (tmp_path / "a.csv", tmp_path / "a.parquet"):
        write_job(job, usage, [output])
        found = expected_in_file(job, usage, output, None, Keeping(), 1)
        assert found.output_bytes == pytest.approx(output.stat().st_size, rel=0.25)
        assert found.process_bytes > 50_000_000
    write_folder(job, usage, PartFolder(tmp_path / "out", ASKED), parts_of_job(None))
    size = sum(path.stat().st_size for path in (tmp_path / "out").glob("part-*"))
    expected = expected_in_parts(job, usage, (), parts_of_job(None), None, Keeping(), 1)
    assert expected.output_bytes == pytest.approx(size, rel=0.25)
    assert expected.seconds < 600
