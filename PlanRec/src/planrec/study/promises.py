"""Every promise with its measure, what it must reach, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from common_utils.array_types import FloatArray
from planrec.reporting.tables import Cells
from planrec.study.answers import CURVE, OFFER, PAST, RE_RATING, SHIPPED, WITHOUT_CERTAINTY, StudyPolicy
from planrec.study.figures import ANY_PLAN, HELD_FIRST, ORACLE
from planrec.study.measure import KNOWN, LAUNCH
from planrec.study.pooled import Estimate, Study

__all__ = ["ATTENTION", "FEWEST_OFFERS", "WORLDS", "Promise", "promises"]

WORLDS = {KNOWN: "known plans", LAUNCH: "with the launched plan"}
FEWEST_OFFERS = 300  # judged ones, below which the churn they bring is not said
ATTENTION = 0.5  # stated, not estimated: share of those deciding who notice a plan in its first months
_NO, _MUST, _GOAL, _SHOWN = "NO", "must", "goal", "shown"
_BASELINES = tuple(f"{HELD_FIRST}{policy.key}" for policy in RE_RATING)
_RE_RATED = tuple(policy.key for policy in RE_RATING)
_FORECASTS = (SHIPPED, WITHOUT_CERTAINTY, *CURVE)  # advice by the forecast; they differ in the certainty asked for


@dataclass(frozen=True)
class Promise:
    """One line of the table.

    Attributes
    ----------
    what, truth, measured, must, goal : str
    reached : str
        `goal`, `must`, `NO`, or `shown` where nothing was promised.
    """

    what: str
    truth: str
    measured: str
    must: str
    goal: str
    reached: str

    def cells(self) -> Cells:
        """Return the line as text by column."""
        return {
            "what": self.what,
            "truth": self.truth,
            "measured": self.measured,
            "must": self.must,
            "goal": self.goal,
            "reached": self.reached,
        }


def promises(study: Study) -> list[Promise]:
    """Return every promise with its measure, by truth and world."""
    lines: list[Promise] = []
    for truth in study.operators:
        lines += _oracle(study, truth)
        for world in WORLDS:
            lines += [
                *_choice(study, truth, world),
                *_advice(study, truth, world),
                *_offers(study, truth, world),
                *_rules(study, truth, world),
            ]
        lines += _off_policy(study, truth)
    return [*lines, *_guards(study)]


def _oracle(study: Study, truth: str) -> Iterator[Promise]:
    for figure in ("accuracy", "ndcg_at_5"):
        value = study.mean(truth, f"{KNOWN}.oracle_of_all.{figure}").text(3)
        title = f"choice oracle, all decisions: {figure.replace('_', ' ')}"
        yield Promise(title, truth, value, "", "", _SHOWN)


def _choice(study: Study, truth: str, world: str) -> Iterator[Promise]:
    where = WORLDS[world]
    skill = study.skill(truth, f"{world}.choice", ANY_PLAN, ORACLE, _BASELINES, ".ndcg_at_5")
    goal = 0.25 if world == KNOWN else 0.6 if truth == "logit" else 0.4
    yield _above_by_2_se(f"choice, {where}: skill in NDCG@5 over {skill.baseline}", truth, skill.estimate, goal)
    yield _at_most(
        f"choice, {where}: ECE of P(take)", truth, study.mean(truth, f"{world}.choice.{ANY_PLAN}.ece"), 0.03, 0.015, 3
    )
    top, floor = (study.mean(truth, f"{world}.choice.{m}.ece_top").text(3) for m in (ANY_PLAN, ORACLE))
    title = f"choice, {where}: ECE of the plan ranked first alone"
    yield Promise(title, truth, f"{top}; the oracle's {floor}", "", "", _SHOWN)
    if world == LAUNCH:
        demand = study.mean(truth, f"{world}.choice.{ANY_PLAN}.launched_demand")
        title = "choice: predicted over real demand for the launched plan"
        if truth == "logit" or study.earlier_launch:
            yield _between(title, truth, demand, (0.85, 1.15), (0.92, 1.08))
        else:
            noticed = Estimate(ATTENTION * demand.value, ATTENTION * demand.error).text()
            measured = f"{demand.text()}; {noticed} if {ATTENTION:z.0%} notice it".replace("%", " %")
            yield Promise(title, truth, measured, "", "", _SHOWN)


def _advice(study: Study, truth: str, world: str) -> Iterator[Promise]:
    where, money = WORLDS[world], study.currency
    title = f"advice as shipped, {where}: regret less that of past months under the same rules, {money} a month"
    yield _not_above_0(title, truth, _regret_gap(study, truth, world, SHIPPED))
    title = f"advice, {where}: the same, certainty chosen so that no more of those moved are worse off, {money} a month"
    least = study.harm(truth, world, PAST.key).not_worse_off.value
    as_safe = [p for p in _FORECASTS if study.harm(truth, world, p.key).not_worse_off.value >= least]
    gaps = [_regret_gap(study, truth, world, policy) for policy in as_safe]
    best = min(gaps, key=lambda gap: gap.value).text(sign=True) if gaps else "none is as safe"
    yield Promise(title, truth, best, "", "", _SHOWN)
    harm = study.harm(truth, world, SHIPPED.key)
    title = f"advice as shipped, {where}: share of those moved who are not worse off"
    yield _at_least(title, truth, harm.not_worse_off, 0.92, 0.94, 3)
    loss = Estimate(harm.loss_p95_cents / 100, float("nan"))
    title = f"advice as shipped, {where}: P95 loss of those moved, {money} a month"
    line = _at_most(title, truth, loss, 3.0, 1.0, 2)
    yield Promise(title, truth, f"{loss.value:z.2f} ({harm.moved:,} moved, pooled)", line.must, line.goal, line.reached)
    share = study.saving_share(truth, world, SHIPPED.key, WITHOUT_CERTAINTY.key)
    title = f"advice as shipped, {where}: saving, share of that without the certainty rule"
    yield _at_least(title, truth, share, 0.80, 0.88, 3)


def _regret_gap(study: Study, truth: str, world: str, policy: StudyPolicy) -> Estimate:
    ours, theirs = (study.values(truth, f"{world}.advice.{p.key}.regret_cents") for p in (policy, PAST))
    return _mean((ours - theirs) / 100)


def _offers(study: Study, truth: str, world: str) -> Iterator[Promise]:
    where, folder = WORLDS[world], f"{world}.offers"
    if not study.has(truth, f"{folder}.made"):
        yield Promise(f"offers, {where}", truth, "a bundle makes none: too short a log", "", "", _SHOWN)
        return
    made, judged = study.total(truth, f"{folder}.made"), study.total(truth, f"{folder}.judged")
    yield Promise(f"offers, {where}: made", truth, f"{made:z,.0f}", "above 0", "", _MUST if made else _NO)
    for name, what in (
        ("elsewhere", "to subscribers without usage in the month asked"),
        ("harmful", "with a rise of churn in their own row"),
    ):
        count = study.total(truth, f"{folder}.{name}")
        yield Promise(f"offers, {where}: {what}", truth, f"{count:z,.0f}", "0", "", _NO if count else _MUST)
    offered, alone = (study.values(truth, f"{folder}.left_{name}") for name in ("offered", "alone"))
    contacts = study.values(truth, f"{folder}.judged")
    change = study.ratio(truth, 100 * (offered - alone), contacts)
    title = f"offers, {where}: 3-month churn of those offered less that of the same not contacted, points"
    line = _at_most(title, truth, change, 0.5, 0.0, 2)
    few = judged < FEWEST_OFFERS
    measured = f"{change.text(2, sign=True)}, {judged:z,.0f} offers judged"
    yield Promise(title, truth, measured, line.must, line.goal, _SHOWN if few else line.reached)
    skill = study.skill(truth, f"{folder}.accepted_saving", "offer", ORACLE, _RE_RATED, "")
    title = f"offers, {where}: skill in accepted saving over P(accept) x re-rating ({skill.baseline})"
    value = skill.estimate
    reached = _GOAL if value.value >= 0.1 else _MUST if value.value + 2 * value.doubt >= 0 else _NO
    yield Promise(title, truth, value.text(sign=True), "not below 0 by 2 se", "0.1", reached if judged else _SHOWN)


def _rules(study: Study, truth: str, world: str) -> Iterator[Promise]:
    for policy in (SHIPPED, OFFER):
        folder = f"{world}.violations.{policy.key}"
        if study.has(truth, f"{folder}.broken"):
            broken, asked = (study.total(truth, f"{folder}.{name}") for name in ("broken", "recommended"))
            measured = f"{broken:z,.0f} of {asked:z,.0f} recommended plans"
            title = f"{policy.mode}, {WORLDS[world]}: rule violations"
            yield Promise(title, truth, measured, "0", "", _NO if broken else _MUST)


def _off_policy(study: Study, truth: str) -> Iterator[Promise]:
    for name, label, gated in (
        ("snips", "SNIPS", True),
        ("dr", "DR", True),
        ("ips", "IPS, weights clipped at 5", False),
    ):
        covered = study.values(truth, f"off_policy.{name}.coverage")
        mean = _mean(covered)
        each = bool(((covered >= 0.93) & (covered <= 0.97)).all())
        inside = each and mean.value - mean.doubt >= 0.93 and mean.value + mean.doubt <= 0.97
        reached = _SHOWN if not gated else _MUST if inside else _NO
        title = f"off-policy value inside the 95 % interval: {label}"
        measured = f"{covered.mean():z.3f} ({covered.min():z.3f} to {covered.max():z.3f})"
        yield Promise(title, truth, measured, "0.93 to 0.97 on each" if gated else "", "", reached)


def _guards(study: Study) -> Iterator[Promise]:
    leaks, defects = study.leaks, study.defects
    if leaks is not None:
        caught = f"{leaks.caught:,} of {leaks.injected:,} on {leaks.operators} operators"
        reached = _MUST if leaks.caught == leaks.injected else _NO
        yield Promise("leak audit: injected leaks caught", "both", caught, "all", "", reached)
        accused, reached = f"{leaks.accused:,} of {leaks.legitimate:,}", _NO if leaks.accused else _MUST
        yield Promise("leak audit: legitimate columns accused", "both", accused, "0", "", reached)
    if defects is not None:
        lost = f"{defects.unaccounted:,} of {defects.rows:,} ({defects.planted:,} damaged)"
        reached = _NO if defects.unaccounted else _MUST
        yield Promise("defects: rows not accounted for", "", lost, "0", "", reached)


def _mean(values: FloatArray) -> Estimate:
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return Estimate(float(values.mean()), error)


def _at_least(what: str, truth: str, value: Estimate, must: float, goal: float, digits: int) -> Promise:
    reached = _GOAL if value.value >= goal else _MUST if value.value >= must else _NO
    return Promise(what, truth, value.text(digits), f"at least {must:g}", f"{goal:g}", reached)


def _at_most(what: str, truth: str, value: Estimate, must: float, goal: float, digits: int) -> Promise:
    reached = _GOAL if value.value <= goal else _MUST if value.value <= must else _NO
    return Promise(what, truth, value.text(digits), f"at most {must:g}", f"{goal:g}", reached)


def _between(what: str, truth: str, value: Estimate, must: tuple[float, float], goal: tuple[float, float]) -> Promise:
    (low, high), (lower, upper) = must, goal
    # A figure within one standard error of an end may as well lie outside.
    inside = low <= value.value - value.doubt and value.value + value.doubt <= high
    reached = _NO if not inside else _GOAL if lower <= value.value <= upper else _MUST
    return Promise(what, truth, value.text(), f"{low:g} to {high:g}", f"{lower:g} to {upper:g}", reached)


def _above_by_2_se(what: str, truth: str, value: Estimate, goal: float) -> Promise:
    sure = value.value - 2 * value.doubt > 0
    reached = _NO if not sure else _GOAL if value.value >= goal else _MUST
    return Promise(what, truth, value.text(), "above 0 by 2 se", f"{goal:g}", reached)


def _not_above_0(what: str, truth: str, value: Estimate) -> Promise:
    reached = _GOAL if value.value < -2 * value.doubt else _MUST if value.value <= 0 else _NO
    return Promise(what, truth, value.text(2, sign=True), "not above 0", "below by 2 se", reached)
