"""What an offer is worth: chance of acceptance, saving, margin, churn."""

from __future__ import annotations

from planrec.offers.acceptance import AcceptanceModel
from planrec.offers.effect import ChurnChange, churn_change
from planrec.offers.leaving import LeavingModel, Standing
from planrec.offers.value import OfferValue, OfferWeights, offer_values

__all__ = [
    "AcceptanceModel",
    "ChurnChange",
    "LeavingModel",
    "OfferValue",
    "OfferWeights",
    "Standing",
    "churn_change",
    "offer_values",
]
