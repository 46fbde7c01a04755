"""Names of the table's columns, in one place; the API's fields carry them as they are."""

from __future__ import annotations

__all__ = [
    "CATEGORIES",
    "CONDITION",
    "CYLINDERS",
    "DATE",
    "DAYS",
    "FOUR_WHEEL",
    "FUEL",
    "LISTING",
    "MODEL",
    "NUMBERS",
    "ODOMETER",
    "PAINT",
    "PRICE",
    "RANGES",
    "TRANSMISSION",
    "TYPE",
    "YEAR",
]

PRICE, YEAR, MODEL, CONDITION, CYLINDERS = "price", "model_year", "model", "condition", "cylinders"
FUEL, ODOMETER, TRANSMISSION, TYPE, PAINT = "fuel", "odometer", "transmission", "type", "paint_color"
FOUR_WHEEL, DATE, DAYS = "is_4wd", "date_posted", "days_listed"

LISTING = (MODEL, TYPE, CONDITION, YEAR, ODOMETER)
"""What comparable ads are found by, in the order of `neighbours.Listings`; no setting can drop these."""
NUMBERS = (YEAR, ODOMETER, CYLINDERS, FOUR_WHEEL)
"""Numeric features: year, miles, count, 0 or 1."""
RANGES = {YEAR: (1990, 2020), ODOMETER: (0, 499_999), CYLINDERS: (1, 16), FOUR_WHEEL: (0, 1)}
"""What a record to answer may hold; outside it the table has no cars the model could have learnt from."""
CATEGORIES = {
    MODEL: (),
    CONDITION: ("salvage", "fair", "good", "excellent", "like new", "new"),
    FUEL: ("gas", "diesel", "hybrid", "other", "electric"),
    TRANSMISSION: ("automatic", "manual", "other"),
    TYPE: (
        "hatchback", "sedan", "wagon", "mini-van", "SUV", "coupe", "convertible", "offroad", "van", "bus", "truck",
        "pickup", "other",
    ),
    PAINT: (
        "black", "blue", "brown", "custom", "green", "grey", "orange", "purple", "red", "silver", "white", "yellow",
    ),
}  # fmt: skip
"""Text columns and their values; the place of a value is its code. Conditions ascend; so do body types, roughly. Which
models there are, the training table says."""
