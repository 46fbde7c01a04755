"""What an offer is worth: chance of acceptance, saving, margin, churn."""

from __future__ import annotations

from planrec.offers.acceptance import AcceptanceModel
from planrec.offers.leaving import LeavingModel, Standing
from planrec.offers.value import OfferValue, OfferWeights, offer_values

__all__ = ["AcceptanceModel", "LeavingModel", "OfferValue", "OfferWeights", "Standing", "offer_values"]
