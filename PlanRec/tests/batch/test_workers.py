"""Several processes answer as one does: the same bytes, the same account, the same entries for the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common_utils.errors import DataError
from common_utils.parts.packing import packed, unpacked
from common_utils.tables import Reading
from planrec.advice import AnswerPolicy, Engine
from planrec.batch import files
from planrec.batch.answers import PieceAnswer, Recommender
from planrec.batch.files import write_bills, write_recommendations
from planrec.batch.parts.jobs import Keeping, opened, predicting, recommending
from planrec.batch.parts.part import AnswerPart
from planrec.batch.rankers import policy_ranker
from planrec.billing import Catalogue
from planrec.bundle import PlanRecBundle
from planrec.months import month_index
from planrec.rules import built_in_rules
from planrec.usage.pieces import stream

DECEMBER = month_index("2025-12")


@pytest.fixture
def usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """60 subscribers of two months in blocks of 20 rows; some rows are rejected, some plans unknown."""
    monkeypatch.setattr(stream, "PIECE_ROWS", 20)
    who = np.repeat(np.arange(60), 2)
    minutes = who * 9.0
    minutes[[7, 90]] = -1.0
    table = pa.table(
        {
            "subscriber_id": [f"s{n:03d}" for n in who],
            "month": ["2025-11", "2025-12"] * 60,
            "minutes": minutes,
            "messages": who * 0.0,
            "megabytes": who * 300.0,
            "current_plan": ["ghost" if n % 20 == 3 else "surf" for n in who],
        }
    )
    path = tmp_path / "usage.parquet"
    pq.write_table(table, path)
    return path


@pytest.fixture
def recommender(megaline: Catalogue) -> Recommender:
    ranker = policy_ranker(Engine(megaline, built_in_rules()), AnswerPolicy(6, 0.5, 300))
    return Recommender(megaline, ranker, DECEMBER, 6, 2, explain=True)


def said_of(piece: PieceAnswer) -> list[object]:
    return [piece.tally, piece.ranked.to_pylist()]


def as_text(usage: Path) -> Path:
    """Write the same rows as CSV, shuffled, with decimal commas and two rows of another shape."""
    table = pq.read_table(usage)
    rows = table.take(np.random.default_rng(1).permutation(len(table))).to_pylist()
    lines = [
        ";".join(f"{v:.1f}".replace(".", ",") if isinstance(v, float) else v for v in row.values()) for row in rows
    ]
    path = usage.with_suffix(".csv")
    odd = "s001;2025-12;3,5", "t;2025-12"
    path.write_text("\n".join([";".join(table.column_names), *lines[:50], odd[0], *lines[50:], odd[1]]))
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("text", [False, True], ids=["of-parquet", "of-csv"])
def test_two_workers_write_the_bytes_of_one(
    tmp_path: Path, usage: Path, recommender: Recommender, monkeypatch: pytest.MonkeyPatch, ending: str, *, text: bool
) -> None:
    monkeypatch.setattr("common_utils.tables.text.records.PIECE_BYTES", 300)
    usage = as_text(usage) if text else usage
    seen: list[list[object]] = []
    written = []
    for workers in (1, 2):
        kept: list[object] = []
        outputs = tmp_path / f"a{workers}.{ending}", tmp_path / f"e{workers}.{ending}"
        run = write_recommendations(
            usage,
            recommender,
            outputs[0],
            excluded_output=outputs[1],
            keeping=Keeping(lambda _, to=kept: nullcontext(lambda piece: to.extend(said_of(piece))), whole=True),
            workers=workers,
        )
        assert run.workers.count == workers
        seen.append(kept)
        written.append((run.report, run.months, run.rows, run.remarks, *(path.read_bytes() for path in outputs)))
    assert seen[0] == seen[1]
    assert len(seen[0]) == 2 * 6  # two for each block
    assert written[0] == written[1]
    assert sum(written[0][0].rejected.values()) == 2 + 2 * text


def test_what_stops_one_worker_stops_two_with_the_same_words(
    tmp_path: Path, usage: Path, recommender: Recommender
) -> None:
    said = []
    for workers in (1, 2):
        strict = Reading(max_rejected_share=0.001)
        with pytest.raises(DataError, match="are rejected: nothing was written") as error:
            write_recommendations(usage, recommender, tmp_path / "a.csv", reading=strict, workers=workers)
        said.append(str(error.value))
    assert said[0] == said[1]
    assert not (tmp_path / "a.csv").exists()


def test_large_files_get_more_workers_and_small_ones_none(
    tmp_path: Path, usage: Path, megaline: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = files.chosen_workers

    def chosen(workers: int | None, blocks: int):  # type: ignore[no-untyped-def]
        asked.append(blocks)
        return real(1, blocks) if workers is None else real(workers, blocks)

    monkeypatch.setattr(files, "chosen_workers", chosen)
    write_bills(usage, megaline, tmp_path / "b.parquet", workers=None)
    assert asked == [0]  # 120 rows are one block of bills: no second process would pay for its start


def blocks_of(job, usage: Path) -> Iterator[object]:  # type: ignore[no-untyped-def]
    """Answer every block by a copy of the part that went through bytes, as in another process."""
    table = opened(job, usage)
    part = AnswerPart(table.check, job.answer, job.count, job.outputs, whole=True)
    for block in table.blocks():
        yield unpacked(packed(part))(unpacked(packed(block))), part(block)


@pytest.mark.parametrize("mode", ["advice", "offer", "predict"])
def test_the_part_of_a_bundle_travels_whole(usage: Path, bundle, mode: str) -> None:  # type: ignore[no-untyped-def]
    shipped = PlanRecBundle.open(bundle.path)
    if mode == "predict":
        job = predicting(shipped.next_choice(), as_of=DECEMBER, recent_months=3)
    else:
        from planrec.batch.by_bundle import AskedOfBundle, bundle_answers

        job = recommending(bundle_answers(shipped, AskedOfBundle(DECEMBER, mode)).recommender)  # type: ignore[arg-type]
    for there, here in blocks_of(job, usage):
        assert there.counted == here.counted  # type: ignore[attr-defined]
        assert there.tables == here.tables  # type: ignore[attr-defined]
        assert there.account.report == here.account.report  # type: ignore[attr-defined]
