"""Subscribers whose plan is not known: all have a row and the true reason, and none is to switch to the plan held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common_utils.bundle import Bundle
from common_utils.errors import DataError
from planrec.advice import AnswerPolicy, Engine
from planrec.batch.answers import Recommender
from planrec.batch.files import write_recommendations
from planrec.batch.parts.jobs import Written
from planrec.batch.rankers import policy_ranker
from planrec.billing import Catalogue
from planrec.bundle import PlanRecBundle
from planrec.months import month_index
from planrec.offers import OfferWeights
from planrec.rules import ExclusionCode, built_in_rules, closed_reasons
from planrec.usage.plan_names import nearest_plans

OCTOBER = month_index("2025-10")
HEADER = (
    "subscriber_id,month,minutes,messages,megabytes,current_plan,contract_months_left,age,consent,contacts_90d,holdout"
)
PAST = AnswerPolicy(6, 0.5, 100)


def written(folder: Path, lines: list[str], recommender: Recommender) -> tuple[pd.DataFrame, Written]:
    usage, output = folder / "usage.csv", folder / "out.csv"
    usage.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    run = write_recommendations(usage, recommender, output)
    return pd.read_csv(output), run


def advising(catalogue: Catalogue) -> Recommender:
    return Recommender(catalogue, policy_ranker(Engine(catalogue, built_in_rules()), PAST), OCTOBER, 6, 3, explain=True)


def offering(bundle: Bundle) -> Recommender:
    opened = PlanRecBundle.open(bundle.path)
    policy = AnswerPolicy(6, 0.5, 100, basis="forecast", offer=OfferWeights())
    return Recommender(opened.catalogue, policy_ranker(opened.engine(), policy), OCTOBER, 6, 3, explain=True)


def person(who: str, plan: str, left: str = "0", age: str = "30", holdout: str = "0") -> str:
    return f"{who},2025-10,310,12,9200,{plan},{left},{age},1,0,{holdout}"


def test_no_switch_to_the_plan_that_is_probably_held(tmp_path: Path, catalogue: Catalogue) -> None:
    asked = advising(catalogue)
    best, _ = written(tmp_path, [person("a", "far away")], asked)
    name = str(best.loc[0, "plan_id"])
    assert best["advice"].unique().tolist() == ["switch"]  # an unknown plan that is near to none
    plan = catalogue.plans[catalogue.index(name)]
    for spelt in (f"{name}2", f"old {name}", f"{plan.name.upper()}!x"):
        table, run = written(tmp_path, [person("a", spelt)], asked)
        assert str(table.loc[0, "plan_id"]) == name, spelt
        assert table[["advice", "action", "stay_reason"]].drop_duplicates().to_numpy().tolist() == [
            ["stay", "stay", "MAY_BE_HELD"]
        ], spelt
        assert table["saving_cents"].isna().all()
        assert ExclusionCode.MAY_BE_HELD.meaning in str(table.loc[0, "reasons"])
        assert f"nearest: {name!r}" in run.report.notes[0]


def test_a_switch_to_another_plan_than_the_nearest_stands(tmp_path: Path, catalogue: Catalogue) -> None:
    asked = advising(catalogue)
    best = written(tmp_path, [person("a", "far away")], asked)[0].loc[0, "plan_id"]
    other = next(p for p in catalogue.plan_ids if best not in nearest_plans(f"{p}x", catalogue))
    table, _ = written(tmp_path, [person("a", f"{other}x")], asked)
    assert table["advice"].unique().tolist() == ["switch"]


def test_equally_near_plans_are_all_named(megaline: Catalogue) -> None:
    assert nearest_plans("surf", megaline) == ("surf",)
    assert nearest_plans("qqqq", megaline) == ()


def test_offers_leave_nobody_out_and_name_every_unknown_fact(tmp_path: Path, bundle: Bundle) -> None:
    lines = [
        person("free", "smart-25"),
        person("gone", "smart-26"),
        person("none", ""),
        person("held", "", age="", holdout=""),
    ]
    table, run = written(tmp_path, lines, offering(bundle))
    first = table[table["rank"] == 1].set_index("subscriber_id")
    assert sorted(first.index) == ["free", "gone", "held", "none"]
    closed = first[first["plan_id"].isna()]
    assert closed["advice"].unique().tolist() == ["stay"]
    assert closed["stay_reason"].to_dict() == {
        "gone": "CURRENT_PLAN_UNKNOWN",
        "none": "CURRENT_PLAN_UNKNOWN",
        "held": "HOLDOUT_UNKNOWN",
    }
    assert closed["unknown_facts"].to_dict() == {
        "gone": "current_plan",
        "none": "current_plan",
        "held": "current_plan, age, holdout",
    }
    empty = ["expected_bill_cents", "saving_cents", "p_pay_more", "p_accept", "offer_value_cents", "churn_change"]
    assert closed[empty].isna().all(axis=None)
    assert not closed["is_current"].any()
    said = "\n".join(run.remarks)
    assert "2 subscriber(s) may take no plan, CURRENT_PLAN_UNKNOWN" in said
    assert "1 subscriber(s) may take no plan, HOLDOUT_UNKNOWN" in said


def test_one_without_a_plan_has_the_true_reason_beside_others(tmp_path: Path, catalogue: Catalogue) -> None:
    table, run = written(tmp_path, [person("bound", "", "5"), person("free", "")], advising(catalogue))
    row = table.set_index("subscriber_id").loc["bound"].to_dict()
    assert (row["advice"], row["stay_reason"]) == ("stay", "CONTRACT_BINDS")
    assert row["reasons"] == (
        "Stay: the contract of the current plan still binds; a change can take effect from 2026-04-01."
    )
    assert "CONTRACT_BINDS" in run.remarks[0]


def test_where_nobody_may_take_a_plan_nothing_is_written(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(DataError, match=r"nobody may take a plan: 1 subscriber\(s\) CONTRACT_BINDS"):
        written(tmp_path, [person("bound", "", "5")], advising(catalogue))
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("left", ["121", "999", "99999999", "1e300"])
def test_a_contract_nobody_can_have_is_unknown(left: str, tmp_path: Path, catalogue: Catalogue) -> None:
    table, run = written(tmp_path, [person("a", "smart-25", left)], advising(catalogue))
    assert "can take effect" not in table["reasons"].str.cat()
    (why,) = run.report.repaired
    assert why == "contract_months_left: not between 0 and 120, taken as unknown"


def test_the_longest_contract_still_counts(tmp_path: Path, catalogue: Catalogue) -> None:
    table, run = written(tmp_path, [person("a", "smart-25", "120")], advising(catalogue))
    assert table["stay_reason"].unique().tolist() == ["CONTRACT_BINDS"]
    assert not run.report.repaired


def test_a_reason_about_the_subscriber_comes_before_one_about_a_plan() -> None:
    sold, bound = int(ExclusionCode.NO_LONGER_SOLD), int(ExclusionCode.CONTRACT_BINDS)
    assert closed_reasons(np.array([[sold, sold, bound], [sold, sold, 0]])).tolist() == [bound, 0]
