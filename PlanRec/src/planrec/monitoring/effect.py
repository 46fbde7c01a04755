"""What the month does to the answers: the same question asked on it and on the month before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planrec.batch.by_bundle import AskedOfBundle, bundle_answers
from planrec.bundle import PlanRecBundle
from planrec.columns import SUBSCRIBER
from planrec.months import month_text

__all__ = ["advice_effect"]

_MOST = 2_000  # subscribers asked about: a share is then known to two points
_FEWEST = 20


@dataclass(frozen=True)
class _Said:
    asked: int
    moved: float
    saving_cents: float
    best: pd.Series


def advice_effect(bundle: PlanRecBundle, months: pd.DataFrame, month: int) -> list[str]:
    """Return what changed in the bundle's advice between the month before and this one, in sentences.

    Parameters
    ----------
    bundle : PlanRecBundle
    months : DataFrame
        Usage months, sorted by subscriber and month.
    month : int
        Month index.

    Returns
    -------
    list of str
        Nothing where fewer than 20 subscribers can be asked about in both months. At most 2,000 are asked about,
        chosen evenly over the table.
    """
    everyone = months[SUBSCRIBER].unique()
    chosen = everyone[:: max(1, len(everyone) // _MOST)][:_MOST]
    some = months[months[SUBSCRIBER].isin(chosen)]
    before, now = _said(bundle, some, month - 1), _said(bundle, some, month)
    both = before.best.index.intersection(now.best.index)
    if len(both) < _FEWEST:
        return []
    other = float((before.best[both].to_numpy() != now.best[both].to_numpy()).mean())
    return [
        f"Advised to change: {100 * now.moved:z.0f} % of {now.asked:,} subscribers asked about, "
        f"{100 * before.moved:z.0f} % in {month_text(month - 1)}.",
        f"Mean saving of those: {now.saving_cents / 100:z.2f} {bundle.catalogue.currency} a month, "
        f"{before.saving_cents / 100:z.2f} before.",
        f"The best plan is another one than in {month_text(month - 1)} for {100 * other:z.0f} %.",
    ]


def _said(bundle: PlanRecBundle, months: pd.DataFrame, month: int) -> _Said:
    answer = bundle_answers(bundle, AskedOfBundle(month, top=1)).recommender.answer(months)
    table: pd.DataFrame = answer.ranked.to_pandas()
    switch = (table["advice"] == "switch") & ~table["is_current"].fillna(value=False).astype(bool)
    saving = table.loc[switch, "saving_cents"].to_numpy(dtype=np.float64)
    mean = float(np.nanmean(saving)) if len(saving) and not np.isnan(saving).all() else 0.0
    share = float(switch.mean()) if len(table) else 0.0
    best = table["plan_id"].astype(object).set_axis(table[SUBSCRIBER].astype(str))
    return _Said(len(table), share, mean, best)
