"""A month of usage as monitoring sees it: its profile, that of the month before, and what only PlanRec can say."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from common_utils.errors import DataError
from common_utils.monitoring.drift.comparison import SCORE, Reference
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.judge import Sight
from common_utils.monitoring.profiles.counting import profile_like
from common_utils.monitoring.profiles.profile import Profile
from common_utils.monitoring.profiles.profile_json import bundle_profile
from planrec.batch.predictions import prediction_table
from planrec.billing import Catalogue
from planrec.bundle import PlanRecBundle
from planrec.columns import CONTRACT_LEFT, CURRENT_PLAN, MONTH, TENURE
from planrec.monitoring.effect import advice_effect
from planrec.monitoring.kinds import moved_kinds
from planrec.monitoring.quality import quality_findings
from planrec.monitoring.rate_card import rate_card_findings
from planrec.months import month_index, month_text

__all__ = ["last_whole_month", "look_at_month", "month_profile"]


def last_whole_month(as_of: date) -> int:
    """Return the index of the last month that ended before a day.

    Examples
    --------
    >>> month_text(last_whole_month(date(2025, 11, 1)))
    '2025-10'
    """
    return as_of.year * 12 + as_of.month - 2


def month_profile(bundle: PlanRecBundle, reference: Profile, months: pd.DataFrame, month: int) -> Profile:
    """Return one month's profile on the reference's edges: one row for each subscriber whose last month it is.

    Parameters
    ----------
    bundle : PlanRecBundle
        Its choice model gives the score, the chance of the plan expected.
    reference : Profile
    months : DataFrame
        Usage months, sorted by subscriber and month.
    month : int
        Month index.
    """
    piece = prediction_table(months, bundle.next_choice(), as_of=month, recent_months=1)
    score = piece.table["probability"].to_numpy()
    return profile_like(reference, piece.seen, score=score, months=[month_text(month)])


def look_at_month(bundle: PlanRecBundle, months: pd.DataFrame, as_of: date, *, card: Catalogue) -> Sight:
    """Return what the last whole month before a day shows.

    Parameters
    ----------
    bundle : PlanRecBundle
        The one that is live.
    months : DataFrame
        Usage months, sorted by subscriber and month; the month itself, the one before, and for kinds of subscribers two
        more.
    as_of : date
    card : Catalogue
        The rate card in force.
    """
    month = last_whole_month(as_of)
    period = month_text(month)
    now = months[months[MONTH] == period]
    if now.empty:
        lacking = f"The table holds no usage of {period}, the last whole month before {as_of}."
        return Sight("", None, (), (Finding("period", "", "insufficient", None, None, None, 0, lacking),))
    findings: list[Finding] = []
    try:
        reference = bundle_profile(bundle.bundle)
    except DataError as error:
        findings.append(Finding("reference", "", "insufficient", None, None, None, 0, str(error)))
        return Sight(period, None, (), tuple(findings))
    trained = month_index(max(reference.months)) if reference.months else month - 1
    findings += rate_card_findings(bundle.catalogue, card, now, trained=trained, month=month)
    references = [Reference("training", _span(reference.months), reference)]
    present = month_profile(bundle, reference, months, month)
    before = month_profile(bundle, reference, months, month - 1)
    known = months[months[MONTH] <= period]
    findings += quality_findings(known, month, as_of, card=card, now=present, before=before)
    if before.rows:
        references.append(Reference("period before", month_text(month - 1), before))
    return Sight(
        period,
        present,
        tuple(references),
        tuple(findings),
        tuple(kind.words() for kind in moved_kinds(months, month)),
        tuple(advice_effect(bundle, months, month)),
        _own_acts(bundle, card, trained, month),
    )


def _own_acts(bundle: PlanRecBundle, card: Catalogue, trained: int, month: int) -> dict[str, str]:
    """Return what moves by the operator's own acts; the score only where a launch or an end of sale lies between."""
    why = "launches, terms and the calendar move it by themselves"
    acts: dict[str, str] = {}
    for name in (CURRENT_PLAN, TENURE, CONTRACT_LEFT):
        acts[name] = why
    asked = [card.sale_state(month + 1), bundle.catalogue.sale_state(trained + 1), card.sale_state(month)]
    if bundle.catalogue.plan_ids != card.plan_ids or any(not np.array_equal(asked[0], then) for then in asked[1:]):
        acts[SCORE] = "other plans are on sale than before, so the chances spread over others"
    return acts


def _span(months: tuple[str, ...]) -> str:
    return "" if not months else months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
