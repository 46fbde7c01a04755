"""The decision log as a report on bias asks: who is advised, offered, refused, what came of it, and what was possible.

What could be saved is the largest saving that any entry of a subject shows. It is the rules' and the bills' own view:
a rule that hides a plan from a group hides that saving too, and shows under `refused` and in the shares as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.monitoring.bias.decided import Decided, Done, outcome_values
from planrec.decisions.groups import UNKNOWN_BAND
from planrec.rules import ExclusionCode

__all__ = ["SEGMENT", "describe_decisions"]

SEGMENT = "segment"
_BY_GAIN = {ExclusionCode.BELOW_MINIMUM_GAIN.name, ExclusionCode.UNCERTAIN_GAIN.name, ExclusionCode.CHURN_MAY_RISE.name}
_SPENDERS = ("low spender", "middle spender", "high spender")


def describe_decisions(rows: Sequence[Mapping[str, Any]]) -> Decided:
    """Return what entries say of groups: `age_band`, and `segment`, the third of the bill on the plan held.

    Parameters
    ----------
    rows : sequence of mapping
        Of `common_utils.decision_log.exports.joined`.

    Examples
    --------
    >>> plan = {"plan_id": "surf", "expected_bill_cents": 2000, "saving_cents": 500}
    >>> answer = {"advice": "switch", "stay_reason": None, "plans": [plan]}
    >>> row = {"mode": "advice", "answer": answer, "groups": {"age_band": "25-34"}}
    >>> found = describe_decisions([row])
    >>> found.possible.tolist(), [(done.name, done.values.tolist()) for done in found.done[:2]]
    ([500.0], [('advised', [1.0]), ('offered', [1.0])])
    """
    modes = np.array([str(row["mode"]) for row in rows])
    advice, offers = modes == "advice", modes == "offer"
    switch, refused = (np.array(values, dtype=np.float64) for values in zip(*map(_done, rows), strict=True))
    gains, bills = (np.array(values, dtype=np.float64) for values in zip(*map(_money, rows), strict=True))
    open_to = np.where(refused > 0, np.nan, switch)
    done = [
        Done("advised", advice, open_to, "less"),
        Done("offered", offers, open_to, "less"),
        Done("refused", advice | offers, refused, "more"),
    ]
    worse, saving = outcome_values(rows, "worse_off"), outcome_values(rows, "saving")
    done += [Done("worse off", ~np.isnan(worse), worse, "more"), Done("saving", ~np.isnan(saving), saving, "less")]
    bands = [str(row["groups"].get("age_band", "")) for row in rows]
    ages = np.array(["" if band == UNKNOWN_BAND else band for band in bands], dtype=np.str_)
    return Decided({"age_band": ages, SEGMENT: _segments(bills)}, gains, tuple(done), "the same possible saving")


def _done(row: Mapping[str, Any]) -> tuple[float, float]:
    """Return whether a switch was said, and whether no plan was open for another reason than its gain."""
    answer = row["answer"]
    switch = answer.get("advice") == "switch"
    reason = answer.get("stay_reason")
    return float(switch), float(not switch and reason is not None and reason not in _BY_GAIN)


def _money(row: Mapping[str, Any]) -> tuple[float, float]:
    """Return the largest saving an entry shows, cents a month, and the bill on the plan held; NaN where unknown."""
    answer = row["answer"]
    if row["mode"] not in ("advice", "offer"):
        return np.nan, np.nan
    plans = [plan for plan in answer.get("plans", ()) if plan.get("saving_cents") is not None]
    savings = [float(plan["saving_cents"]) for plan in (*plans, *answer.get("offerable", ()))]
    bills = [float(plan["expected_bill_cents"]) + float(plan["saving_cents"]) for plan in plans]
    return max(savings, default=np.nan), bills[0] if bills else np.nan


def _segments(bills: FloatArray) -> NDArray[np.str_]:
    """Return the third of the bill on the plan held, of all entries; empty where it is unknown."""
    known = ~np.isnan(bills)
    found = np.full(len(bills), "", dtype=object)
    if known.any():
        edges = np.quantile(bills[known], (1 / 3, 2 / 3))
        found[known] = np.array(_SPENDERS, dtype=object)[np.searchsorted(edges, bills[known], side="right")]
    return found.astype(np.str_)
