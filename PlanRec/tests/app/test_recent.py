"""Usage of years ago is answered with nothing but its reason, and everything that is not known is named at once."""

from __future__ import annotations

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from common_utils.tables import month_column

USED = {"minutes": 100, "messages": 5, "megabytes": 3000}
USAGE = [{"month": "2025-09", **USED}, {"month": "2025-10", **USED}]
STALE = [{"month": "2019-09", **USED}, {"month": "2019-10", **USED}]


@pytest.mark.parametrize("route", ["/predict", "/recommend", "/what-if"])
def test_stale_usage_is_answered_with_no_recent_month(client: TestClient, route: str) -> None:
    further = {"change": {}} if route == "/what-if" else {}
    answer = client.post(route, json={"usage": STALE, "as_of": "2025-10", **further})
    assert answer.status_code == 422
    assert "no recent month" in answer.json()["detail"]
    assert "2019" not in answer.text


@pytest.mark.parametrize(
    ("as_of", "status"),
    [
        pytest.param("2025-10", 200, id="month-asked"),
        pytest.param("2025-11", 200, id="month-before"),
        pytest.param("2025-12", 422, id="two-before"),
        pytest.param(None, 200, id="nothing-asked"),
        pytest.param("2025-09", 200, id="later-usage-is-not-looked-at"),
        pytest.param("2025-08", 422, id="nothing-so-early"),
    ],
)
def test_the_last_month_has_to_be_among_the_last_two(client: TestClient, as_of: str | None, status: int) -> None:
    assert client.post("/predict", json={"usage": USAGE, "as_of": as_of}).status_code == status


@pytest.mark.parametrize("route", ["/predict", "/recommend", "/what-if"])
@pytest.mark.parametrize(("name", "most"), [("minutes", 44_640), ("messages", 1_000_000), ("megabytes", 100_000_000)])
def test_no_more_is_taken_than_a_month_can_hold(client: TestClient, route: str, name: str, most: int) -> None:
    further = {"change": {}} if route == "/what-if" else {}
    for amount, status in ((most, 200), (most + 1, 422)):
        answer = client.post(route, json={"usage": [{"month": "2025-10", **USED, name: amount}], **further})
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize("route", ["/predict", "/recommend", "/what-if"])
def test_usage_that_is_all_later_than_the_month_asked_about_is_refused(client: TestClient, route: str) -> None:
    further = {"change": {}} if route == "/what-if" else {}
    answer = client.post(route, json={"usage": USAGE, "as_of": "2025-08", **further})
    assert answer.status_code == 422
    assert "no usage month up to as_of" in answer.text


def test_later_usage_is_not_looked_at(client: TestClient) -> None:
    early = client.post("/predict", json={"usage": USAGE, "as_of": "2025-09"})
    assert early.json() == client.post("/predict", json={"usage": USAGE[:1]}).json()


def test_a_batch_names_the_record_that_is_stale(client: TestClient) -> None:
    records = [{"usage": USAGE, "as_of": "2025-10"}, {"usage": STALE, "as_of": "2025-10"}]
    answer = client.post("/predict/batch", json={"records": records})
    assert answer.status_code == 422
    assert "record 1, counted from 0: no recent month" in answer.json()["detail"]


def test_an_offer_names_all_unknown_facts_at_once(learnt: TestClient) -> None:
    asked = {"usage": USAGE, "current_plan": "smart-12", "mode": "offer"}
    answer = learnt.post("/recommend", json=asked).json()
    assert answer["unknown_facts"] == ["age", "contract_months_left", "holdout", "consent", "contacts_90d"]
    said = {"age": 30, "contract_months_left": 0, "holdout": False, "consent": True, "contacts_90d": 0}
    assert learnt.post("/recommend", json={**asked, **said}).json()["unknown_facts"] == []


def test_advice_asks_for_the_age_alone(client: TestClient) -> None:
    assert client.post("/recommend", json={"usage": USAGE}).json()["unknown_facts"] == ["age"]
    assert client.post("/recommend", json={"usage": USAGE, "age": 30}).json()["unknown_facts"] == []


@pytest.mark.parametrize("field", ["month", "as_of"])
@pytest.mark.parametrize(
    "month", ["1899-12", "1900-01", "2099-12", "2100-01", "0000-01", "9999-12", "٢٠٢٥-10", "2025-13"]
)
def test_a_month_of_a_request_is_one_that_a_table_may_have(client: TestClient, month: str, field: str) -> None:
    record = {"usage": [{"month": month, **USED}]} if field == "month" else {"usage": USAGE[:1], field: month}
    answer = client.post("/recommend/batch", json={"records": [{"usage": USAGE}, record]})
    taken = month_column().checks[0](pd.Series([month])).check_passed
    if answer.status_code == 200:
        assert taken
        return
    if not taken:
        (error,) = answer.json()["errors"]
        assert error["location"][:3] == ["body", "records", 1]
        assert error["message"].endswith("a month as YYYY-MM, such as 2025-10, of the years 1900 to 2099.")
    else:
        assert "record 1, counted from 0" in answer.json()["detail"]
