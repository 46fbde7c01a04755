"""Features computed from others: arrays in, arrays out, written once for the table and for one record."""

from __future__ import annotations

import numpy as np

from bankchurn.columns import ACTIVE, AGE, BALANCE, CATEGORIES, GENDER, GEOGRAPHY, PRODUCTS, SCORE
from common_utils.array_types import FloatArray

__all__ = [
    "INPUTS",
    "active_german",
    "age_from_peak",
    "age_times_products",
    "balance_per_product",
    "empty_account_products",
    "german_balance",
    "inactive_age",
    "male_age",
    "products_active",
    "score_per_year",
]


PEAK_AGE = 52.0
"""Years; customers of about this age leave most often in the public table's training rows."""

_GERMANY = float(CATEGORIES[GEOGRAPHY].index("Germany"))


def balance_per_product(balance: FloatArray, products: FloatArray) -> FloatArray:
    """Return euro of balance per product held.

    Examples
    --------
    >>> balance_per_product(np.array([90.0]), np.array([2.0])).tolist()
    [45.0]
    """
    return balance / products


def empty_account_products(balance: FloatArray, products: FloatArray) -> FloatArray:
    """Return the number of products, plus 10 where the account is empty: one scale for both.

    Examples
    --------
    >>> empty_account_products(np.array([0.0, 5.0]), np.array([2.0, 2.0])).tolist()
    [12.0, 2.0]
    """
    return 10.0 * (balance == 0) + products


def inactive_age(age: FloatArray, active: FloatArray) -> FloatArray:
    """Return the age of customers who are not active, 0 for the others.

    Examples
    --------
    >>> inactive_age(np.array([40.0, 40.0]), np.array([0.0, 1.0])).tolist()
    [40.0, 0.0]
    """
    return age * (1 - active)


def age_from_peak(age: FloatArray) -> FloatArray:
    """Return how many years the age is from that at which customers leave most often.

    Examples
    --------
    >>> age_from_peak(np.array([50.0, 60.0])).tolist()
    [2.0, 8.0]
    """
    return np.abs(age - PEAK_AGE)


def age_times_products(age: FloatArray, products: FloatArray) -> FloatArray:
    """Return age times products.

    Examples
    --------
    >>> age_times_products(np.array([40.0]), np.array([2.0])).tolist()
    [80.0]
    """
    return age * products


def products_active(products: FloatArray, active: FloatArray) -> FloatArray:
    """Return twice the products, plus 1 for active customers: a code for each pair.

    Examples
    --------
    >>> products_active(np.array([1.0, 2.0]), np.array([1.0, 0.0])).tolist()
    [3.0, 4.0]
    """
    return 2 * products + active


def german_balance(geography: FloatArray, balance: FloatArray) -> FloatArray:
    """Return the balance of German customers, 0 for the others; all German customers of the public table have one.

    Examples
    --------
    >>> german_balance(np.array([1.0, 0.0]), np.array([70.0, 70.0])).tolist()
    [70.0, 0.0]
    """
    return (geography == _GERMANY) * balance


def active_german(geography: FloatArray, active: FloatArray) -> FloatArray:
    """Return 2 for German customers, plus 1 for active ones.

    Examples
    --------
    >>> active_german(np.array([1.0, 0.0]), np.array([1.0, 0.0])).tolist()
    [3.0, 0.0]
    """
    return 2.0 * (geography == _GERMANY) + active


def male_age(gender: FloatArray, age: FloatArray) -> FloatArray:
    """Return the age of men, 0 for women.

    Examples
    --------
    >>> male_age(np.array([0.0, 1.0]), np.array([40.0, 40.0])).tolist()
    [0.0, 40.0]
    """
    return gender * age


def score_per_year(score: FloatArray, age: FloatArray) -> FloatArray:
    """Return credit points per year of age.

    Examples
    --------
    >>> score_per_year(np.array([600.0]), np.array([40.0])).tolist()
    [15.0]
    """
    return score / age


INPUTS = {
    balance_per_product: (BALANCE, PRODUCTS),
    empty_account_products: (BALANCE, PRODUCTS),
    inactive_age: (AGE, ACTIVE),
    age_from_peak: (AGE,),
    age_times_products: (AGE, PRODUCTS),
    products_active: (PRODUCTS, ACTIVE),
    german_balance: (GEOGRAPHY, BALANCE),
    active_german: (GEOGRAPHY, ACTIVE),
    male_age: (GENDER, AGE),
    score_per_year: (SCORE, AGE),
}
"""The columns each formula takes; a category stands for its code."""
