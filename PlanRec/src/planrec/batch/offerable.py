"""What could be offered to each subscriber of a piece, for the decision log, and who wants no offers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from planrec.advice import Subscribers
from planrec.advice.subscriber import OfferablePlan
from planrec.batch.arrow_columns import filled_table
from planrec.batch.rankers import Ranking
from planrec.billing import Catalogue
from planrec.columns import SUBSCRIBER
from planrec.rules import ExclusionCode, Facts, Known

__all__ = ["OFFERABLE_SCHEMA", "offerable_columns", "offerable_table", "without_consent"]

_TEXT: Any = pa.dictionary(pa.int32(), pa.large_string())

OFFERABLE_SCHEMA: Any = pa.schema(
    [(SUBSCRIBER, _TEXT), ("plan_id", _TEXT), *((name, pa.float64()) for name in OfferablePlan._fields[1:])]
)
"""One row for each plan that could be offered to a subscriber; what `OfferablePlan` says of it."""


def offerable_columns(ranking: Ranking, people: Subscribers, first: int) -> dict[str, NDArray[np.generic]] | None:
    """Return the plans that no rule and no minimum gain excludes, but for the one held; None for advice.

    Parameters
    ----------
    ranking : Ranking
    people : Subscribers
    first : int
        Place of the first subscriber in the piece.
    """
    advice, held, further = ranking.advice, people.facts.current, ranking.further
    if "value_cents" not in further:
        return None
    codes = advice.excluded
    row, plan = np.nonzero((codes == ExclusionCode.NONE) & (held[:, None] != np.arange(codes.shape[1])))
    expected = advice.expected_cents
    return {
        SUBSCRIBER: row + first,
        "plan_id": plan,
        "p_accept": further["p_accept"][row, plan],
        "value_cents": further["value_cents"][row, plan],
        "saving_cents": expected[row, held[row]] - expected[row, plan],
    }


def offerable_table(parts: Sequence[dict[str, NDArray[np.generic]] | None], ids: Any, catalogue: Catalogue) -> Any:
    """Return the columns of all parts as a table of `OFFERABLE_SCHEMA`; None for advice.

    Parameters
    ----------
    parts : sequence of dict or None
        Of `offerable_columns`.
    ids : pyarrow array
        Subscribers of the piece.
    catalogue : Catalogue
    """
    columns = [part for part in parts if part is not None]
    if parts and not columns:
        return None
    return filled_table(OFFERABLE_SCHEMA, columns, ids, catalogue.plan_ids)


def without_consent(facts: Facts, objected: Iterable[bool]) -> Facts:
    """Return facts in which who objected has no consent to offers.

    Examples
    --------
    >>> facts = Facts.of(24216, np.array([1, 1]), consent=True)
    >>> without_consent(facts, [False, True]).consent.tolist() == [int(Known.YES), int(Known.NO)]
    True
    """
    told = np.fromiter(objected, dtype=np.bool_, count=len(facts.current))
    return replace(facts, consent=np.where(told, np.int8(Known.NO), facts.consent))
