"""What PlanRec shows to monitoring: what is known of a subscriber, as their last usage month says it.

Files, services and the reference of a bundle all count these, so that a month of usage can be held against any of them.
The score of a prediction is the chance of the plan expected; advice has no score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.monitoring.profiles.counting import profile_like
from common_utils.monitoring.profiles.profile import Profile
from planrec.columns import AGE, CONTRACT_LEFT, CURRENT_PLAN, SUBSCRIBER, TENURE, USAGE

if TYPE_CHECKING:
    from planrec.batch.answers import PieceAnswer
    from planrec.batch.predictions import PredictedPiece

__all__ = ["advised_profile", "predicted_profile", "seen_columns"]


def predicted_profile(piece: PredictedPiece, *, reference: Profile, month: str) -> Profile | None:
    """Return what is counted of the subscribers of a piece of predictions; `month` is the one asked for."""
    score = piece.table["probability"].to_numpy()
    subjects = np.array(piece.table[SUBSCRIBER].to_pylist(), dtype=object)
    return (
        profile_like(reference, piece.seen, score=score, subjects=subjects, months=(month,)) if len(subjects) else None
    )


def advised_profile(piece: PieceAnswer, *, reference: Profile, month: str) -> Profile | None:
    """Return what is counted of the subscribers of a piece of advice or offers, which have no score."""
    if piece.subscribers is None or not len(piece.subscribers):
        return None
    return profile_like(reference, piece.seen, subjects=piece.subscribers, months=(month,))


def seen_columns(rows: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return what is watched of each subscriber.

    Parameters
    ----------
    rows : DataFrame
        As `decisions.latest_rows`: one row for each subscriber.

    Returns
    -------
    dict of str to array of shape (n,)
        `minutes`, `messages` and `megabytes` of the last month, `current_plan` where the rows have it, and `age`,
        `tenure_months` and `contract_months_left` where at least one subscriber has them.

    Examples
    --------
    >>> rows = pd.DataFrame({"minutes_1": [3.0], "messages_1": [0.0], "megabytes_1": [9.0], "current_plan": ["surf"]})
    >>> sorted(seen_columns(rows))
    ['current_plan', 'megabytes', 'messages', 'minutes']
    """
    columns: dict[str, NDArray[Any]] = {
        service: rows[f"{service}_1"].to_numpy(dtype=np.float64) for service in USAGE if f"{service}_1" in rows
    }
    if CURRENT_PLAN in rows:
        columns[CURRENT_PLAN] = rows[CURRENT_PLAN].astype(object).to_numpy()
    for name in (AGE, TENURE, CONTRACT_LEFT):
        if name in rows and rows[name].notna().any():
            columns[name] = rows[name].to_numpy(dtype=np.float64)
    return columns
