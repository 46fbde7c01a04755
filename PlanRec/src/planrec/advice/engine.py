"""One bundle's way to answer, in both modes: months in, ranked plans out; arrays in, arrays out.

With a forecast the bills are those of the coming months, and a subscriber without a known month gets the
population's: a wider answer, not an error. Advice ranks by the risk-adjusted bill; an offer by its value, among the
plans that gain enough, and only for subscribers the rules allow us to contact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import ConfigError
from planrec.advice.plan_bills import PlanBills, PricesPlans
from planrec.advice.policy import AnswerPolicy
from planrec.advice.ranking import Advice, AdvicePolicy, advise, decide, rank_plans, with_closed
from planrec.billing import Catalogue, Usage, bill_totals
from planrec.decisions import alternative_features
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.offers import (
    AcceptanceModel,
    ChurnChange,
    LeavingModel,
    OfferValue,
    OfferWeights,
    Standing,
    churn_change,
    offer_values,
)
from planrec.offers.leaving import bill_rise
from planrec.outlook import History, UsageForecast, bill_outlook
from planrec.outlook.forecast import SCENARIOS
from planrec.rules import ExclusionCode, Facts, Rules, apply_rules, exclusions, stay_reasons

if TYPE_CHECKING:
    from planrec.billing.cell_months import OwnMonths

__all__ = ["STANDING_MONTHS", "Engine", "EngineAnswer", "OfferModels", "Subscribers"]


STANDING_MONTHS = 3  # bills that overpayment and a rise are judged by, as the uplift model learnt it


@dataclass(frozen=True, slots=True)
class OfferModels:
    """What an offer does, learnt from logged offers."""

    acceptance: AcceptanceModel
    leaving: LeavingModel

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"acceptance": self.acceptance.to_dict(), "leaving": self.leaving.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> OfferModels:
        """Return the models of `to_dict`.

        Raises
        ------
        ArtifactError
            If a weight is missing or is not a number.
        """
        return cls(
            AcceptanceModel.from_dict(values.get("acceptance", {})), LeavingModel.from_dict(values.get("leaving", {}))
        )


@dataclass(frozen=True, slots=True)
class Subscribers:
    """n subscribers at the moment of an answer.

    Attributes
    ----------
    history : History
        The months known; a row may know none.
    facts : Facts
    tenure_months : float64 array of shape (n,)
        NaN where unknown.
    extra_sd : float64 array of shape (n,)
        Doubt about usage that is only said, as standard deviation of its logarithm; 0 where it is recorded.
    declined : bool array of shape (n, n_plans) or None
        Plans a subscriber does not want to hear of.
    cells : OwnMonths or None
        Cells of the months of `history`, for an engine that prices plans from them.
    """

    history: History
    facts: Facts
    tenure_months: FloatArray
    extra_sd: FloatArray
    declined: NDArray[np.bool_] | None = None
    cells: OwnMonths | None = None

    @classmethod
    def of(
        cls,
        history: History,
        facts: Facts,
        *,
        tenure_months: FloatArray | None = None,
        extra_sd: FloatArray | None = None,
        declined: NDArray[np.bool_] | None = None,
    ) -> Subscribers:
        """Build with what is left out unknown, and usage recorded."""
        n = len(history.known)
        return cls(
            history,
            facts,
            np.full(n, np.nan) if tenure_months is None else tenure_months,
            np.zeros(n) if extra_sd is None else extra_sd,
            declined,
        )


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """Ranked plans.

    Attributes
    ----------
    advice : Advice
    basis : History
        The months the bills were rated on: those known, or the forecast's.
    offer : OfferValue or None
        In the mode "offer".
    held : int64 array of shape (n,) or None
        Plan held that was compared with, -1 where it is unknown or has no bill; None: the one that the facts say.
    bills : PlanBills or None
        What was decided by, where plans are priced from cells.
    """

    advice: Advice
    basis: History
    offer: OfferValue | None
    held: IntArray | None = None
    bills: PlanBills | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """Answers from what a bundle holds.

    Attributes
    ----------
    catalogue : Catalogue
    rules : Rules
    forecast : UsageForecast or None
        None: past months are rated as they are.
    offers : OfferModels or None
        None: this bundle makes no offers.
    cells : PricesPlans or None
        What prices the plans from cells; the catalogue is then its.
    """

    catalogue: Catalogue
    rules: Rules
    forecast: UsageForecast | None = None
    offers: OfferModels | None = None
    cells: PricesPlans | None = None

    def answer(self, people: Subscribers, policy: AnswerPolicy) -> EngineAnswer:
        """Return what a policy asks for: offers where it has weights for them, else advice.

        Parameters
        ----------
        people : Subscribers
            Their history as long as the policy looks back.
        policy : AnswerPolicy

        Raises
        ------
        ConfigError, DataError
            As `offer` and `advise`.
        """
        gain = policy.min_gain_cents
        if policy.offer is None:
            return self.advise(people, risk_weight=policy.risk_weight, min_gain_cents=gain)
        return self.offer(people, weights=policy.offer, min_gain_cents=gain)

    def advise(self, people: Subscribers, *, risk_weight: float, min_gain_cents: int | None = None) -> EngineAnswer:
        """Return the plans with the lowest risk-adjusted bill first.

        Parameters
        ----------
        people : Subscribers
        risk_weight : float
            Standard deviations added to the mean bill, >= 0.
        min_gain_cents : int, optional
            Overrides that of the rules.

        Raises
        ------
        DataError
            If there is no forecast and a subscriber has no known month.

        Examples
        --------
        >>> from planrec.outlook import history_of
        >>> from planrec.rules import built_in_rules
        >>> history = history_of({"minutes_1": [400.0], "messages_1": [10.0], "megabytes_1": [9000.0]}, 1)
        >>> people = Subscribers.of(history, Facts.of(24216, np.array([1])))
        >>> answer = Engine(megaline, built_in_rules()).advise(people, risk_weight=0.5)
        >>> [megaline.plan_ids[plan] for plan in answer.advice.order[0]]
        ['surf', 'ultimate']
        """
        basis = self._basis(people)
        rules = self.rules.asking("advice", min_gain_cents)
        gain = rules.minimum_gain
        policy = AdvicePolicy(risk_weight, gain.advice_cents, self.certainty)
        facts, declined = people.facts, people.declined
        if self.cells is None:
            advice = advise(basis, self.catalogue, policy, rules=rules, facts=facts, declined=declined)
            return EngineAnswer(advice, basis, None)
        bills = self.cells.bills(people.history, people.cells, basis, facts.change_month)
        advice = decide(bills, self.catalogue, policy, rules=rules, facts=facts, declined=declined)
        return EngineAnswer(advice, basis, None, bills.held(facts.current), bills)

    @property
    def certainty(self) -> float:
        """`minimum_gain.advice_certainty` of the rules with a forecast; 0 without: a few past months do not tell it."""
        return 0.0 if self.forecast is None else self.rules.minimum_gain.advice_certainty

    def offer(self, people: Subscribers, *, weights: OfferWeights, min_gain_cents: int | None = None) -> EngineAnswer:
        """Return the offers of the highest value first, or stay.

        Parameters
        ----------
        people : Subscribers
        weights : OfferWeights
        min_gain_cents : int, optional
            Overrides that of the rules: the fall in the risk-adjusted and in the mean bill an offer must bring.

        Returns
        -------
        EngineAnswer
            Plans that gain too little, or whose offer is worth nothing, are excluded as BELOW_MINIMUM_GAIN; those
            that gain enough but whose offer could raise the chance of leaving, by the rules' bound, as CHURN_MAY_RISE;
            all plans of a subscriber whose current plan is unknown, as CURRENT_PLAN_UNKNOWN.

        Raises
        ------
        ConfigError
            If the bundle knows nothing of offers, or plans are priced from cells, which its models do not score.
        """
        if self.cells is not None:
            raise ConfigError(
                "offers: the models of a bundle score plans in the short form, and not those that cells price; leave "
                "out the cells, or ask for advice."
            )
        if self.offers is None:
            raise ConfigError(
                "offers: this bundle was trained without a log of offers; train it on a source that has one, or ask "
                "for advice."
            )
        basis = self._basis(people)
        rules = self.rules.asking("offer", min_gain_cents)
        asked = rules.min_gain_cents("offer")
        plain = advise(basis, self.catalogue, AdvicePolicy(weights.risk, asked), rules=rules, facts=people.facts)
        verdict = apply_rules(rules, self.catalogue, people.facts, "offer")
        churn = self._churn(people, basis, self.offers)
        current = people.facts.current
        value = offer_values(
            plain.expected_cents,
            plain.spread_cents,
            np.maximum(current, 0),
            self.catalogue,
            p_accept=churn.p_accept,
            churn_change=churn.change,
            weights=weights,
        )
        held = current[:, None] == np.arange(len(self.catalogue.plans))
        gain = np.minimum(np.nan_to_num(value.adjusted_saving_cents), np.nan_to_num(plain.saving_cents))
        little = ~held & ~(gain >= asked)
        # Where the chance of leaving is unknown, the change is NaN: no fall is shown, so no offer is made.
        harm = ~held & ~(churn.bound(rules.offers.churn_errors) <= -rules.offers.min_churn_fall)
        harm |= ~held & (churn.change > 0)
        worthless = ~held & ~(value.value_cents > 0)
        unknown = (current < 0)[:, None] & ~held
        declined = np.zeros_like(held) if people.declined is None else people.declined & ~held
        codes = np.where(
            verdict.codes != ExclusionCode.NONE,
            verdict.codes,
            np.select(
                [unknown, declined, little, harm, worthless],
                [
                    ExclusionCode.CURRENT_PLAN_UNKNOWN,
                    ExclusionCode.DECLINED,
                    ExclusionCode.BELOW_MINIMUM_GAIN,
                    ExclusionCode.CHURN_MAY_RISE,
                    ExclusionCode.BELOW_MINIMUM_GAIN,
                ],
                ExclusionCode.NONE,
            ),
        ).astype(np.int64)
        worth = np.where(held, 0.0, np.nan_to_num(value.value_cents))
        order, stay = rank_plans(-worth, codes, current, 0)
        advice = replace(
            plain,
            order=order,
            stay=stay,
            excluded=codes,
            stay_reason=_stay_reason(stay_reasons(verdict, np.where(held, 0.0, gain), stay, asked), codes, current),
        )
        return EngineAnswer(advice, basis, value)

    def _basis(self, people: Subscribers) -> History:
        if self.forecast is None:
            return people.history
        return self.forecast.scenarios(people.history, extra_sd=people.extra_sd)

    def _churn(self, people: Subscribers, basis: History, models: OfferModels) -> ChurnChange:
        """Return what each offer does; overpaid is against all plans on sale, whether they may be offered or not."""
        facts = people.facts
        current = np.maximum(facts.current, 0)  # those of an unknown plan are excluded afterwards
        on_sale = exclusions(self.catalogue, facts.change_month, current, facts.age) == ExclusionCode.NONE
        on_sale[np.arange(len(current)), current] = False
        return churn_change(
            models.leaving,
            models.acceptance,
            self._standing(people, basis, current, on_sale),
            self.catalogue,
            alternatives=self._alternatives(people.history, basis, current),
            contacts=facts.contacts_90d,
        )

    def _alternatives(self, history: History, basis: History, current: IntArray) -> FloatArray:
        """Features of the plans; a subscriber without a month is described by the forecast."""
        new = np.flatnonzero(~history.known.any(axis=1))
        if not len(new):
            return alternative_features(history, self.catalogue, current)
        features = np.empty((len(current), len(self.catalogue.plans), len(ALTERNATIVE_FEATURES)))
        old = np.flatnonzero(history.known.any(axis=1))
        features[old] = alternative_features(_rows(history, old), self.catalogue, current[old])
        features[new] = alternative_features(_rows(basis, new), self.catalogue, current[new], recent_months=SCENARIOS)
        return features

    def _standing(
        self, people: Subscribers, basis: History, current: IntArray, offerable: NDArray[np.bool_]
    ) -> Standing:
        known = people.history.known[:, :STANDING_MONTHS]
        u = people.history.usage
        recent = Usage(*(part[:, :STANDING_MONTHS] for part in (u.minutes, u.messages, u.megabytes)))
        totals = bill_totals(recent, self.catalogue)
        bill = bill_outlook(totals, known).mean_cents
        expected = bill_outlook(bill_totals(basis.usage, self.catalogue), basis.known).mean_cents
        on_current = np.take_along_axis(totals, current[:, None, None], axis=2)[..., 0]
        return Standing(
            current=current,
            bill=np.where(known.any(axis=1, keepdims=True), bill, expected) / 100,
            offerable=offerable,
            rise=bill_rise(on_current / 100, known),
            tenure_years=(people.tenure_months + 1) / 12,
            expected=expected / 100,
        )


def _stay_reason(reasons: IntArray, codes: IntArray, current: IntArray) -> IntArray:
    """Name the bound on leaving where it, not the gain, keeps back the last offer; say why if no plan may be taken."""
    kept = (codes == ExclusionCode.CHURN_MAY_RISE).any(axis=1) & (reasons == ExclusionCode.BELOW_MINIMUM_GAIN)
    return with_closed(np.where(kept, ExclusionCode.CHURN_MAY_RISE, reasons).astype(np.int64), codes, current)


def _rows(history: History, rows: IntArray) -> History:
    u = history.usage
    return History(Usage(u.minutes[rows], u.messages[rows], u.megabytes[rows]), history.known[rows])
