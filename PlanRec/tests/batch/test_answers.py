"""Tables of answers: equal to the answers one by one, whatever the block they were computed in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from planrec.advice import AnswerPolicy, Engine, Subscribers
from planrec.advice.ranking import AdvicePolicy
from planrec.advice.reasons import sentences
from planrec.advice.subscriber import advise_subscriber
from planrec.batch.answers import BILL_SCHEMA, EXCLUDED_SCHEMA, Recommender, bill_tables
from planrec.batch.rankers import Ranker, Ranking, policy_ranker
from planrec.batch.tally import Tally
from planrec.billing import Catalogue, bill_totals
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.decisions.rows import usage_of
from planrec.months import month_index
from planrec.rules import ExclusionCode, built_in_rules
from tests.batch.usage import usage_months

DECEMBER = month_index("2025-12")
POLICY = AdvicePolicy(risk_weight=0.5, min_gain_cents=100)


def advice_of(catalogue: Catalogue) -> Ranker:
    engine = Engine(catalogue, built_in_rules())
    return policy_ranker(engine, AnswerPolicy(6, POLICY.risk_weight, POLICY.min_gain_cents))


def months_of(subscribers: int, catalogue: Catalogue) -> pd.DataFrame:
    """One to six months each; plans held, plans of other operators, unknown plans; ages known and not."""
    rng = np.random.default_rng(7)
    months, who = usage_months(rng, subscribers, [*catalogue.plan_ids, "foreign", None], DECEMBER)
    return months.assign(
        age=np.where(rng.random(subscribers) < 0.2, np.nan, rng.integers(18, 90, subscribers))[who],
        contract_months_left=np.where(rng.random(subscribers) < 0.5, 0.0, rng.integers(0, 6, subscribers))[who],
    )


def recommender(catalogue: Catalogue, **changes: object) -> Recommender:
    settings: dict[str, object] = {
        "ranker": advice_of(catalogue),
        "as_of": DECEMBER,
        "history_months": 6,
        "top": 3,
    }
    return Recommender(catalogue, **(settings | changes))  # type: ignore[arg-type]


def test_answers_equal_the_service_s_one_by_one(catalogue: Catalogue) -> None:
    months = months_of(1_100, catalogue)  # more than are ranked at once
    answer = recommender(catalogue, explain=True).answer(months)
    ranked = {
        key: rows.to_dict("records") for key, rows in answer.ranked.to_pandas().groupby("subscriber_id", observed=True)
    }
    excluded = answer.excluded.to_pandas().groupby("subscriber_id", observed=True)
    for subscriber, rows in months.groupby("subscriber_id"):
        last = rows.iloc[-1]
        held = last["current_plan"] if last["current_plan"] in catalogue.plan_ids else None
        one = advise_subscriber(
            SubscriberRecord(
                [UsageMonth(month_index(m), *used) for m, *used in rows.iloc[:, 1:5].itertuples(index=False)],
                held,
                None if np.isnan(last["age"]) else float(last["age"]),
                contract_months_left=float(last["contract_months_left"]),
            ),
            catalogue,
            POLICY,
            built_in_rules(),
            month=DECEMBER,
            history_months=6,
            top_k=3,
        )
        expected = [
            {
                "subscriber_id": subscriber,
                "rank": plan.rank,
                "plan_id": plan.plan.plan_id,
                "advice": "stay" if one.stay else "switch",
                "action": "stay" if one.stay else "switch",
                "is_current": plan.is_current,
                "expected_bill_cents": plan.expected_bill_cents,
                "saving_cents": plan.saving_cents,
                "p_pay_more": plan.p_pay_more,
                "stay_reason": one.stay_reason,
                "basis": "past",
                "reasons": plan.reason,
            }
            for plan in one.plans
        ]
        shown = [{k: None if pd.isna(v) else v for k, v in row.items()} for row in ranked.get(str(subscriber), [])]
        if expected:
            assert shown == expected
        else:  # the service answers with no plan, the file with a row that says why
            assert [(row["plan_id"], row["advice"], row["is_current"]) for row in shown] == [(None, "stay", False)]
            assert shown[0]["stay_reason"] in one.excluded.values()
        codes = excluded.get_group(subscriber).set_index("plan_id")["reason_code"].to_dict()
        assert codes == one.excluded


def test_answers_do_not_depend_on_how_subscribers_are_cut(catalogue: Catalogue) -> None:
    months = months_of(60, catalogue)
    whole = recommender(catalogue).answer(months)
    cut = [
        recommender(catalogue).answer(part)
        for part in (months[months["subscriber_id"] < "s00025"], months[months["subscriber_id"] >= "s00025"])
    ]
    pd.testing.assert_frame_equal(
        pd.concat([part.ranked.to_pandas().astype({"subscriber_id": "str"}) for part in cut], ignore_index=True),
        whole.ranked.to_pandas().astype({"subscriber_id": "str"}),
    )
    assert Tally.of(cut[0].tally.counts + cut[1].tally.counts) == whole.tally


def test_a_ranker_s_further_columns_stand_before_the_sentence(megaline: Catalogue) -> None:
    advice = advice_of(megaline)

    def rank(people: Subscribers) -> Ranking:
        plain = advice.rank(people)
        return Ranking(
            plain.advice,
            {
                "p_accept": people.facts.contacts_90d[:, None] / np.array([10.0, 20.0]),
                "note": np.array([None] * len(plain.advice.stay), dtype=object),
                "offer": np.array([["low", "high"]] * len(plain.advice.stay), dtype=object),
            },
        )

    months = pd.DataFrame(
        {
            "subscriber_id": ["a", "a"],
            "month": ["2025-11", "2025-12"],
            "minutes": [0.0, 0.0],
            "messages": [0.0, 0.0],
            "megabytes": [0.0, 0.0],
            "contacts_90d": [3.0, 4.0],
        }
    )
    asked = recommender(
        megaline, ranker=Ranker(rank, {"p_accept": "number", "note": "text", "offer": "text"}), explain=True
    )
    ranked = asked.answer(months).ranked
    assert ranked.column_names[-7:-3] == ["p_pay_more", "p_accept", "note", "offer"]
    shown = ranked.select(["plan_id", "saving_cents", "p_accept", "note", "offer"])
    assert [list(row.values()) for row in shown.to_pylist()] == [
        ["surf", None, 0.4, None, "low"],
        ["ultimate", None, 0.2, None, "high"],
    ]


def test_subscribers_without_an_early_month_are_counted_and_not_answered(megaline: Catalogue) -> None:
    months = months_of(3, megaline)
    answer = recommender(megaline, as_of=DECEMBER - 12).answer(months)
    assert (answer.ranked.num_rows, answer.excluded.num_rows) == (0, 0)
    assert answer.ranked.schema == recommender(megaline).schema
    assert answer.excluded.schema == EXCLUDED_SCHEMA
    assert answer.tally == Tally(subscribers=3, too_late=3)


def test_the_tally_names_each_count_that_is_not_zero() -> None:
    assert Tally(5, 0, 1_000, closed={int(ExclusionCode.HELD_OUT): 2}).remarks(DECEMBER) == [
        "2 subscriber(s) may take no plan, HELD_OUT (the subscriber is in the permanent hold-out): "
        "a row without a plan",
        "1,000 subscriber(s) hold a plan that the rate card does not price: saving left empty",
    ]


@pytest.mark.parametrize("rows", [1, 20_001])
def test_bills_equal_the_rater_s_in_every_block(catalogue: Catalogue, rows: int) -> None:
    rng = np.random.default_rng(3)
    months = pd.DataFrame(
        {
            "subscriber_id": [f"s{n // 6}" for n in range(rows)],
            "month": [f"2025-{n % 6 + 1:02d}" for n in range(rows)],
            "minutes": rng.gamma(2, 200, rows),
            "messages": rng.gamma(2, 20, rows),
            "megabytes": rng.gamma(2, 6000, rows),
        }
    )
    tables = list(bill_tables(months, catalogue))
    assert all(table.schema == BILL_SCHEMA for table in tables)
    bills = pa.concat_tables(tables)
    np.testing.assert_array_equal(bills["total_cents"].to_numpy(), bill_totals(usage_of(months), catalogue).ravel())
    assert bills["plan_id"].to_pylist() == list(catalogue.plan_ids) * rows
    assert bills["subscriber_id"].to_pylist() == months["subscriber_id"].repeat(13).tolist()
    assert bills["month"].to_pylist() == months["month"].repeat(13).tolist()


def test_no_answers_have_no_sentences(megaline: Catalogue) -> None:
    from planrec.advice.reasons import line_item_means
    from planrec.billing import Usage
    from planrec.outlook import History

    past = History(Usage.of([[1.0]], [[0.0]], [[0.0]]), np.ones((1, 1), dtype=bool))
    none = np.array([], dtype=np.int64)
    items = line_item_means(past, megaline, np.array([0]))
    assert sentences(items, megaline, rows=none, plans=none, current=none) == []
