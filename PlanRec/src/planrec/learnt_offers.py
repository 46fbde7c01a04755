"""Who accepts an offer and who stays because of it, learnt from the log of offers as training splits it."""

from __future__ import annotations

import numpy as np

from common_utils.errors import DataError
from planrec.advice.engine import OfferModels
from planrec.campaigns.bound_check import check_bound
from planrec.campaigns.expected import Foresight
from planrec.campaigns.exposure import Exposure, exposure
from planrec.campaigns.moments import CampaignLog, OfferRows, offer_rows
from planrec.campaigns.uplift import TwoModelUplift
from planrec.columns import MONTH
from planrec.config import PlanRecConfig
from planrec.months import month_index
from planrec.outlook import UsageForecast
from planrec.preparation import Prepared, Step
from planrec.usage.months_table import CampaignTables

__all__ = ["fit_offers", "offer_log"]


def fit_offers(config: PlanRecConfig, prepared: Prepared, forecast: UsageForecast, step: Step) -> OfferModels | None:
    """Learn who accepts an offer and who stays because of it, from the months before the first one tested.

    What is learnt from knows as much of the bills to come as an answer does: by the bundle's own forecast.

    Returns
    -------
    OfferModels or None
        None where the source has no log of offers, one too short to learn from, or one that shows harm; `step` is told
        which, and what the log says of the bound on leaving.
    """
    campaign = prepared.data.campaign
    if campaign is None or not len(campaign.offers):
        step("no log of offers: the bundle will give advice only")
        return None
    step("learning from the log of offers")
    moments, months = offer_log(config, prepared, campaign, forecast)
    try:
        model = TwoModelUplift(prepared.catalogue).fit(moments, months)
        check = check_bound(moments, months, prepared.catalogue, prepared.rules, seed=config.training.seed)
    except DataError as error:
        step(f"the log of offers is too short, so the bundle will give advice only ({error})")
        return None
    step(f"the bound on leaving, on log rows that did not choose it: {check.text()}")
    if check.harmful:
        step("the log shows that offers within the bound drive subscribers away, so the bundle will give advice only")
        return None
    return OfferModels(model.acceptance_, model.leaving_)


def offer_log(
    config: PlanRecConfig, prepared: Prepared, campaign: CampaignTables, forecast: UsageForecast
) -> tuple[OfferRows, Exposure]:
    """Return what is learnt of offers from: of subscribers not set aside, before the first month tested."""
    log = CampaignLog(prepared.data.months, campaign.offers, campaign.subscribers, prepared.catalogue)
    foresight = Foresight(forecast, config.advice.history_months)
    rows = offer_rows(log, choice_months=config.features.history_months, foresight=foresight)
    every = exposure(log, foresight=foresight)
    first_test = month_index(prepared.test[MONTH].min())
    return (
        rows.at(~np.isin(rows.subscribers, prepared.unseen) & (rows.month < first_test)),
        every.at(~np.isin(every.subscribers, prepared.unseen) & (every.month < first_test)),
    )
