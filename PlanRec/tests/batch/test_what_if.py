"""What-if answers piece by piece: whatever the cut, the file and the sums are those of the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import DataError
from planrec.advice import AnswerPolicy, Engine, Question
from planrec.advice.what_if import UsageChange
from planrec.batch.files import write_job
from planrec.batch.what_if import WhatIfSums, asking
from planrec.billing import Catalogue
from planrec.months import month_index
from planrec.rules import built_in_rules
from planrec.usage.pieces import stream

MONTHS = [f"2025-{month:02d}" for month in range(5, 11)]


@pytest.fixture
def usage(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    ids = np.repeat([f"s{number:02d}" for number in range(30)], len(MONTHS))
    amounts = {name: rng.gamma(2, scale, len(ids)).round() for name, scale in [("minutes", 200), ("megabytes", 6000)]}
    plans = np.repeat(rng.choice(["basic-6", "smart-12", "ghost"], 30), len(MONTHS))
    months = pd.DataFrame({"subscriber_id": ids, "month": np.tile(MONTHS, 30), "messages": 3.0, **amounts})
    months = months.assign(current_plan=plans).drop(index=range(3, 6)).sample(frac=1, random_state=1)  # s00 is stale
    path = tmp_path / "usage.parquet"
    months.to_parquet(path, index=False)
    return path


def ask(usage: Path, catalogue: Catalogue, as_of: str = "2025-10", workers: int = 1) -> tuple[str, object]:
    output = usage.with_name("answers.csv")
    engine, question = (
        Engine(catalogue, built_in_rules()),
        Question(UsageChange(2.0, 1.0, 1.0), UsageChange(0.5, 1.0, 0.5), None),
    )
    policy = AnswerPolicy(6, 0.5, 0)
    job = asking(engine, question, policy, as_of=month_index(as_of), recent_months=2)
    written = write_job(job, usage, [output], workers=workers)
    by_plan = WhatIfSums(written.counted).by_plan(catalogue.plan_ids)
    return output.read_text(), (by_plan, written.months, written.rows, written.remarks, written.report)


def test_the_cut_does_not_show(usage: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, told = ask(usage, catalogue)
    monkeypatch.setattr(stream, "PIECE_ROWS", 5)
    pieces, told_by_pieces = ask(usage, catalogue, workers=2)
    assert pieces == whole
    assert repr(told_by_pieces) == repr(told)
    assert "s00" not in whole
    assert whole.count("s01") == len(catalogue.plans)


def test_nobody_to_answer_leaves_no_file(usage: Path, catalogue: Catalogue) -> None:
    with pytest.raises(DataError, match="usage: no month up to 2024-01"):
        ask(usage, catalogue, "2024-01")
    with pytest.raises(DataError, match="usage: no recent month up to 2027-01"):
        ask(usage, catalogue, "2027-01")
    assert not usage.with_name("answers.csv").exists()
