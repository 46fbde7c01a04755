"""Answers say what is odd about the usage sent, in the words of a file's account; usual usage gets no word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from planrec.usage.read import read_usage_table

MONTHS = [f"{year}-{month:02d}" for year in (2024, 2025) for month in range(1, 11)]
ODD = {
    "seconds": {"minutes": 18_000, "messages": 20, "megabytes": 9000},
    "hours": {"minutes": 5, "messages": 20, "megabytes": 9000},
    "gigabytes": {"minutes": 300, "messages": 20, "megabytes": 9.5},
    "kB": {"minutes": 300, "messages": 20, "megabytes": 9_000_000},
    "both": {"minutes": 18_000, "messages": 20, "megabytes": 9.5},
}


def asked(used: dict[str, float]) -> dict[str, Any]:
    return {"usage": [{"month": month, **used} for month in MONTHS], "age": 30, "current_plan": "smart-12"}


def account_of(used: dict[str, float], folder: Path) -> list[str]:
    path = folder / "usage.csv"
    pd.DataFrame([{"subscriber_id": "a", "month": month, **used} for month in MONTHS]).to_csv(path, index=False)
    return list(read_usage_table(path).reports[0].notes)


@pytest.mark.parametrize("unit", ODD)
def test_an_answer_says_what_the_account_of_a_file_says(client: TestClient, tmp_path: Path, unit: str) -> None:
    body, notes = asked(ODD[unit]), account_of(ODD[unit], tmp_path)
    assert notes
    assert unit in " ".join(notes) or unit == "both"
    for route, field in {"/predict": "predictions", "/recommend": "recommendations"}.items():
        assert client.post(route, json=body).json()["notes"] == notes, route
        batch = client.post(
            f"{route}/batch", json={"records": [body, asked({**ODD[unit], "minutes": 300, "megabytes": 900})]}
        )
        answers = batch.json()[field]
        assert (answers[0]["notes"], "notes" in answers[1]) == (notes, False)
    assert client.post("/what-if", json={**body, "change": {"megabytes": 1.5}}).json()["notes"] == notes


@pytest.mark.parametrize(("minutes", "megabytes"), [(300, 9000), (0, 0), (10, 500), (2999, 99_999)])
def test_usual_usage_has_no_notes(client: TestClient, tmp_path: Path, minutes: float, megabytes: float) -> None:
    used = {"minutes": minutes, "messages": 20, "megabytes": megabytes}
    assert account_of(used, tmp_path) == []
    for route in ("/predict", "/recommend"):
        assert "notes" not in client.post(route, json=asked(used)).json()


def test_openapi_tells_of_notes(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for name in ("PredictResponse", "RecommendResponse", "WhatIfResponse"):
        assert "left out if nothing is" in schemas[name]["properties"]["notes"]["description"]
        assert "notes" not in schemas[name]["required"]
