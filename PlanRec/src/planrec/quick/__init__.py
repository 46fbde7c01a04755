"""One record answered in microseconds: rating, features and advice restated for speed."""

from __future__ import annotations

from planrec.quick.advice import RowAdviser
from planrec.quick.features import RowFeatures

__all__ = ["RowAdviser", "RowFeatures"]
