"""Names of the table's columns, in one place; the API's fields carry them as aliases."""

from __future__ import annotations

__all__ = [
    "ACTIVE",
    "AGE",
    "BALANCE",
    "CARD",
    "CATEGORIES",
    "COARSE_GROUPS",
    "CUSTOMER",
    "EXITED",
    "GENDER",
    "GEOGRAPHY",
    "NUMBERS",
    "PRODUCTS",
    "ROW_NUMBER",
    "SALARY",
    "SCORE",
    "SURNAME",
    "TENURE",
]

ROW_NUMBER, CUSTOMER, SURNAME = "RowNumber", "CustomerId", "Surname"
SCORE, GEOGRAPHY, GENDER, AGE, TENURE = "CreditScore", "Geography", "Gender", "Age", "Tenure"
BALANCE, PRODUCTS, CARD, ACTIVE, SALARY = "Balance", "NumOfProducts", "HasCrCard", "IsActiveMember", "EstimatedSalary"
EXITED = "Exited"

NUMBERS = (SCORE, AGE, TENURE, BALANCE, PRODUCTS, CARD, ACTIVE, SALARY)
"""Numeric columns, in the order of the table."""
CATEGORIES = {GEOGRAPHY: ("France", "Germany", "Spain"), GENDER: ("Female", "Male")}
"""Text columns and their values; the place of a value is its code."""
COARSE_GROUPS = (GENDER, GEOGRAPHY)
"""What entries of the decision log carry of who somebody is, for reports on bias."""
