"""The two schemas that several tests of reading use: calls with every kind of column, and months."""

from __future__ import annotations

from fractions import Fraction

import pandera.pandas as pandera

from common_utils.tables import id_column, month_column

UNITS = {"minutes": Fraction(1), "seconds": Fraction(1, 60), "hh:mm:ss": Fraction(1, 60)}
CALLS = pandera.DataFrameSchema(
    {
        "id": id_column(),
        "date": pandera.Column("datetime64[us]"),
        "minutes": pandera.Column(float, pandera.Check.ge(0, error="negative"), metadata={"units": UNITS}),
        "age": pandera.Column(
            float,
            pandera.Check.in_range(0, 130, error="not between 0 and 130"),
            nullable=True,
            required=False,
            metadata={"soft": True},
        ),
        "left": pandera.Column(
            float,
            nullable=True,
            required=False,
            metadata={"soft": True, "floor": 0, "floor_reason": "below 0, taken as 0"},
        ),
        "partial": pandera.Column(
            bool, required=False, metadata={"soft": True, "default": False, "default_reason": "taken as whole"}
        ),
    }
)
MONTHS = pandera.DataFrameSchema({"id": id_column(), "month": month_column()}, unique=["id", "month"])
