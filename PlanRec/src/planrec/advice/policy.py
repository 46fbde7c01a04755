"""What an answer weighs: the settings a bundle was trained with, the rules, and what a request says instead.

Command line and service both ask here, so one bundle gives one answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from planrec.config import PlanRecConfig
from planrec.offers import OfferWeights
from planrec.rules import Mode, Rules

__all__ = ["AnswerPolicy", "Overrides", "RatedBasis"]

RatedBasis = Literal["forecast", "past"]
"""Which months are rated: those a forecast expects, or those known."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a request, or a command's own options, say instead of settings and rules; None where they say nothing.

    Attributes
    ----------
    history_months : int or None
        Months looked back over, >= 1.
    risk_weight : float or None
        Standard deviations added to the mean bill, >= 0.
    min_gain_cents : int or None
        Below this gain a month the answer is stay.
    """

    history_months: int | None = None
    risk_weight: float | None = None
    min_gain_cents: int | None = None


@dataclass(frozen=True, slots=True)
class AnswerPolicy:
    """What an answer weighs; returned with it.

    Attributes
    ----------
    history_months : int
        Months looked back over, >= 1.
    risk_weight : float
        Standard deviations added to the mean bill.
    min_gain_cents : int
        Below this gain a month the answer is stay.
    offer : OfferWeights or None
        None: advice is asked for.
    basis : {"forecast", "past"}
    """

    history_months: int
    risk_weight: float
    min_gain_cents: int
    offer: OfferWeights | None = None
    basis: RatedBasis = "past"

    @classmethod
    def of(
        cls, config: PlanRecConfig, rules: Rules, mode: Mode, *, forecast: bool, overrides: Overrides | None = None
    ) -> AnswerPolicy:
        """Return what settings and rules weigh, and the overrides where they say something else.

        Parameters
        ----------
        config : PlanRecConfig
            Those of the bundle that answers.
        rules : Rules
        mode : {"advice", "offer"}
        forecast : bool
            Whether the bills are those of a forecast, whose spread holds the doubt about their mean already.
        overrides : Overrides, optional

        Examples
        --------
        >>> from planrec.config import load_planrec_config
        >>> from planrec.rules import built_in_rules
        >>> config = load_planrec_config(project, environ={})
        >>> AnswerPolicy.of(config, built_in_rules(), "offer", forecast=True).risk_weight
        0.1
        >>> AnswerPolicy.of(config, built_in_rules(), "advice", forecast=False, overrides=Overrides(2)).history_months
        2
        """
        asked, advice, offer = overrides or Overrides(), config.advice, config.offer
        usual = advice.forecast_risk_weight if forecast else advice.risk_weight
        risk = usual if asked.risk_weight is None else asked.risk_weight
        gain = rules.min_gain_cents(mode) if asked.min_gain_cents is None else asked.min_gain_cents
        weights = OfferWeights(risk, offer.margin_weight, offer.churn_weight_cents, offer.perk_cost_cents)
        return cls(
            history_months=asked.history_months or advice.history_months,
            risk_weight=risk,
            min_gain_cents=gain,
            offer=weights if mode == "offer" else None,
            basis="forecast" if forecast else "past",
        )
