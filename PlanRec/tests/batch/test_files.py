"""Batch runs from file to file: whole or not at all, in a fixed order, and early with refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common_utils.compiled import CompiledChoice
from common_utils.errors import DataError
from planrec.advice import AnswerPolicy, Engine, Subscribers
from planrec.batch.answers import Recommender
from planrec.batch.files import write_bills, write_predictions, write_recommendations
from planrec.batch.rankers import Ranker, Ranking, policy_ranker
from planrec.billing import Catalogue
from planrec.bundle import ChoiceModel, NextChoice
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.months import month_index
from planrec.rules import Rules, built_in_rules
from planrec.rules.rulebook import PlanRule

FEBRUARY = month_index("2018-02")


def usage_file(path: Path, *, subscribers: int = 40, shuffled: bool = False) -> Path:
    who = np.repeat(np.arange(subscribers), 2)
    rows = np.random.default_rng(1).permutation(len(who)) if shuffled else np.arange(len(who))
    table = pa.table(
        {
            "subscriber_id": [f"s{n:03d}" for n in who],
            "month": ["2018-01", "2018-02"] * subscribers,
            "minutes": who * 30.0,
            "messages": who * 0.0,
            "megabytes": who * 800.0,
            "current_plan": ["surf"] * len(who),
        }
    )
    pq.write_table(table.take(rows), path)
    return path


@pytest.fixture
def recommender(megaline: Catalogue) -> Recommender:
    return Recommender(
        megaline, policy_ranker(Engine(megaline, built_in_rules()), AnswerPolicy(6, 0.5, 300)), FEBRUARY, 6, 2
    )


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_the_order_of_the_rows_changes_nothing(tmp_path: Path, recommender: Recommender, extension: str) -> None:
    outputs: list[pd.DataFrame] = []
    for shuffled in (False, True):
        usage = usage_file(tmp_path / "u.parquet", shuffled=shuffled)
        output = tmp_path / f"o{shuffled}.{extension}"
        written = write_recommendations(usage, recommender, output)
        assert (written.months, written.rows, written.remarks) == (80, 80, ())
        outputs.append(pd.read_csv(output) if extension == "csv" else pd.read_parquet(output))
    pd.testing.assert_frame_equal(*outputs)
    assert outputs[0]["subscriber_id"].is_monotonic_increasing
    assert outputs[0]["saving_cents"].dtype == np.int64


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, recommender: Recommender) -> None:
    usage = usage_file(tmp_path / "u.parquet")
    for name in ("a.parquet", "b.parquet"):
        write_recommendations(usage, recommender, tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_without_a_request_there_is_no_sentence_and_text_is_text(tmp_path: Path, recommender: Recommender) -> None:
    write_recommendations(usage_file(tmp_path / "u.parquet"), recommender, tmp_path / "o.parquet")
    schema = pq.read_schema(tmp_path / "o.parquet")
    assert schema.names[-3:] == ["p_pay_more", "stay_reason", "basis"]
    assert [schema.field(name).type for name in ("subscriber_id", "plan_id", "action")] == [pa.string()] * 3


def test_an_error_half_way_leaves_neither_output(tmp_path: Path, megaline: Catalogue) -> None:
    def rank(people: Subscribers) -> Ranking:
        raise DataError("no answer")

    broken = Recommender(megaline, Ranker(rank), FEBRUARY, 6, 2)
    folder = tmp_path / "out"
    usage = usage_file(tmp_path / "u.parquet")
    with pytest.raises(DataError, match="no answer"):
        write_recommendations(usage, broken, folder / "o.parquet", excluded_output=folder / "e.csv")
    assert list(folder.iterdir()) == []


def test_nobody_with_an_early_month_is_refused_and_nothing_is_left(
    tmp_path: Path, megaline: Catalogue, recommender: Recommender
) -> None:
    early = Recommender(megaline, recommender.ranker, FEBRUARY - 2, 6, 2)
    usage = usage_file(tmp_path / "u.parquet")
    with pytest.raises(DataError, match=r"no month up to 2017-12; give earlier months or a later --as-of"):
        write_recommendations(usage, early, tmp_path / "o.parquet")
    assert list(tmp_path.iterdir()) == [usage]


def test_another_ending_is_refused_before_the_usage_is_opened(tmp_path: Path, megaline: Catalogue) -> None:
    with pytest.raises(DataError, match=r"o\.xlsx ends in '\.xlsx'"):
        write_bills(tmp_path / "missing.parquet", megaline, tmp_path / "o.xlsx")


def test_bills_of_a_file_are_written_with_the_account(tmp_path: Path, megaline: Catalogue) -> None:
    written = write_bills(usage_file(tmp_path / "u.parquet", shuffled=True), megaline, tmp_path / "b.parquet")
    bills = pd.read_parquet(tmp_path / "b.parquet")
    assert (written.months, written.rows, written.report.kept) == (80, 160, 80)
    first = bills[bills["subscriber_id"] == "s020"].iloc[0]  # 600 minutes, 15.6 GB: one started beyond 15
    assert (first["plan_id"], first["minutes_cents"], first["data_cents"]) == ("surf", 300, 1000)
    assert first["total_cents"] == 2000 + 300 + 1000


def halves(card: Catalogue, rules: Rules) -> NextChoice:
    """Every plan open is as likely as any other."""
    logit = CompiledChoice(ALTERNATIVE_FEATURES, np.zeros(len(ALTERNATIVE_FEATURES)))
    return NextChoice(ChoiceModel(card, 6, with_current_plan=True, logit=logit), rules)


def test_predictions_are_written_in_pieces_too(tmp_path: Path, megaline: Catalogue) -> None:
    usage, choice = usage_file(tmp_path / "u.parquet"), halves(megaline, built_in_rules())
    written = write_predictions(usage, choice, tmp_path / "p.csv", as_of=FEBRUARY, recent_months=2)
    table = pd.read_csv(tmp_path / "p.csv")
    assert written.rows == len(table) == 40
    assert table.iloc[0].tolist() == ["s000", "surf", 0.5, "2018-03", 0.5, 0.5]
    with pytest.raises(DataError, match="no month up to 2017-12"):
        write_predictions(usage, choice, tmp_path / "q.csv", as_of=FEBRUARY - 2, recent_months=2)
    assert not (tmp_path / "q.csv").exists()


def test_predictions_know_contract_and_rules_and_count_whom_no_plan_is_open_to(
    tmp_path: Path, megaline: Catalogue
) -> None:
    usage = tmp_path / "u.csv"
    usage.write_text(
        "subscriber_id,month,minutes,messages,megabytes,current_plan,contract_months_left\n"
        "bound,2018-02,10,0,0,surf,3\nearlier,2018-01,10,0,0,surf,3\nfree,2018-02,10,0,0,ultimate,0\n"
        "nobody,2018-02,10,0,0,,\n",
        encoding="utf-8",
    )
    closed = (PlanRule(plans=("ultimate",), why="no longer"), PlanRule(plans=("surf",), why="no longer"))
    ours = Rules(version="ours", plans=closed)
    written = write_predictions(usage, halves(megaline, ours), tmp_path / "p.csv", as_of=FEBRUARY, recent_months=2)
    table = pd.read_csv(tmp_path / "p.csv").set_index("subscriber_id")
    assert table["decides_from"].to_dict() == {"bound": "2018-06", "earlier": "2018-05", "free": "2018-03"}
    assert table["prediction"].to_dict() == {"bound": "surf", "earlier": "surf", "free": "ultimate"}
    assert table["p_surf"].tolist() == [1.0, 1.0, 0.0]
    assert written.remarks == ("1 subscriber(s) may take no plan of the rate card: not predicted",)
