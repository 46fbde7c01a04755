"""What every plan would have made a simulated subscriber use and pay; arrays in, arrays out.

Usage on a plan = demand x (1 + response x share of the allowance that demand leaves free). One demand serves every
plan (common random numbers), so the difference of two plans' bills is what changing plan does, not luck. The response
never pushes usage past an allowance: d (1 + r (1 - d / A)) <= A for d <= A and r <= 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from planrec.billing import Catalogue, Usage, bill_totals
from planrec.simulator.usage import as_recorded

__all__ = ["allowances", "bills_of_every_plan", "respond"]


def allowances(catalogue: Catalogue) -> FloatArray:
    """Return what each plan includes; float64 array of shape (n_plans, 3), inf where unlimited.

    Examples
    --------
    >>> allowances(megaline)[0].tolist()
    [500.0, 50.0, 15360.0]
    """
    included = [(p.included.minutes, p.included.messages, p.included.megabytes) for p in catalogue.plans]
    return np.array([[np.inf if amount is None else amount for amount in plan] for plan in included], dtype=np.float64)


def respond(demand: FloatArray, included: FloatArray, response: float, *, whole_minutes: bool) -> FloatArray:
    """Return what is used on a plan.

    Parameters
    ----------
    demand : float64 array of shape (..., 3)
        Minutes, messages, megabytes, as recorded.
    included : float64 array broadcastable to (..., 3)
        The plan's allowances, inf where unlimited.
    response : float
        Rise of usage where nothing of the allowance is used up, 0 to 1.
    whole_minutes : bool
        As `simulator.usage.as_recorded`.

    Returns
    -------
    float64 array of shape (..., 3)
        As recorded.

    Examples
    --------
    >>> respond(np.array([100.0, 0, 1000]), np.array([200.0, 50, np.inf]), 0.1, whole_minutes=True).tolist()
    [105.0, 0.0, 1100.0]
    """
    used_up = np.divide(demand, included, out=np.ones_like(demand), where=included > 0)
    return as_recorded(demand * (1 + response * np.maximum(1 - used_up, 0)), whole_minutes=whole_minutes)


def bills_of_every_plan(demand: FloatArray, cards: Sequence[Catalogue], response: float) -> IntArray:
    """Return what each month would have cost on each plan, usage responding to the plan.

    Parameters
    ----------
    demand : float64 array of shape (n, m, 3)
    cards : sequence of Catalogue
        The rate card of each of the m months; all hold the same plans with the same allowances.
    response : float
        As `respond`.

    Returns
    -------
    int64 array of shape (n, m, n_plans)
        Cents.

    Examples
    --------
    >>> bills_of_every_plan(np.array([[[510.0, 0, 0]]]), [megaline], 0.0).tolist()
    [[[2030, 7000]]]
    """
    card = cards[0]
    whole = card.rounding.minutes == "call"
    bills = np.empty((*demand.shape[:2], len(card.plans)), dtype=np.int64)
    starts = [0, *(t for t in range(1, len(cards)) if cards[t] is not cards[t - 1])]
    for j, included in enumerate(allowances(card)):
        usage = respond(demand, included, response, whole_minutes=whole)
        for start, end in zip(starts, [*starts[1:], len(cards)], strict=True):
            part = usage[:, start:end]
            alone = replace(cards[start], plans=(cards[start].plans[j],))
            bills[:, start:end, j] = bill_totals(Usage(part[..., 0], part[..., 1], part[..., 2]), alone)[..., 0]
    return bills
