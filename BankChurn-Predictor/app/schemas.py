"""Requests and answers. Every field is typed and bounded, unknown fields are refused; names are the table's."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from common_utils.serving.decisions.events import LoggedAnswer
from common_utils.table_project.service import TableRecord

__all__ = ["ANSWER", "EXAMPLE", "CustomerRequest", "PredictResponse"]

EXAMPLE: dict[str, JsonValue] = {
    "CreditScore": 619,
    "Geography": "France",
    "Gender": "Female",
    "Age": 42,
    "Tenure": 2,
    "Balance": 0,
    "NumOfProducts": 1,
    "HasCrCard": 1,
    "IsActiveMember": 1,
    "EstimatedSalary": 101348.88,
}

ANSWER: dict[str, JsonValue] = {
    "prediction": "leaves",
    "probability": 0.366802418201299,
    "expected_profit": 19.016290184155878,
    "model_version": "20261123T120102Z-1a2b3c4d5e6f",
}
"""What a bundle of the public table answers to `EXAMPLE`."""


class CustomerRequest(TableRecord):
    """One bank customer, as a row of the table."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    credit_score: float = Field(alias="CreditScore", ge=300, le=900, description="points")
    geography: Literal["France", "Germany", "Spain"] = Field(alias="Geography", description="country")
    gender: Literal["Female", "Male"] = Field(alias="Gender")
    age: float = Field(alias="Age", ge=18, le=110, description="years")
    tenure: float | None = Field(
        default=None, alias="Tenure", ge=0, le=80, description="years with the bank; omit it or send null if unknown"
    )
    balance: float = Field(alias="Balance", ge=0, le=100_000_000, description="euro")
    num_of_products: int = Field(alias="NumOfProducts", ge=1, le=10, description="products held")
    has_cr_card: int = Field(alias="HasCrCard", ge=0, le=1, description="1: has a credit card")
    is_active_member: int = Field(alias="IsActiveMember", ge=0, le=1, description="1: active")
    estimated_salary: float = Field(alias="EstimatedSalary", ge=0, le=100_000_000, description="euro a year")


class PredictResponse(LoggedAnswer):
    """How likely the customer is to leave, and whether a contact pays."""

    model_config = ConfigDict(json_schema_extra={"examples": [ANSWER]}, protected_namespaces=())

    prediction: Literal["leaves", "stays"] = Field(description="by the threshold chosen in training")
    probability: float = Field(description="of leaving, calibrated")
    expected_profit: float = Field(description="euro that a contact is expected to bring, by the bundle's economics")
    model_version: str
