"""What is shown adds up: parts to their total, the total to its column, the saving to the difference of two totals."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest

from common_utils.bundle import Bundle
from planrec.advice import AnswerPolicy, Engine, Question
from planrec.advice.what_if import UsageChange
from planrec.batch.answers import Recommender
from planrec.batch.rankers import policy_ranker
from planrec.batch.what_if import what_if_table
from planrec.billing import Catalogue, whole_cent, whole_cents
from planrec.bundle import PlanRecBundle
from planrec.columns import USAGE
from planrec.months import month_index
from planrec.notices.figures import figures_of
from planrec.notices.notice import MILLIONTHS, basis_of, versions_of
from planrec.offers import OfferWeights
from planrec.rules import built_in_rules
from tests.batch.usage import usage_months

OCTOBER = month_index("2025-10")
PEOPLE = 6_000  # up to four plans each, asked in three ways: more than 50,000 answers
GAIN = r"(?:(?P<gain>[\d.]+) (?P<way>less|more) than|(?P<same>as much as))"
KNOWN = re.compile(
    r"^With the usage of [^,]+ known, .+ would have cost (?P<total>[\d.]+) EUR a month "
    r"\(fee (?P<fee>[\d.]+), minutes (?P<minutes>[\d.]+), messages (?P<messages>[\d.]+), data (?P<data>[\d.]+)\)"
    rf"(?:: {GAIN})?"
)
AHEAD = re.compile(rf"Expected from now on: (?P<total>[\d.]+) EUR a month(?:, {GAIN})?")


@pytest.fixture(scope="module")
def opened(bundle: Bundle) -> PlanRecBundle:
    return PlanRecBundle.open(bundle.path)


@pytest.fixture(scope="module")
def months(catalogue: Catalogue) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    months, who = usage_months(rng, PEOPLE, catalogue.plan_ids, OCTOBER)
    return months.assign(
        age=rng.integers(18, 90, PEOPLE)[who].astype(np.float64),
        contract_months_left=np.where(rng.random(PEOPLE) < 0.9, 0.0, rng.integers(1, 6, PEOPLE))[who],
        consent=True,
        contacts_90d=0.0,
        holdout=False,
    )


def answers(engine: Engine, policy: AnswerPolicy, months: pd.DataFrame) -> pd.DataFrame:
    asked = Recommender(
        engine.catalogue, policy_ranker(engine, policy), OCTOBER, policy.history_months, 4, explain=True
    )
    return asked.answer(months).ranked.to_pandas()


def cents(said: pd.DataFrame, name: str) -> pd.Series:
    """Amounts of a sentence in whole cents; every one is written with two decimals."""
    assert said[name].dropna().str.fullmatch(r"\d+\.\d\d").all()
    return said[name].str.replace(".", "", regex=False).astype("Int64")


def gain(said: pd.DataFrame) -> pd.Series:
    amount = cents(said, "gain") * said["way"].map({"less": 1, "more": -1}).astype("Int64")
    return amount.mask(said["same"].notna(), 0)


@pytest.mark.parametrize("way", ["past", "forecast", "offer"])
def test_sentence_columns_and_parts_add_up_in_thousands_of_answers(
    way: str, opened: PlanRecBundle, months: pd.DataFrame
) -> None:
    engine = Engine(opened.catalogue, opened.rules) if way == "past" else opened.engine()
    offer = OfferWeights() if way == "offer" else None
    basis = "past" if way == "past" else "forecast"
    table = answers(engine, AnswerPolicy(6, 0.3, 100, basis=basis, offer=offer), months)
    assert len(table) > (7_000 if way == "offer" else 21_500)
    known, ahead = (table["reasons"].str.extract(form) for form in (KNOWN, AHEAD))
    parts = sum((cents(known, name) for name in ("fee", "minutes", "messages", "data")), start=0)
    assert (parts == cents(known, "total")).all()

    shown = known if way == "past" else ahead
    assert (cents(shown, "total") == table["expected_bill_cents"]).all()
    compared = gain(shown).notna()
    assert (compared == ~table["is_current"]).all()
    assert (gain(shown)[compared] == table["saving_cents"][compared]).all()

    held = table[table["is_current"]].set_index("subscriber_id")["expected_bill_cents"]
    both = table[table["subscriber_id"].isin(held.index)]
    assert (held.loc[both["subscriber_id"]].to_numpy() - both["expected_bill_cents"] == both["saving_cents"]).all()


def test_advice_and_notices_show_the_same_average_bills(catalogue: Catalogue, months: pd.DataFrame) -> None:
    people = months[months["subscriber_id"] < "s01000"]
    table = answers(Engine(catalogue, built_in_rules()), AnswerPolicy(6, 0.3, 100), people)
    bases = [
        basis_of(
            str(part["subscriber_id"].iloc[0]),
            as_of=date(2025, 11, 1),
            contract_end=None,
            current_plan=part["current_plan"].iloc[-1],
            age=None,
            months=part["month"].tolist(),
            usage=tuple((part[name] * MILLIONTHS).round().astype(int).tolist() for name in USAGE),
            versions=versions_of(catalogue, ""),
        )
        for _, part in people.groupby("subscriber_id")
    ]
    held = table[table["is_current"]].set_index("subscriber_id")["expected_bill_cents"]
    figures = {b.subscriber_id: f.current for b, f in zip(bases, figures_of(bases, catalogue), strict=True)}
    assert held.to_dict() == {who: figures[who].monthly_cents for who in held.index}
    halves = sum(2 * (sum(c.bills_cents) % len(c.bills_cents)) == len(c.bills_cents) for c in figures.values())
    assert halves > 50


def test_half_a_cent_is_rounded_up_everywhere() -> None:
    assert whole_cents(np.array([622.5, 623.5, np.nan]))[:2].tolist() == [623.0, 624.0]
    assert [whole_cent(cents) for cents in (622.5, 623.5)] == [623, 624]
    rng = np.random.default_rng(5)
    for months in (2, 3, 6, 7, 12, 32):
        parts = rng.integers(0, 10**6, (2000, 4))
        exact = (2 * parts.sum(axis=1) + months) // (2 * months)
        shares = parts / months
        summed = shares[:, 0] + shares[:, 1] + shares[:, 2] + shares[:, 3]
        assert whole_cents(parts.sum(axis=1) / months).tolist() == exact.tolist()
        assert [whole_cent(cents) for cents in summed.tolist()] == exact.tolist()


def test_a_year_is_twelve_times_the_month_shown(opened: PlanRecBundle, months: pd.DataFrame) -> None:
    policy = AnswerPolicy(6, 0.3, 100, basis="forecast")
    asked = Question(change=UsageChange.by(1.2), travel=UsageChange(factor_megabytes=1.5))
    few = months[months["subscriber_id"] < "s00500"]
    table = what_if_table(few, opened.engine(), asked, policy, as_of=OCTOBER).table
    assert len(table) == 500 * len(opened.catalogue.plans)
    for when in ("", "then_"):
        bill, year = table[f"expected_bill_{when}cents"], table[f"year_bill_{when}cents"]
        assert (12 * bill == year).all()
