"""What came of decisions: choices against the card; offers, savings and harm, which the card has no figure of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from common_utils.evaluation import ndcg_at_k
from common_utils.monitoring.bias.decided import outcome_values, row_subjects
from common_utils.monitoring.late_labels import EarlyEstimate, calibration_error, judge, mean_of
from common_utils.monitoring.matured import Matured, card_figures, matured

__all__ = ["look_at_outcomes"]


def look_at_outcomes(
    rows: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any], *, rng: np.random.Generator
) -> Matured:
    """Return what decisions with matured outcomes say, of all and by age band.

    Parameters
    ----------
    rows : sequence of mapping
        Of `common_utils.monitoring.matured.decided_until`.
    metrics : mapping
        The bundle's; counterparts are `ndcg_at_5` and `ece` of its test, on decisions of the last months.
    rng : numpy.random.Generator
    """
    if not rows:
        return matured([], [], 0)
    choices = np.array([row["mode"] == "choice" for row in rows])
    offers = np.array([row["mode"] == "offer" and row["answer"].get("advice") == "switch" for row in rows])
    ranks, top, hit = (np.array(values, dtype=np.float64) for values in zip(*map(_choice, rows), strict=True))
    known = choices & ~np.isnan(hit)
    ndcg = np.where(known, ndcg_at_k(np.nan_to_num(ranks), 5), np.nan)
    accepted = outcome_values(rows, "accepted")
    p_accept = np.array([_p_accept(row) for row in rows])
    everything = np.ones(len(rows), dtype=np.bool_)
    figures = [
        mean_of("ndcg_at_5", ndcg, known, "more"),
        calibration_error("ece", top, hit, known),
        mean_of("accepted", accepted, offers, "more"),
        calibration_error("ece of P(accept)", p_accept, accepted, offers & ~np.isnan(p_accept)),
        mean_of("saving", outcome_values(rows, "saving"), everything, "more"),
        mean_of("worse_off", outcome_values(rows, "worse_off"), everything, "less"),
    ]
    bands = np.array([str(row["groups"].get("age_band", "unknown")) for row in rows])
    card = card_figures(metrics.get("test", {}), ("ndcg_at_5", "ece"))
    late = judge(figures, row_subjects(rows), card, segments=bands, rng=rng)
    waiting = choices & np.isnan(hit)
    guesses: list[EarlyEstimate] = []
    if waiting.any():
        assumes = "the choice model is still calibrated"
        guesses = [EarlyEstimate("share whose plan will be the expected one", float(top[waiting].mean()), assumes)]
    return matured(late, guesses, int(waiting.sum()))


def _choice(row: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return the rank of the plan taken (0: not among them), the highest chance, and whether that plan was taken."""
    chances: Mapping[str, float] = row["answer"].get("probabilities") or {}
    if row["mode"] != "choice" or not chances:
        return np.nan, np.nan, np.nan
    top, taken = max(chances.values()), row.get("plan_taken")
    if taken is None:
        return np.nan, top, np.nan
    if taken not in chances:
        return 0.0, top, 0.0
    rank = 1 + sum(chance > chances[taken] for chance in chances.values())
    return float(rank), top, float(rank == 1)


def _p_accept(row: Mapping[str, Any]) -> float:
    plans = row["answer"].get("plans") or [{}]
    value = plans[0].get("p_accept")
    return np.nan if value is None else float(value)
