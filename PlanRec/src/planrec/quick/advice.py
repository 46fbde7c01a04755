"""Advice for one subscriber, without tables of one row: plain numbers, and NumPy for the forecast's months alone.

`planrec.advice.recommend_subscriber` says what the answer is; a test holds the two equal to the last bit. Offers,
answers to the questionnaire, and whoever has no month or an amount that cannot be rated are left to it, so there is one
answer and one error for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from planrec.advice import Engine, Request, recommend_subscriber
from planrec.advice.reasons import Against, MeanBill, closing_cents, sentence
from planrec.advice.subscriber import RankedPlan, SubscriberAdvice
from planrec.billing import MAX_USAGE, Catalogue
from planrec.billing.month_bills import MICRO
from planrec.decisions import SubscriberRecord
from planrec.decisions.record import latest_months
from planrec.outlook import SERVICES, UsageForecast
from planrec.outlook.forecast import SCENARIOS, SMALLEST, pairing
from planrec.rules import ExclusionCode, stay_text

__all__ = ["RowAdviser"]

_Charge: TypeAlias = tuple[int, int]  # units included, cents per further one

_NONE = int(ExclusionCode.NONE)
_CONTRACT = (int(ExclusionCode.CONTRACT_BINDS), int(ExclusionCode.CONTRACT_UNKNOWN))
_ADDED_IN_ORDER = 8  # NumPy adds fewer numbers one after the other, and more in pairs
_PLACES = (np.arange(SCENARIOS) + 0.5) / SCENARIOS


class _Outlook(NamedTuple):
    """Bills of the forecast's months, by plan; cents."""

    mean: list[float]
    spread: list[float]
    dearer: list[float] | None
    items: list[list[float]]
    totals: IntArray


class _Bills(NamedTuple):
    """What the recorded months would have cost on one plan; cents."""

    months: list[int]
    mean: MeanBill


class _Window(NamedTuple):
    """When a plan is sold, and to which ages."""

    first: int
    last: int
    youngest: float
    oldest: float
    limited: bool


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
        catalogue, p = engine.catalogue, engine.catalogue.prices
        self._forecast = _row_forecast(engine.forecast)
        sizes = (MICRO, MICRO, catalogue.rounding.data_unit_megabytes * MICRO)
        self._sizes = np.array(sizes, dtype=np.int64)[:, None]
        included = np.stack([p.included_minutes, p.included_messages, p.included_data_units])
        cents = np.stack([p.cents_per_minute, p.cents_per_message, p.cents_per_data_unit])
        self._included, self._cents = included[:, None, :], cents[:, None, :]
        self._speaker = _Speaker(catalogue, np.stack([included, cents], axis=2).swapaxes(0, 1).tolist())
        self._fee_row = p.fee_cents
        self._fees: list[int] = p.fee_cents.tolist()
        self._terms = [plan.contract_months for plan in catalogue.plans]
        self._index = {plan_id: i for i, plan_id in enumerate(catalogue.plan_ids)}
        first, last = catalogue.sale_windows
        youngest, oldest = catalogue.age_limits
        limited = np.isfinite(youngest) | np.isfinite(oldest)
        self._windows = [
            _Window(*window)
            for window in zip(
                first.tolist(), last.tolist(), youngest.tolist(), oldest.tolist(), limited.tolist(), strict=True
            )
        ]
        self._taken_out = [
            (
                None if rule.holders_of is None else frozenset(self._index.get(held, -1) for held in rule.holders_of),
                [self._index[plan_id] for plan_id in rule.plans if plan_id in self._index],
            )
            for rule in engine.rules.plans
            if "advice" in rule.modes
        ]
        self._certainty = engine.certainty
        self._dearer_allowed = engine.rules.contract.while_bound == "allow_dearer"
        self._code_names = {int(code): code.name for code in ExclusionCode}

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
            request.offer is None
            and request.answers is None
            and current >= -1
            and all(plan_id in self._index for plan_id in request.excluded)
        )
        if forecast is None or not ordinary:
            return None
        months = latest_months(record, request.history_months)
        services = (
            [float(month.minutes) for month in months],
            [float(month.messages) for month in months],
            [float(month.megabytes) for month in months],
        )
        if not months or not all(_can_be_rated(values) for values in services):
            return None
        outlook = self._outlook(forecast.months(services), current)
        return self._ranked(record, request, services, outlook, current)

    def _outlook(self, usage: FloatArray, current: int) -> _Outlook:
        """Rate the forecast's months, float64 of shape (3, SCENARIOS), on every plan."""
        units = np.rint(usage * MICRO).astype(np.int64)
        units += self._sizes - 1
        units //= self._sizes
        beyond = units[:, :, None] - self._included
        np.maximum(beyond, 0, out=beyond)
        beyond *= self._cents
        totals = np.add.reduce(beyond, axis=0)
        totals += self._fee_row
        mean = np.add.reduce(totals, axis=0) / SCENARIOS
        apart = totals - mean
        apart *= apart
        spread = np.sqrt(np.add.reduce(apart, axis=0) / SCENARIOS)
        dearer = None
        if current >= 0:
            above = totals > totals[:, current : current + 1]
            dearer = (np.add.reduce(above, axis=0, dtype=np.int64) / SCENARIOS).tolist()
        items = (np.add.reduce(beyond, axis=1) / SCENARIOS).tolist()
        return _Outlook(mean.tolist(), spread.tolist(), dearer, items, totals)

    def _unsure(self, totals: IntArray, gaining: list[int], current: int) -> list[int]:
        """Return the plans whose saving is not certain enough, among those that gain: `advice.ranking.sure_gains`."""
        if not (self._certainty > 0 and gaining):
            return []
        saving = np.ascontiguousarray((totals[:, current : current + 1] - totals[:, gaining]).T)
        mean = np.add.reduce(saving, axis=1) / SCENARIOS
        apart = saving - mean[:, None]
        apart *= apart
        least: list[float] = (mean - self._certainty * np.sqrt(np.add.reduce(apart, axis=1) / SCENARIOS)).tolist()
        return [plan for plan, at_least in zip(gaining, least, strict=True) if not at_least > 0]

    def _ranked(
        self,
        record: SubscriberRecord,
        request: Request,
        services: Sequence[list[float]],
        outlook: _Outlook,
        current: int,
    ) -> SubscriberAdvice:
        codes, free_from = self._verdict(record, request, current)
        mean, catalogue = outlook.mean, self.engine.catalogue
        asked = self.engine.rules.min_gain_cents("advice") if request.min_gain_cents is None else request.min_gain_cents
        adjusted = [m + request.risk_weight * s for m, s in zip(mean, outlook.spread, strict=True)]
        offered = [plan for plan, code in enumerate(codes) if code == _NONE]
        order = sorted(offered, key=adjusted.__getitem__)
        code = _NONE
        if current >= 0:
            gains = [min(adjusted[current] - a, mean[current] - m) for a, m in zip(adjusted, mean, strict=True)]
            gaining = [plan for plan, gain in enumerate(gains) if gain > 0 and gain >= asked]
            unsure = self._unsure(outlook.totals, gaining, current)
            sure = [plan for plan in gaining if plan not in unsure]
            enough = [plan for plan in order if plan in sure]
            first = enough or [current]
            order = first + [plan for plan in order if plan not in first]
            code = _NONE if enough else _stay_reason(codes, gains, sure, unsure)
        order = order[: request.top_k]
        said = self._speaker.sentences(services, order, current, mean)
        held = round(mean[current])
        why = f" Stay: {stay_text(code, free_from)}." if code else ""
        return SubscriberAdvice(
            plans=tuple(
                RankedPlan(
                    rank=rank,
                    plan=catalogue.plans[plan],
                    is_current=plan == current,
                    expected_bill_cents=round(mean[plan]),
                    spread_cents=round(outlook.spread[plan]),
                    saving_cents=held - round(mean[plan]) if current >= 0 else None,
                    p_pay_more=None if outlook.dearer is None else outlook.dearer[plan],
                    line_items_cents=tuple(
                        closing_cents(
                            [float(self._fees[plan]), *(items[plan] for items in outlook.items)], round(mean[plan])
                        )
                    ),
                    reason=text + (why if rank == 1 else ""),
                )
                for rank, (plan, text) in enumerate(zip(order, said, strict=True), start=1)
            ),
            excluded={catalogue.plan_ids[i]: self._code_names[code] for i, code in enumerate(codes) if code},
            months_used=len(services[0]),
            stay=current >= 0 and order[0] == current,
            stay_reason=self._code_names[code] if code else None,
            earliest_change=free_from if free_from >= 0 else None,
        )

    def _verdict(self, record: SubscriberRecord, request: Request, current: int) -> tuple[list[int], int]:
        """Return the code of every plan as `rules.apply_rules` has it, and the first month without the contract."""
        codes = [_sale_code(window, request.month + 1, record.age) for window in self._windows]
        for holders, plans in self._taken_out:
            if holders is None or current in holders:
                for plan in plans:
                    codes[plan] = codes[plan] or int(ExclusionCode.NOT_OFFERED)
        left = record.contract_months_left
        binds = left is not None and left > 0
        if binds:
            for plan, code in enumerate(codes):
                if code == _NONE and not self._may_rise(plan, current):
                    codes[plan] = int(ExclusionCode.CONTRACT_BINDS)
        for plan_id in request.excluded:
            plan = self._index[plan_id]
            codes[plan] = codes[plan] or int(ExclusionCode.DECLINED)
        if current >= 0:
            codes[current] = _NONE
        return codes, request.month + 1 + ceil(left) if left is not None and binds else -1

    def _may_rise(self, plan: int, current: int) -> bool:
        """Whether a contract that binds leaves this plan open: a dearer one of at least the same term."""
        return (
            self._dearer_allowed
            and current >= 0
            and self._fees[plan] > self._fees[current]
            and self._terms[plan] >= self._terms[current]
        )


class _Speaker:
    """Says what plans would have cost over the months a subscriber has: `advice.reasons.reasons`."""

    def __init__(self, catalogue: Catalogue, charges: list[list[_Charge]]) -> None:
        self._charges = charges
        self._sizes = (MICRO, MICRO, catalogue.rounding.data_unit_megabytes * MICRO)
        self._fees: list[int] = catalogue.prices.fee_cents.tolist()
        self._names = [plan.name for plan in catalogue.plans]
        self._currency = catalogue.currency

    def sentences(
        self, services: Sequence[list[float]], plans: Sequence[int], current: int, expected: list[float]
    ) -> list[str]:
        """Return one sentence a plan; `expected` bills by plan, cents."""
        units = [
            [-(-round(value * MICRO) // size) for value in values]
            for values, size in zip(services, self._sizes, strict=True)
        ]
        held = self._bills(units, current) if current >= 0 else None
        return [self._sentence(self._bills(units, plan), plan, held, current, expected) for plan in plans]

    def _sentence(self, bills: _Bills, plan: int, held: _Bills | None, current: int, expected: list[float]) -> str:
        against = None
        if held is not None:
            dearer = sum([there > today for there, today in zip(bills.months, held.months, strict=True)])
            against = Against(self._names[current], held.mean, dearer, plan == current)
        ahead = expected[plan], expected[max(current, 0)]
        return sentence(self._names[plan], self._currency, len(bills.months), bills.mean, against, ahead)

    def _bills(self, units: list[list[int]], plan: int) -> _Bills:
        fee, months = self._fees[plan], len(units[0])
        totals = [fee] * months
        means = [float(fee)]
        for used, (included, cents) in zip(units, self._charges[plan], strict=True):
            parts = [(unit - included) * cents if unit > included else 0 for unit in used]
            totals = [total + part for total, part in zip(totals, parts, strict=True)]
            means.append(sum(parts) / months)
        return _Bills(totals, MeanBill(*means))


class _RowForecast:
    """`UsageForecast.scenarios` for one subscriber with a known month."""

    def __init__(self, forecast: UsageForecast) -> None:
        parts = [forecast.services[service] for service in SERVICES]
        self._most = len(parts[0].scale) - 1
        self._coefficients = [part.coefficients.tolist() for part in parts]
        self._common = [(part.scale**2).tolist() for part in parts]
        self._prior = [part.prior.tolist() for part in parts]
        self._inflation = [part.inflation.tolist() for part in parts]
        self._quantiles = np.stack([part.quantiles for part in parts])
        self._paired = np.stack([order + i * SCENARIOS for i, order in enumerate(pairing())])
        self._rows = np.arange(len(parts))

    def months(self, services: Sequence[list[float]]) -> FloatArray:
        """Return equally likely usage months, shape (3, SCENARIOS)."""
        recent = [values[: self._most] for values in services]
        used = [[max(value, SMALLEST) for value in values if value > 0] for values in recent]
        logs: list[float] = np.log([value for values in used for value in values]).tolist()
        levels: list[float] = []
        spreads: list[float] = []
        at = 0
        for service, values in enumerate(used):
            level, spread = self._law(service, logs[at : at + len(values)])
            levels.append(level)
            spreads.append(spread)
            at += len(values)
        counts = [len(values) for values in used]
        quantiles = self._quantiles[self._rows, counts]
        never = None
        if min(counts) < len(recent[0]):
            quantiles, never = self._with_idle(quantiles, [1 - count / len(recent[0]) for count in counts])
        drawn = np.exp(np.array(levels)[:, None] + np.array(spreads)[:, None] * quantiles)
        if never is not None:
            drawn = np.where(never, 0.0, drawn)
        return np.minimum(drawn, MAX_USAGE).take(self._paired)

    def _law(self, service: int, logs: list[float]) -> tuple[float, float]:
        """Return level and spread of the logarithm of usage."""
        count = len(logs)
        weights = self._coefficients[service][count]
        level = mean = own = 0.0
        for weight, value in zip(weights[1:], logs, strict=False):  # weights beyond the months known are 0
            level += value * weight
            mean += value
        prior, variance = self._prior[service][count], self._common[service][count]
        if prior < float("inf"):
            mean /= max(count, 1)
            for value in logs:
                own += (value - mean) * (value - mean)
            variance = (prior * variance + own) / max(prior + count - 1, 1.0) * self._inflation[service][count]
        return weights[0] + level, sqrt(variance)

    def _with_idle(self, quantiles: FloatArray, idle: list[float]) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the quantiles that months with usage share among them, and which months have none."""
        column = np.array(idle)[:, None]
        among = (_PLACES - column) / np.maximum(1 - column, 1 / SCENARIOS)
        at = np.clip((among * SCENARIOS).astype(np.int64), 0, SCENARIOS - 1)
        return quantiles[self._rows[:, None], at], among < 0


def _stay_reason(codes: list[int], gains: list[float], sure: list[int], unsure: list[int]) -> int:
    """Return why to stay, as `rules.stay_reasons` has it."""
    kept_out = [plan for plan in sure if codes[plan] in _CONTRACT]
    if kept_out:
        return codes[max(kept_out, key=gains.__getitem__)]
    doubtful = any(codes[plan] == _NONE for plan in unsure)
    return int(ExclusionCode.UNCERTAIN_GAIN if doubtful else ExclusionCode.BELOW_MINIMUM_GAIN)


def _row_forecast(forecast: UsageForecast | None) -> _RowForecast | None:
    if forecast is None or any(len(part.scale) > _ADDED_IN_ORDER for part in forecast.services.values()):
        return None
    return _RowForecast(forecast)


def _can_be_rated(values: list[float]) -> bool:
    # A sum is NaN where one value is, which neither comparison would tell.
    return min(values) >= 0 and max(values) <= MAX_USAGE and (total := sum(values)) == total


def _sale_code(window: _Window, month: int, age: float | None) -> int:
    """Return the code of `rules.exclusions`."""
    if month < window.first:
        return int(ExclusionCode.NOT_YET_ON_SALE)
    if month > window.last:
        return int(ExclusionCode.NO_LONGER_SOLD)
    if not window.limited:
        return _NONE
    if age is None:
        return int(ExclusionCode.AGE_UNKNOWN)
    if age < window.youngest:
        return int(ExclusionCode.BELOW_MINIMUM_AGE)
    return int(ExclusionCode.ABOVE_MAXIMUM_AGE) if age > window.oldest else _NONE
