"""Command line and service asked the same of one bundle: what must agree, route by route."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fastapi.testclient import TestClient

from common_utils.bundle import Bundle

__all__ = [
    "AS_OF",
    "PEOPLE",
    "Case",
    "advice_agrees",
    "offers_agree",
    "predictions_agree",
    "request_of",
    "what_ifs_agree",
]

AS_OF = "2025-10"
PEOPLE = 200


@dataclass(frozen=True)
class Case:
    """A bundle, subscribers as a file and as requests, and a service on the bundle."""

    bundle: Bundle
    usage: Path
    records: dict[str, dict[str, Any]]
    service: TestClient
    run: Callable[..., int]


def request_of(part: pd.DataFrame) -> dict[str, Any]:
    """A subscriber of the file as a request body."""
    last = part.iloc[-1]
    left = last.get("contract_months_left")
    return {
        "usage": part[["month", "minutes", "messages", "megabytes"]].tail(24).to_dict("records"),
        "current_plan": last["current_plan"],
        "age": None if pd.isna(last["age"]) else float(last["age"]),
        "tenure_months": int(last["tenure_months"]),
        "contract_months_left": None if left is None or pd.isna(left) else int(left),
        "offer": {name: last[name].item() for name in ("consent", "contacts_90d", "holdout")},
    }


def body_of(record: dict[str, Any], **further: object) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "offer"} | further


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type, call-overload]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def same_plans(case: Case, folder: Path, mode: str, *options: object, **further: object) -> int:
    """Compare plans, order, cents, chances, codes and sentences; return how many are told to switch."""
    out, left_out = folder / "offers.parquet", folder / "excluded.parquet"
    asked = ("recommend", "--mode", mode, "--usage", case.usage, "--as-of", AS_OF, "--bundle", case.bundle.path)
    assert case.run(*asked, "--explain", "--top", 50, "--output", out, "--excluded-output", left_out, *options) == 0
    offers, excluded = pd.read_parquet(out), pd.read_parquet(left_out)
    switched = 0
    for name, record in case.records.items():
        facts = record["offer"] if mode == "offer" else {}
        body = body_of(record, mode=mode, top_k=50, as_of=AS_OF, **facts, **further)
        answer = case.service.post("/recommend", json=body).json()
        rows = offers[offers["subscriber_id"].astype(str) == name].to_dict("records")
        assert [row["plan_id"] for row in rows] == [plan["plan_id"] for plan in answer["advice"]]
        for row, plan in zip(rows, answer["advice"], strict=True):
            for column in ("advice", "action", "is_current", "expected_bill_cents"):
                assert row[column] == plan[column], column
            of_offers = ("p_accept", "offer_value_cents", "churn_change") if mode == "offer" else ()
            for column in ("saving_cents", "p_pay_more", *of_offers):
                assert _number(row[column]) == plan[column], column
            assert sum(plan["line_items"].values()) == plan["expected_bill_cents"]
            assert row["reasons"] == plan["reason"]
            assert _text(row["stay_reason"]) == answer["stay_reason"]
            assert row["basis"] == answer["policy"]["basis"]
        codes = excluded[excluded["subscriber_id"].astype(str) == name]
        assert dict(zip(codes["plan_id"], codes["reason_code"], strict=True)) == {
            one["plan_id"]: one["reason_code"] for one in answer["excluded"]
        }
        switched += answer["advice"][0]["action"] == "switch"
    return switched


def recommend_batch_agrees(case: Case) -> None:
    """All subscribers in one request, half of them about offers, each as alone."""
    records = [
        body_of(record, as_of=AS_OF, mode="offer", **record["offer"]) if place % 2 else body_of(record, as_of=AS_OF)
        for place, record in enumerate(case.records.values())
    ]
    batch = case.service.post("/recommend/batch", json={"records": records}).json()["recommendations"]
    assert batch == [case.service.post("/recommend", json=record).json() for record in records]


def advice_agrees(case: Case, folder: Path) -> None:
    """Advice by the bundle's forecast, and with weights of the request's own."""
    recommend_batch_agrees(case)
    usual = same_plans(case, folder, "advice")
    assert 0 < usual < PEOPLE
    options = ("--min-gain-cents", 2500, "--risk-weight", 1, "--history-months", 2)
    own = same_plans(case, folder, "advice", *options, min_gain_cents=2500, risk_weight=1.0, history_months=2)
    assert own < usual


def offers_agree(case: Case, folder: Path) -> None:
    """Offers as the bundle makes them, and with a minimum gain of the request's own."""
    usual = same_plans(case, folder, "offer")
    assert 0 < usual < PEOPLE
    assert same_plans(case, folder, "offer", "--min-gain-cents", 2500, min_gain_cents=2500) < usual


def predictions_agree(case: Case, folder: Path) -> None:
    """Plan, probabilities and the month decided from, to the last bit; what is not open is not expected."""
    out = folder / "predictions.parquet"
    asked = ("predict", "--usage", case.usage, "--as-of", AS_OF, "--bundle", case.bundle.path)
    assert case.run(*asked, "--output", out) == 0
    table = pd.read_parquet(out).set_index("subscriber_id")
    assert len(table) == PEOPLE
    assert table["decides_from"].nunique() > 1
    bodies = [body_of(record) for record in case.records.values()]
    batch = case.service.post("/predict/batch", json={"records": bodies}).json()["predictions"]
    for name, body, together in zip(case.records, bodies, batch, strict=True):
        alone = case.service.post("/predict", json=body).json()
        row = table.loc[name]
        assert alone == together
        assert row["prediction"] == alone["prediction"]
        assert row["decides_from"] == alone["decides_from"]
        assert {plan: row[f"p_{plan}"] for plan in alone["probabilities"]} == alone["probabilities"]


def what_ifs_agree(case: Case, folder: Path) -> None:
    """Bills now and then, both best plans and the codes."""
    out = folder / "what_if.parquet"
    asked = ("what-if", "--usage", case.usage, "--as-of", AS_OF, "--bundle", case.bundle.path, "--travel")
    assert case.run(*asked, "--usage-factor", 1.2, "--output", out) == 0
    table = pd.read_parquet(out)
    changed = 0
    for name, record in case.records.items():
        change = {"minutes": 1.2, "messages": 1.2, "megabytes": 1.2}
        answer = case.service.post("/what-if", json=body_of(record, change=change, travel={})).json()
        rows = table[table["subscriber_id"].astype(str) == name].to_dict("records")
        assert [row["plan_id"] for row in rows] == [plan["plan_id"] for plan in answer["plans"]]
        for row, plan in zip(rows, answer["plans"], strict=True):
            for column in (
                *("expected_bill_cents", "expected_bill_then_cents", "travel_bill_cents"),
                *("year_bill_cents", "year_bill_then_cents"),
            ):
                assert row[column] == np.rint(plan[column]), column
            assert row["best_now"] == (plan["plan_id"] == answer["best_now"])
            assert row["best_then"] == (plan["plan_id"] == answer["best_then"])
            assert _text(row["reason_code"]) == plan["reason_code"]
            assert row["advice_changes"] == answer["advice_changes"]
        changed += answer["advice_changes"]
    assert 0 < changed < PEOPLE
