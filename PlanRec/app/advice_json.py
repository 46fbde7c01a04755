"""Answers of `/recommend`, and what the decision log keeps of them, written as JSON by hand.

An answer has seventy fields, most of which are the same for every answer of a bundle: these are written once. The
models `RecommendResponse` and `SubscriberAdvice.decided` say what the fields are; a test reads the JSON back by them.
"""

from __future__ import annotations

from functools import lru_cache
from json.encoder import encode_basestring as text

from pydantic_core import to_json

from app.responses import Policy
from planrec.advice import AnswerPolicy
from planrec.advice.subscriber import ExpectedLine, RankedPlan, SubscriberAdvice
from planrec.billing import Catalogue
from planrec.months import month_text
from planrec.outlook.forecast import SCENARIOS

__all__ = ["AdviceJson", "decided_json"]

_TRUTH = {True: "true", False: "false"}
_ACTIONS = {True: '"stay"', False: '"switch"'}
_SHARES = {part / SCENARIOS: repr(part / SCENARIOS) for part in range(SCENARIOS + 1)}  # of the months to expect


class AdviceJson:
    """Writes answers of one bundle.

    Parameters
    ----------
    catalogue : Catalogue
    rules_version, model_version : str
    """

    def __init__(self, catalogue: Catalogue, rules_version: str, model_version: str) -> None:
        self._plans = {
            plan.plan_id: (
                f'"plan_id":{text(plan.plan_id)},"name":{text(plan.name)},"is_current":',
                f',"contract_months":{plan.contract_months},"line_items":',
            )
            for plan in catalogue.plans
        }
        self._currency = f',"currency":{text(catalogue.currency)},"policy":'
        versions = {"rules": rules_version, "catalogue": catalogue.version, "model": model_version}
        self._versions = "".join(f',"{what}_version":{text(version)}' for what, version in versions.items())

    def __call__(
        self,
        advice: SubscriberAdvice,
        policy: AnswerPolicy,
        month: int,
        unknown_facts: list[str],
        notes: tuple[str, ...],
    ) -> bytes:
        """Return the JSON of a `RecommendResponse`.

        Parameters
        ----------
        advice : SubscriberAdvice
        policy : AnswerPolicy
            What was weighed.
        month : int
            Month index of the answer.
        unknown_facts, notes
            As in `RecommendResponse`.
        """
        action = _ACTIONS[advice.stay]
        plans = ",".join([self._plan(plan, action) for plan in advice.plans])
        why, change = advice.stay_reason, advice.earliest_change
        return (
            f'{{"advice":[{plans}],"stay_reason":{"null" if why is None else text(why)},"earliest_change":'
            f'{"null" if change is None else _first_day(change)},"excluded":{_excluded(*advice.excluded.items())},'
            f'"unknown_facts":{to_json(unknown_facts).decode()},"as_of":"{month_text(month)}",'
            f'"months_used":{advice.months_used}{self._currency}{_shown(policy)}{self._versions}'
            f"{_noted(notes) if notes else ''}}}"
        ).encode()

    def _plan(self, plan: RankedPlan, action: str) -> str:
        """Return one ranked plan."""
        rank, of, is_current, bill, spread, saving, share, items, reason, accepts, value, change, lines = plan
        named, contract = self._plans[of.plan_id]
        if lines is None:
            fee, minutes, messages, data = items
            made_of = f'{{"fee_cents":{fee},"minutes_cents":{minutes},"messages_cents":{messages},"data_cents":{data}}}'
            further = ""
        else:
            made_of, further = "null", f',"bill_items":{_lines(lines)}'
        return (
            f'{{"rank":{rank},{named}{_TRUTH[is_current]},"advice":{action},"action":{action},'
            f'"expected_bill_cents":{bill},"spread_cents":{spread},'
            f'"saving_cents":{"null" if saving is None else saving},"p_pay_more":{_number(share)}{contract}{made_of},'
            f'"reason":{text(reason)},'
            f'"p_accept":{_number(accepts)},"offer_value_cents":{"null" if value is None else value},'
            f'"churn_change":{_number(change)}{further}}}'
        )


def _lines(lines: tuple[ExpectedLine, ...]) -> str:
    """Return the lines of a bill as a list of `responses.BillItem`."""
    told = [{name: value for name, value in line._asdict().items() if value is not None} for line in lines]
    return to_json(told).decode()


def decided_json(advice: SubscriberAdvice) -> bytes:
    """Return the JSON of `SubscriberAdvice.decided`."""
    plans = ",".join([_decided(plan) for plan in advice.plans])
    why = advice.stay_reason
    offerable = to_json([one._asdict() for one in advice.offerable]).decode() if advice.offerable else "[]"
    return (
        f'{{"advice":{_ACTIONS[advice.stay]},"stay_reason":{"null" if why is None else text(why)},'
        f'"plans":[{plans}],"offerable":{offerable}}}'
    ).encode()


def _decided(plan: RankedPlan) -> str:
    saving, value = plan.saving_cents, plan.offer_value_cents
    return (
        f'{{"plan_id":{text(plan.plan.plan_id)},"expected_bill_cents":{plan.expected_bill_cents},'
        f'"spread_cents":{plan.spread_cents},"saving_cents":{"null" if saving is None else saving},'
        f'"p_pay_more":{_number(plan.p_pay_more)},"p_accept":{_number(plan.p_accept)},'
        f'"offer_value_cents":{"null" if value is None else value}}}'
    )


def _number(value: float | None) -> str:
    if value is None:
        return "null"
    return _SHARES.get(value) or to_json(value).decode()


def _first_day(month: int) -> str:
    return f'"{month_text(month)}-01"'


def _noted(notes: tuple[str, ...]) -> str:
    return f',"notes":{to_json(notes).decode()}'


@lru_cache(1024)
def _excluded(*codes: tuple[str, str]) -> str:
    return to_json([{"plan_id": name, "reason_code": code} for name, code in codes]).decode()


@lru_cache(64)
def _shown(policy: AnswerPolicy) -> str:
    return to_json(Policy.of(policy)).decode()
