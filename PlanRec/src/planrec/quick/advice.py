"""Advice and offers for one subscriber, without tables of one row: plain numbers, and NumPy for months on plans alone.

`planrec.advice.recommend_subscriber` says what the answer is; a test holds the two equal to the last bit. Offers that
are explored or go by what is only said, amounts that cannot be rated, plans that are not of the card, and bills above
5,000 of the currency are left to it, so there is one answer and one error for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np

from common_utils.array_types import IntArray
from planrec.advice import Engine, Request, recommend_subscriber
from planrec.advice.ranking import MEASURED
from planrec.advice.reasons import Against, MeanBill, closing_cents, expected_sentence, sentence
from planrec.advice.subscriber import OfferablePlan, RankedPlan, SubscriberAdvice
from planrec.billing import MAX_USAGE, whole_cent
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.decisions.record import latest_months
from planrec.offers import OfferWeights
from planrec.outlook import Questionnaire
from planrec.outlook.questionnaire import DOUBT_WITHOUT_ANSWER, said_amounts
from planrec.quick.cases import AdviceCases, OfferCases, RuledOffer
from planrec.quick.offers import RowOffers
from planrec.quick.rated_months import Rated, RatedMonths
from planrec.quick.usage_ahead import RowForecast
from planrec.rules import ExclusionCode, closed_reasons, stay_text, without_detail

__all__ = ["RowAdviser"]

_NONE = int(ExclusionCode.NONE)
_DECLINED = int(ExclusionCode.DECLINED)
_LITTLE = int(ExclusionCode.BELOW_MINIMUM_GAIN)
_PLAN_UNKNOWN = int(ExclusionCode.CURRENT_PLAN_UNKNOWN)
_HARMFUL = int(ExclusionCode.CHURN_MAY_RISE)
_CONTRACT = (int(ExclusionCode.CONTRACT_BINDS), int(ExclusionCode.CONTRACT_UNKNOWN))
_COUNTED = (_NONE, *_CONTRACT)  # on the gain of a plan with another code hangs nothing


_NO_MONTHS: tuple[tuple[float, ...], ...] = ((), (), ())


class _Case(NamedTuple):
    """What the rules say of the plans: `ExclusionCode` by plan, plans that may be taken, and names of the codes."""

    codes: list[int]
    offered: list[int]
    excluded: dict[str, str]


class RowAdviser:
    """What `recommend_subscriber` says of one record, in a fraction of the time.

    Parameters
    ----------
    engine : Engine
        Catalogue, rules and forecast; what depends on them alone is worked out once.

    Examples
    --------
    >>> from planrec.decisions import UsageMonth
    >>> from planrec.rules import built_in_rules
    >>> adviser = RowAdviser(Engine(megaline, built_in_rules()))
    >>> record = SubscriberRecord([UsageMonth(24216, 400, 10, 9000)], "ultimate")
    >>> advice = adviser(record, Request(24216, history_months=6, top_k=1, risk_weight=0.5))
    >>> advice.plans[0].plan.plan_id, advice.plans[0].saving_cents
    ('surf', 5000)
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        catalogue = engine.catalogue
        self._forecast = RowForecast.of(engine.forecast)
        self._rated = RatedMonths(catalogue)
        self._offers = None if engine.offers is None else RowOffers(engine, engine.offers)
        self._offer_cases = OfferCases(engine.rules, catalogue)
        self._cases: AdviceCases[_Case] = AdviceCases(engine.rules, catalogue, self._case)
        self._fees: list[float] = catalogue.prices.fee_cents.astype(np.float64).tolist()
        self._names = [plan.name for plan in catalogue.plans]
        self._plan_ids = catalogue.plan_ids
        self._index = {plan_id: i for i, plan_id in enumerate(catalogue.plan_ids)}
        self._certainty = engine.certainty
        self._least_gain = engine.rules.min_gain_cents("advice")
        self._code_names = {int(code): code.name for code in ExclusionCode}
        self._without_detail = without_detail(engine.catalogue)

    def __call__(self, record: SubscriberRecord, request: Request) -> SubscriberAdvice:
        """Return the best plans for one subscriber, whatever it takes.

        Raises
        ------
        DataError
            As `recommend_subscriber`.
        """
        return self.quick(record, request) or recommend_subscriber(record, self.engine, request)

    def quick(self, record: SubscriberRecord, request: Request) -> SubscriberAdvice | None:
        """Return the best plans for one subscriber; None where only `recommend_subscriber` can tell.

        Raises
        ------
        DataError
            If a month stands twice.
        """
        current = -1 if record.current_plan is None else self._index.get(record.current_plan, -2)
        forecast = self._forecast
        ordinary = (
            (request.offer is None or (self._offers is not None and not request.exploration.on))
            and current >= -1
            and (not request.excluded or all(plan_id in self._index for plan_id in request.excluded))
        )
        if forecast is None or not ordinary:
            return None
        months = latest_months(record, request.history_months)
        said, doubt = (None, 0.0) if request.answers is None else _said(request.answers)
        if months:
            _, *services = zip(*months, strict=True)
            if not all(map(_can_be_rated, services)):
                return None
            usage = forecast.months(services)
        else:
            usage = forecast.months(_NO_MONTHS, said, doubt)
        if request.offer is not None and current < 0:
            return self._not_offered(record, request, len(months))
        rated = self._rated(usage, current)
        if rated is None:
            return None
        if request.offer is not None:
            return self._offered(record, request, request.offer, months, rated, current)
        return self._ranked(record, request, rated, current, len(months))

    def _unsure(self, rated: Rated, gaining: list[int], current: int) -> list[int]:
        """Return the plans whose saving is not certain enough, among those that gain: `advice.ranking.sure_gains`."""
        certainty = self._certainty
        if not certainty > 0:
            return []
        savings = [(plan, *rated.saving(plan, current)) for plan in gaining]
        return [plan for plan, mean, spread in savings if not mean - certainty * spread > 0]

    def _ranked(
        self, record: SubscriberRecord, request: Request, rated: Rated, current: int, months: int
    ) -> SubscriberAdvice:
        case, free_from = self._verdict(record, request, current)
        codes, risk = case.codes, request.risk_weight
        adjusted = [m + risk * s for m, s in zip(rated.mean, rated.spread, strict=True)]
        order = sorted(case.offered, key=adjusted.__getitem__)
        code = _NONE if order else _closed(tuple(codes), -1)
        if current >= 0:
            order, code = self._against_staying(request, rated, adjusted, codes, order, current)
        return self._rendered(request, case, code, free_from, order, rated, current, months)

    def _rendered(
        self,
        request: Request,
        case: _Case,
        code: int,
        free_from: int,
        order: list[int],
        rated: Rated,
        current: int,
        months: int,
    ) -> SubscriberAdvice:
        """Return what is said of the plans in this order: `advice.subscriber`."""
        mean, spread, plans = rated.mean, rated.spread, self.engine.catalogue.plans
        held = whole_cent(mean[current])
        today = self._past_bill(rated, current, months).total if months else 0
        minutes, messages, data = rated.items
        ranked: list[RankedPlan] = []
        for rank, plan in enumerate(order[: request.top_k], start=1):
            bill = whole_cent(mean[plan])
            ranked.append(
                RankedPlan(
                    rank,
                    plans[plan],
                    plan == current,
                    bill,
                    whole_cent(spread[plan]),
                    held - bill if current >= 0 else None,
                    None if rated.dearer is None else rated.dearer[plan],
                    tuple(closing_cents([self._fees[plan], minutes[plan], messages[plan], data[plan]], bill)),
                    self._sentence(plan, rated, current, months, today)
                    if months
                    else expected_sentence(plans[plan].name, self.engine.catalogue.currency, bill),
                )
            )
        if code and ranked:
            best = ranked[0]
            ranked[0] = best._replace(reason=f"{best.reason} Stay: {stay_text(code, free_from)}.")
        return SubscriberAdvice(
            tuple(ranked),
            case.excluded,
            months,
            not order or order[0] == current,
            self._code_names[code] if code else None,
            free_from if free_from >= 0 else None,
        )

    def _not_offered(self, record: SubscriberRecord, request: Request, months: int) -> SubscriberAdvice:
        """Return what is said to somebody whose plan is not known, and who therefore gets no offer."""
        ruled = self._offer_cases.of(record, request.month, -1)
        codes = [code or _PLAN_UNKNOWN for code in ruled.codes]
        why, free_from = self._code_names[_closed(tuple(codes), -1)], _free_from(record, request)
        change = free_from if free_from >= 0 else None
        return SubscriberAdvice(
            (), self._case(np.array(codes)).excluded, months, stay=True, stay_reason=why, earliest_change=change
        )

    def _offered(
        self,
        record: SubscriberRecord,
        request: Request,
        weights: OfferWeights,
        months: Sequence[UsageMonth],
        rated: Rated,
        current: int,
    ) -> SubscriberAdvice | None:
        """Return offers as `advice.Engine.offer` ranks them; None where only that can tell."""
        if self._offers is None or not months:
            return None
        ruled = self._offer_cases.of(record, request.month, current)
        found = self._offers(record, months, rated, current, ruled.on_sale, weights, request.history_months)
        if found is None:
            return None
        rules, mean = self.engine.rules, rated.mean
        asked = rules.min_gain_cents("offer") if request.min_gain_cents is None else request.min_gain_cents
        gains = [min(saving, mean[current] - bill) for saving, bill in zip(found.saving, mean, strict=True)]
        declined = {self._index[plan_id] for plan_id in request.excluded}
        harmless = -rules.offers.min_churn_fall
        codes = list(ruled.codes)
        for plan, code in enumerate(codes):
            if code or plan == current:
                continue
            if plan in declined:
                codes[plan] = _DECLINED
            elif not gains[plan] >= asked:
                codes[plan] = _LITTLE
            elif not found.bound[plan] <= harmless or found.change[plan] > 0:
                codes[plan] = _HARMFUL
            elif not found.value[plan] > 0:
                codes[plan] = _LITTLE
        offerable = [plan for plan, code in enumerate(codes) if not code and plan != current]
        order = [*sorted(offerable, key=[-value for value in found.value].__getitem__), current]
        code = _NONE if offerable else _offer_stay_reason(ruled, codes, gains, asked, current)
        free_from = _free_from(record, request)
        kept = order if offerable else [current]
        answer = self._rendered(
            request, self._case(np.array(codes)), code, free_from, kept, rated, current, len(months)
        )
        figures = [
            (None, None, None)
            if plan == current
            else (found.accepts[plan], whole_cent(found.value[plan]), found.change[plan])
            for plan in kept[: request.top_k]
        ]
        return answer._replace(
            plans=tuple(
                plan._replace(p_accept=accepts, offer_value_cents=value, churn_change=change)
                for plan, (accepts, value, change) in zip(answer.plans, figures, strict=True)
            ),
            offerable=tuple(
                OfferablePlan(self._plan_ids[p], found.accepts[p], found.value[p], mean[current] - mean[p])
                for p in offerable
            ),
        )

    def _against_staying(
        self, request: Request, rated: Rated, adjusted: list[float], codes: list[int], order: list[int], current: int
    ) -> tuple[list[int], int]:
        """Return the order with what is worth a switch first, or else the plan held, and the code of why to stay."""
        asked = self._least_gain if request.min_gain_cents is None else request.min_gain_cents
        today, today_mean = adjusted[current], rated.mean[current]
        gains = {
            plan: min(today - a, today_mean - m)
            for plan, (a, m) in enumerate(zip(adjusted, rated.mean, strict=True))
            if a < today and m < today_mean and codes[plan] in _COUNTED
        }
        gaining = [plan for plan, gain in gains.items() if gain >= asked]
        unsure = self._unsure(rated, gaining, current)
        sure = [plan for plan in gaining if plan not in unsure]
        enough = [plan for plan in order if plan in sure]
        first = enough or [current]
        code = _NONE if enough else _stay_reason(codes, current, gains, sure, unsure)
        return first + [plan for plan in order if plan not in first], code

    def _verdict(self, record: SubscriberRecord, request: Request, current: int) -> tuple[_Case, int]:
        """Return what the rules say, and the first month without the contract, -1 where nothing binds."""
        left = record.contract_months_left
        binds = left is not None and left > 0
        case = self._cases.of(request.month + 1, record.age, current, binds)
        if request.excluded:
            declined = {self._index[plan_id] for plan_id in request.excluded} - {current}
            codes = [_DECLINED if plan in declined and not code else code for plan, code in enumerate(case.codes)]
            case = self._case(np.array(codes))
        return case, _free_from(record, request)

    def _case(self, codes: IntArray) -> _Case:
        """Return what an answer takes of codes."""
        listed: list[int] = codes.tolist()
        named = {self._plan_ids[i]: self._code_names[code] for i, code in enumerate(listed) if code}
        return _Case(listed, [plan for plan, code in enumerate(listed) if not code], {**named, **self._without_detail})

    def _past_bill(self, rated: Rated, plan: int, months: int) -> MeanBill:
        """Return what the months recorded would have cost on average."""
        minutes, messages, data = rated.past_items
        return MeanBill(self._fees[plan], minutes[plan] / months, messages[plan] / months, data[plan] / months)

    def _sentence(self, plan: int, rated: Rated, current: int, months: int, today: int) -> str:
        """Return the reason: `advice.reasons.reasons`."""
        against = None
        if rated.past_dearer is not None:
            against = Against(self._names[current], today, round(rated.past_dearer[plan]), plan == current)
        ahead = rated.mean[plan], rated.mean[max(current, 0)]
        bill = self._past_bill(rated, plan, months)
        return sentence(self._names[plan], self.engine.catalogue.currency, months, bill, against, ahead)


def _free_from(record: SubscriberRecord, request: Request) -> int:
    """Return the first month without the contract, -1 where nothing binds."""
    left = record.contract_months_left
    return request.month + 1 + ceil(left) if left is not None and left > 0 else -1


def _stay_reason(codes: list[int], current: int, gains: dict[int, float], sure: list[int], unsure: list[int]) -> int:
    """Return why to stay, as `rules.stay_reasons` has it."""
    kept_out = [plan for plan in sure if codes[plan] in _CONTRACT]
    if kept_out:
        return codes[max(kept_out, key=gains.__getitem__)]
    if any(codes[plan] == _NONE for plan in unsure):
        return int(ExclusionCode.UNCERTAIN_GAIN)
    if any(code in MEASURED and plan != current for plan, code in enumerate(codes)):
        return int(ExclusionCode.BELOW_MINIMUM_GAIN)
    return _closed(tuple(codes), current) or int(ExclusionCode.BELOW_MINIMUM_GAIN)


def _offer_stay_reason(ruled: RuledOffer, codes: list[int], gains: list[float], asked: int, current: int) -> int:
    """Return why no offer is made, as `rules.stay_reasons` and `Engine.offer` have it."""
    if ruled.barred:
        return ruled.barred
    kept_out = [plan for plan, code in enumerate(ruled.codes) if code in _CONTRACT]
    missed = max(kept_out, key=gains.__getitem__, default=current)
    if missed != current and gains[missed] > 0 and gains[missed] >= asked:
        return ruled.codes[missed]
    if _HARMFUL in codes:
        return _HARMFUL
    if any(code in MEASURED and plan != current for plan, code in enumerate(codes)):
        return _LITTLE
    return _closed(tuple(codes), current) or _LITTLE


@lru_cache(1024)
def _closed(codes: tuple[int, ...], current: int) -> int:
    """Return why no plan may be taken, or none but the one held: `rules.closed_reasons`."""
    held = None if current < 0 else np.array([current])
    return int(closed_reasons(np.array([codes]), held)[0])


def _said(answers: Questionnaire) -> tuple[list[float] | None, float]:
    """Return the month that answers tell, None where they tell nothing, and the doubt: `outlook.said_usage`."""
    amounts, doubts = said_amounts(answers)
    minutes, messages, data = doubts
    if not min(doubts) < DOUBT_WITHOUT_ANSWER:
        return None, 0.0
    return amounts, sqrt((minutes * minutes + messages * messages + data * data) / len(doubts))


def _can_be_rated(values: Sequence[float]) -> bool:
    # A sum is NaN where one value is, which neither comparison would tell.
    return min(values) >= 0 and max(values) <= MAX_USAGE and (total := sum(values)) == total
