"""Other policies judged by what was logged: the truth is covered, nulls and missing support are refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from common_utils.errors import DataError
from planrec.campaigns.logged_offers import evaluate_policy, logged_offers, policy_chances
from planrec.offers.exploration import Exploration, draw_offers, offer_chances

EXPLORED = Exploration(0.3)


def log_of(rng: np.random.Generator, n: int) -> tuple[list[Mapping[str, Any]], float]:
    """Offers logged with exploration and answered by known chances, and the true value of offering any plan evenly."""
    saving = rng.uniform(100, 900, (n, 3))
    accept = rng.uniform(0.05, 0.6, (n, 3))
    said = np.clip(accept + rng.normal(0, 0.1, accept.shape), 0.01, 0.99)  # what the model believed
    value = said * saving
    chances = offer_chances(value.argmax(axis=1), np.ones((n, 3), dtype=np.bool_), EXPLORED)
    drawn = draw_offers(chances, rng.random(n))
    accepted = rng.random(n) < accept[np.arange(n), drawn]
    rows: list[Mapping[str, Any]] = []
    for i in range(n):
        plans = [
            {"plan_id": f"p{j}", "p_accept": said[i, j], "saving_cents": saving[i, j], "value_cents": value[i, j]}
            for j in range(3)
        ]
        rows.append(
            {
                "event": f"e{i}",
                "mode": "offer",
                "subject": f"s{i}",
                "propensity": chances[i, drawn[i]],
                "accepted": bool(accepted[i]),
                "answer": {"plans": [plans[drawn[i]]], "offerable": plans},
            }
        )
    return rows, float((accept * saving).mean())


def test_the_intervals_hold_the_true_value_as_often_as_they_say() -> None:
    rng = np.random.default_rng(15)
    held = {"ips": 0, "snips": 0, "dr": 0}
    runs = 60
    for _ in range(runs):
        rows, truth = log_of(rng, 400)
        offers = logged_offers(rows)
        report = evaluate_policy(offers, policy_chances(offers, "uniform", EXPLORED))
        for name in held:
            interval = getattr(report, name).interval
            held[name] += interval.low <= truth <= interval.high
    assert all(0.85 <= count / runs <= 1 for count in held.values()), held
    assert report.dr.se < report.ips.se
    assert 0 < report.overlap < 1


def test_an_offer_without_a_subject_is_a_subject_of_its_own() -> None:
    rows, _ = log_of(np.random.default_rng(2), 4)
    nameless = [{name: value for name, value in row.items() if name != "subject"} for row in rows[1:]]
    assert logged_offers([rows[0], *nameless]).groups == ("s0", "e1", "e2", "e3")


def test_only_the_logged_policy_explores() -> None:
    offers = logged_offers(log_of(np.random.default_rng(2), 5)[0])
    assert policy_chances(offers, "logged", EXPLORED).min() == pytest.approx(0.1)
    for policy, score in (("accept", offers.p_accept), ("best", offers.value_cents)):
        chances = policy_chances(offers, policy, EXPLORED)
        assert set(chances.ravel()) == {0.0, 1.0}
        assert chances.argmax(axis=1).tolist() == score.argmax(axis=1).tolist()
    assert offers.p_accept.argmax(axis=1).tolist() != offers.value_cents.argmax(axis=1).tolist()


def test_a_deterministic_offer_is_refused_by_name() -> None:
    rows, _ = log_of(np.random.default_rng(1), 40)
    with pytest.raises(DataError, match=r"propensity is null in 1 offer\(s\), such as e7.*offers\.exploration"):
        logged_offers([{**row, "propensity": None} if row["event"] == "e7" else row for row in rows])


def test_offers_without_outcomes_are_refused() -> None:
    rows, _ = log_of(np.random.default_rng(1), 40)
    with pytest.raises(DataError, match="mature outcome"):
        logged_offers([{**row, "accepted": None} for row in rows])


def test_acceptances_alone_are_refused_and_offers_without_an_outcome_are_counted() -> None:
    rows, _ = log_of(np.random.default_rng(1), 300)
    with pytest.raises(DataError, match=r"all \d+ outcomes say accepted, and \d+ offer\(s\) have none"):
        logged_offers([row if row["accepted"] else {**row, "accepted": None} for row in rows])
    some = logged_offers([{**row, "accepted": None} if row["event"] == "e3" else row for row in rows])
    assert (len(some.events), some.without_outcome) == (299, 1)
    assert evaluate_policy(some, policy_chances(some, "uniform", EXPLORED)).without_outcome == 1


def test_a_policy_without_support_is_refused_with_the_reason() -> None:
    offers = logged_offers(log_of(np.random.default_rng(1), 40)[0])
    with pytest.raises(DataError, match="effective sample size"):
        evaluate_policy(offers, np.eye(3)[(offers.offered + 1) % 3])
    narrow = replace(offers, offerable=np.arange(3) == offers.offered[:, None])
    with pytest.raises(DataError, match="could never be offered"):
        evaluate_policy(narrow, np.full((40, 3), 1 / 3))
