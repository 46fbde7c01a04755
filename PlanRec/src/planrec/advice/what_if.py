"""What if: more usage, a month of travel, a plan that does not exist yet; arrays in, arrays out.

The months that bills are rated on, those known or the forecast's, are changed and rated again: a forecast of changed
past months would take the change for a lucky month and draw it back to the usual.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.config.marked_yaml import read_marked
from common_utils.errors import ConfigError
from planrec.advice.engine import Engine, Subscribers
from planrec.advice.ranking import rank_plans, sure_gains, switch_gain
from planrec.advice.rated_changes import MONTHS_A_YEAR, MonthRating, in_a_year, with_draft
from planrec.billing import MAX_USAGE, Catalogue, Plan, Usage, whole_cents
from planrec.billing.cards import read_marked_tree
from planrec.billing.catalogue import OnSale
from planrec.outlook import History
from planrec.rules import ExclusionCode, apply_rules

__all__ = [
    "MAX_FACTOR",
    "ROAMING",
    "Question",
    "UsageChange",
    "WhatIf",
    "WhatIfOutcome",
    "load_plan",
    "parse_plan",
    "what_if",
    "with_plan",
    "with_usage",
]

T = TypeVar("T", np.float64, np.int64)

MAX_FACTOR = 100.0
_MOST_PLANS = 1000  # of a rate card


@dataclass(frozen=True, slots=True)
class UsageChange:
    """Factors on usage, 0 to `MAX_FACTOR`; 1 changes nothing.

    Raises
    ------
    ConfigError
        If a factor lies outside.

    Examples
    --------
    >>> UsageChange.by(1.2)
    UsageChange(factor_minutes=1.2, factor_messages=1.2, factor_megabytes=1.2)
    """

    factor_minutes: float = 1.0
    factor_messages: float = 1.0
    factor_megabytes: float = 1.0

    def __post_init__(self) -> None:
        for name in ("factor_minutes", "factor_messages", "factor_megabytes"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= MAX_FACTOR):
                raise ConfigError(f"what-if: {name} must lie between 0 and {MAX_FACTOR:g}; 1.2 is a fifth more.")

    @property
    def factors(self) -> tuple[float, float, float]:
        """Those of minutes, messages and megabytes."""
        return self.factor_minutes, self.factor_messages, self.factor_megabytes

    @classmethod
    def by(cls, factor: float) -> UsageChange:
        """Return the same factor on everything."""
        return cls(factor, factor, factor)


ROAMING = UsageChange(factor_megabytes=1.5)
"""A month of travel where the rate card has no price for it: usage abroad is charged as at home, and maps, messages and
photos take half as much data again; calls stay as they are. `roaming_factor` of configs/simulator.yaml."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; the parts hold together.

    Attributes
    ----------
    change : UsageChange
        Of every month.
    travel : UsageChange or None
        Of one month in twelve, on top of `change`.
    plan : Plan or None
        On sale whatever its sale window says: the question is what if it were.
    """

    change: UsageChange = UsageChange()
    travel: UsageChange | None = None
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class WhatIfOutcome:
    """What the plans cost n subscribers, and which is best.

    Attributes
    ----------
    mean_cents, spread_cents : float64 arrays of shape (n, n_plans)
        Mean and standard deviation of the bill a month. NaN for a plan that does not exist.
    excluded : int64 array of shape (n, n_plans)
        `ExclusionCode`.
    best : int64 array of shape (n,)
        Position of the plan on rank 1; -1 where none is offered.
    stay : bool array of shape (n,)
        Whether that is the plan held because no switch gains enough.
    """

    mean_cents: FloatArray
    spread_cents: FloatArray
    excluded: IntArray
    best: IntArray
    stay: NDArray[np.bool_]

    @property
    def bill_cents(self) -> FloatArray:
        """The bill a month in whole cents, as it is shown; shape (n, n_plans)."""
        return whole_cents(self.mean_cents)

    @property
    def year_cents(self) -> FloatArray:
        """Twelve times the bill shown, so that it can be checked by multiplying; shape (n, n_plans)."""
        return MONTHS_A_YEAR * self.bill_cents


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Both outcomes over the plans of `catalogue`; a drafted plan is the last one.

    Attributes
    ----------
    catalogue : Catalogue
    now, then : WhatIfOutcome
        As things are, and as asked; with travel, the mean over a year with one such month.
    travel_cents : float64 array of shape (n, n_plans) or None
        Expected bill of the month of travel.
    """

    catalogue: Catalogue
    now: WhatIfOutcome
    then: WhatIfOutcome
    travel_cents: FloatArray | None

    @property
    def changes(self) -> NDArray[np.bool_]:
        """Whether another plan is best then; bool array of shape (n,)."""
        return self.now.best != self.then.best


def with_usage(history: History, change: UsageChange) -> History:
    """Return the months with changed usage, at most what the rater takes.

    Examples
    --------
    >>> month = History(Usage.of([[100.0]], [[10.0]], [[5000.0]]), np.array([[True]]))
    >>> with_usage(month, UsageChange(factor_megabytes=1.5)).usage
    Usage(minutes=array([[100.]]), messages=array([[10.]]), megabytes=array([[7500.]]))
    """
    u = history.usage
    parts = (
        np.minimum(part * factor, MAX_USAGE)
        for part, factor in (
            (u.minutes, change.factor_minutes),
            (u.messages, change.factor_messages),
            (u.megabytes, change.factor_megabytes),
        )
    )
    return History(Usage(*parts), history.known)


def load_plan(path: Path) -> Plan:
    """Read a drafted plan: a YAML file with the fields of one entry of a rate card's `plans`.

    Raises
    ------
    ConfigError
        If the file cannot be read, or as `parse_plan`.
    """
    try:
        return parse_plan(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(
            f"draft plan {path}: cannot be read ({type(error).__name__}); name an existing file."
        ) from error


def parse_plan(data: bytes, name: str) -> Plan:
    r"""Check the bytes of a drafted plan; `name` is what messages call it.

    Raises
    ------
    ConfigError
        At most five problems, each with line, field and reason.

    Examples
    --------
    >>> parse_plan(b"plan_id: x\nname: X\nmonthly_fee_cents: -1\nincluded: {minutes: 1, messages: 1, megabytes: 0}\n"
    ...            b"overage: {cents_per_minute: 1, cents_per_message: 1, cents_per_data_unit: 1}", "x.yaml")
    Traceback (most recent call last):
    common_utils.errors.ConfigError: draft plan x.yaml: 1 problem:
    line 3, monthly_fee_cents: input should be greater than or equal to 0
    """
    tree = read_marked_tree(data, f"draft plan {name}").tree
    if isinstance(tree, dict) and "monthly_fee_cents" not in tree and {"rates", "allowances"} & set(tree):
        raise ConfigError(
            f"draft plan {name}: it is written as a full card's plan (`rates`), which usage months do not price "
            "(NEEDS_USAGE_DETAIL). Add it to the `plans` of a full card, and compare it on events with `planrec plans "
            "diff` or `plans rank`."
        )
    return read_marked(Plan, data, f"draft plan {name}")


def with_plan(catalogue: Catalogue, plan: Plan) -> Catalogue:
    """Return a catalogue with a further plan at the end, so that the positions of the others hold.

    Raises
    ------
    ConfigError
        If the plan does not fit the rate card, with field and reason; its values are not repeated.

    Examples
    --------
    >>> draft = megaline.plans[0].model_copy(update={"plan_id": "swell", "monthly_fee_cents": 3000})
    >>> with_plan(megaline, draft).plan_ids, with_plan(megaline, draft).version
    (('surf', 'ultimate', 'swell'), 'megaline-2018+draft')
    >>> with_plan(megaline, megaline.plans[0])
    Traceback (most recent call last):
    common_utils.errors.ConfigError: draft plan: plan_id: a plan of rate card 'megaline-2018' has it; choose another.
    """
    if catalogue.index(plan.plan_id) >= 0:
        raise ConfigError(f"draft plan: plan_id: a plan of rate card {catalogue.version!r} has it; choose another.")
    unit = catalogue.rounding.data_unit_megabytes
    if plan.included.megabytes is not None and plan.included.megabytes % unit:
        raise ConfigError(
            f"draft plan: included.megabytes: not whole data units of {unit} megabytes; part of a charged unit would "
            "be included. Give a multiple."
        )
    if len(catalogue.plans) >= _MOST_PLANS:
        raise ConfigError(f"draft plan: rate card {catalogue.version!r} is full with {_MOST_PLANS:,} plans.")
    return Catalogue(
        f"{catalogue.version}+draft",
        catalogue.currency,
        catalogue.rounding,
        (*catalogue.plans, plan),
        catalogue.detailed,
    )


def what_if(
    engine: Engine, people: Subscribers, question: Question, *, risk_weight: float, min_gain_cents: int | None = None
) -> WhatIf:
    """Return what the plans cost as things are and as asked, and whether the advice changes.

    Parameters
    ----------
    engine : Engine
    people : Subscribers
        n subscribers; plans they declined are not left out.
    question : Question
    risk_weight, min_gain_cents
        As `Engine.advise`.

    Returns
    -------
    WhatIf

    Raises
    ------
    ConfigError
        As `with_plan`.
    DataError
        As `Engine.advise`.

    Examples
    --------
    >>> from planrec.rules import Facts
    >>> from planrec.rules import built_in_rules
    >>> month = History(Usage.of([[400.0]], [[10.0]], [[20000.0]]), np.array([[True]]))
    >>> people = Subscribers.of(month, Facts.of(24216, np.array([0])))
    >>> asked = Question(change=UsageChange.by(1.5))
    >>> found = what_if(Engine(megaline, built_in_rules()), people, asked, risk_weight=0.0)
    >>> found.now.mean_cents.tolist(), found.then.mean_cents.tolist()  # 5, then 15 units and 100 minutes beyond
    ([[7000.0, 7000.0]], [[17300.0, 7000.0]])
    >>> [megaline.plan_ids[outcome.best[0]] for outcome in (found.now, found.then)], found.changes.tolist()
    (['surf', 'ultimate'], [True])
    """
    rules = engine.rules.asking("advice", min_gain_cents)
    draft = None if question.plan is None else question.plan.model_copy(update={"on_sale": OnSale()})
    catalogue = engine.catalogue if draft is None else with_plan(engine.catalogue, draft)
    answer = engine.advise(replace(people, declined=None), risk_weight=risk_weight, min_gain_cents=min_gain_cents)
    rating = MonthRating(engine, people, answer.basis, catalogue, draft)
    changed, factors = with_usage(answer.basis, question.change), question.change.factors
    usual, travel = rating.of(changed, factors), None
    if question.travel is not None:
        both = [one * more for one, more in zip(factors, question.travel.factors, strict=True)]
        travel = rating.of(with_usage(changed, question.travel), both)
    outlook = usual.outlook() if travel is None else in_a_year(usual.outlook(), travel.outlook())
    # A month of travel takes no service that a usual one does not, so that a plan open to that one has a bill of both.
    current = usual.bills.held(people.facts.current)
    codes = usual.codes(apply_rules(rules, catalogue, replace(people.facts, current=current), "advice").codes)
    adjusted = outlook.adjusted(risk_weight)
    gain = switch_gain(adjusted, outlook.mean_cents, current)
    least = rules.minimum_gain.advice_cents

    def savings(*pairs: IntArray) -> tuple[FloatArray, FloatArray]:
        found = usual.saving(*pairs) if travel is None else in_a_year(usual.saving(*pairs), travel.saving(*pairs))
        return found.mean_cents, found.spread_cents

    sure = sure_gains(gain, least, engine.certainty, savings, current)
    order, stay = rank_plans(adjusted, codes, current, least, gain_cents=gain, sure=sure)
    advice = answer.advice
    return WhatIf(
        catalogue,
        now=WhatIfOutcome(
            with_draft(advice.expected_cents, draft, np.nan),
            with_draft(advice.spread_cents, draft, np.nan),
            with_draft(advice.excluded, draft, ExclusionCode.NOT_YET_ON_SALE),
            advice.order[:, 0],
            advice.stay,
        ),
        then=WhatIfOutcome(outlook.mean_cents, outlook.spread_cents, codes, order[:, 0], stay),
        travel_cents=None if travel is None else travel.outlook().mean_cents,
    )
