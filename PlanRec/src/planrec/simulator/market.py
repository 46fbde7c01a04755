"""The simulated operator month by month: who decides, what they take, how long it binds; arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from planrec.billing import Catalogue, Usage, bill_totals
from planrec.months import month_index
from planrec.simulator.bills import allowances, bills_of_every_plan, respond
from planrec.simulator.campaign import OfferLog, OfferMoments, acceptance, in_holdout, joined, offer_propensities
from planrec.simulator.choice import (
    Tastes,
    believed_bills,
    choice_set,
    choose,
    draw_tastes,
    logit_probabilities,
    utilities,
)
from planrec.simulator.churn import HORIZON, NEVER, ChurnModel, Contacts
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.drift import rate_cards
from planrec.simulator.processes.flat_rate import draw_dread, with_dread
from planrec.simulator.processes.habit import habit_probabilities
from planrec.simulator.processes.latent_classes import with_classes
from planrec.simulator.processes.loss_aversion import loss_averse
from planrec.simulator.processes.satisficing import pick, satisfied_choice
from planrec.simulator.usage import BURN_IN, Population, draw_population, draw_usage, subscriber_ids, typical_usage

__all__ = [
    "ACTIVATION",
    "BILL_SHOCK",
    "CONTACT",
    "CONTRACT_END",
    "NO_DECISION",
    "REVIEW",
    "Market",
    "run_market",
]

# Codes of `Market.decision`; 1 and up are positions in `columns.DECISION_REASONS`, counted from 1.
NO_DECISION, ACTIVATION, CONTRACT_END, BILL_SHOCK, REVIEW, CONTACT = range(6)
_MEMORY = 3  # months that subscribers judge their usage and their usual bill by


@dataclass(frozen=True, slots=True)
class Market:
    """Everything that happened, and why; n subscribers, m months, k decisions.

    Attributes
    ----------
    people : Population
    tastes : Tastes
    usage : float64 array of shape (n, m, 3)
        Minutes, messages, megabytes on the plan held; 0 before a subscriber joins.
    bills : int64 array of shape (n, m + later_months, n_plans)
        Cents on every plan, usage responding to that plan; the fee before a subscriber joins.
    plan : int64 array of shape (n, m)
        Position of the plan held; -1 before a subscriber joins and after leaving.
    decision : int64 array of shape (n, m)
        Code of the reason for a decision at the start of the month, 0 where none was taken.
    contract_left : int64 array of shape (n, m)
        Months the plan still binds after that month.
    tenure : int64 array of shape (n, m)
        Whole months since joining; negative before.
    chooser : int64 array of shape (k, 2)
        Subscriber and month of each decision, ordered by month.
    utility : float64 array of shape (k, n_plans)
        Utilities before the choice noise; -inf outside the choice set.
    chance : float64 array of shape (k, n_plans)
        True choice probabilities: the logit of the utilities, or those of the satisficing process; where an offer was
        answered, those of accepting it and of staying. Rows add up to 1.
    last : int64 array of shape (n,)
        Last month with the operator; m - 1 for those who are still there.
    left : bool array of shape (n,)
        Whether the subscriber left at the end of that month.
    holdout : bool array of shape (n,)
    offers : OfferLog
    moments : OfferMoments
    """

    people: Population
    tastes: Tastes
    usage: FloatArray
    bills: IntArray
    plan: IntArray
    decision: IntArray
    contract_left: IntArray
    tenure: IntArray
    chooser: IntArray
    utility: FloatArray
    chance: FloatArray
    last: IntArray
    left: NDArray[np.bool_]
    holdout: NDArray[np.bool_]
    offers: OfferLog
    moments: OfferMoments


def run_market(config: SimulatorConfig, catalogue: Catalogue, rng: np.random.Generator) -> Market:
    """Simulate all subscribers over all months.

    Parameters
    ----------
    config : SimulatorConfig
    catalogue : Catalogue
        In each month at least one plan on sale for every age.
    rng : numpy.random.Generator

    Returns
    -------
    Market

    Examples
    --------
    >>> run_market(SimulatorConfig(subscribers=10, months=4), card, np.random.default_rng(1)).plan.shape
    (10, 4)
    """
    people_rng, usage_rng, start_rng, month_rng, campaign_rng, churn_rng, kinds_rng = rng.spawn(7)
    people = draw_population(config, people_rng)
    tastes = draw_tastes(config, typical_usage(people), people_rng)
    if config.choice_process == "latent_classes":
        tastes = with_classes(tastes, config.latent_classes, kinds_rng)
    demand = draw_usage(config, people, usage_rng, whole_minutes=catalogue.rounding.minutes == "call")
    dread = draw_dread(config.subscribers, config.flat_rate, kinds_rng)
    run = _Run(config, rate_cards(config, catalogue), people, tastes, demand, dread)
    return run.through(start_rng, month_rng, campaign_rng, churn_rng)


class _Run:
    """State between the months of one simulation."""

    def __init__(
        self,
        config: SimulatorConfig,
        cards: Sequence[Catalogue],
        people: Population,
        tastes: Tastes,
        demand: FloatArray,
        dread: FloatArray,
    ) -> None:
        self.config, self.people, self.tastes, self.dread = config, people, tastes, dread
        self.cards, catalogue = cards, cards[0]  # prices may change, plans and allowances do not
        self.demand, self.usage = demand, np.zeros_like(demand)
        self.every_bill = bills_of_every_plan(demand, cards, config.usage_response)
        self.included = allowances(catalogue)
        n = config.subscribers
        self.first_month = month_index(config.first_month)
        self.terms = np.array([p.contract_months for p in catalogue.plans], dtype=np.int64)
        self.plan = np.full(n, -1, dtype=np.int64)
        self.left = np.zeros(n, dtype=np.int64)  # months still bound at the start of the month
        self.just_ended = np.zeros(n, dtype=np.bool_)
        self.bills = np.full((n, demand.shape[1]), np.nan)  # of whole months only
        self.choosers: list[IntArray] = []
        self.values: list[FloatArray] = []
        self.chances: list[FloatArray] = []
        offers = config.offers
        self.holdout = in_holdout(subscriber_ids(n), share=offers.holdout_share, seed=offers.holdout_seed)
        self.contacts = np.zeros((n, config.months), dtype=np.bool_)
        self.lately = Contacts(np.full(n, NEVER), np.full(n, NEVER))
        self.churn = ChurnModel(config, catalogue, people, self.every_bill)
        self.log: list[OfferLog] = []
        self.moments: list[OfferMoments] = []

    def through(
        self,
        start_rng: np.random.Generator,
        rng: np.random.Generator,
        campaign_rng: np.random.Generator,
        churn_rng: np.random.Generator,
    ) -> Market:
        """Run all months and return what happened."""
        self.tenure = tenure = self._start(start_rng)
        n, months = self.config.subscribers, self.config.months
        plan, decision, left = (np.empty((n, months), dtype=np.int64) for _ in range(3))
        last, gone = np.full(n, months - 1), np.zeros(n, dtype=np.bool_)
        for t in range(months):
            decision[:, t] = self._reasons(t, rng)
            self._decide(np.flatnonzero(decision[:, t]), t, rng)
            decision[self._campaign(t, decision[:, t] == NO_DECISION, campaign_rng), t] = CONTACT
            self._bill(t)
            self.just_ended = self.left == 1
            self.left = np.maximum(self.left - 1, 0)
            plan[:, t], left[:, t] = self.plan, self.left
            leavers = self._leavers(t, churn_rng)
            last[leavers], gone[leavers] = t, True
            self.plan[leavers], self.left[leavers] = -1, 0
        empty = np.empty((0, len(self.terms)))
        return Market(
            people=self.people,
            tastes=self.tastes,
            usage=self.usage[:, BURN_IN : BURN_IN + months],
            bills=self.every_bill[:, BURN_IN:],
            plan=plan,
            decision=decision,
            contract_left=left,
            tenure=tenure[:, None] + np.arange(months),
            chooser=np.concatenate([np.empty((0, 2), dtype=np.int64), *self.choosers]),
            utility=np.concatenate([empty, *self.values]),
            chance=np.concatenate([empty, *self.chances]),
            last=last,
            left=gone,
            holdout=self.holdout,
            offers=joined(OfferLog, self.log),
            moments=joined(OfferMoments, self.moments),
        )

    def _start(self, rng: np.random.Generator) -> IntArray:
        """Give those already there a plan chosen some time ago; return everybody's tenure in the first month."""
        n = self.config.subscribers
        there = np.flatnonzero(self.people.joined < 0)
        self.plan[there] = self._choose(there, self.tastes.guess[there], 0, rng)[0]
        since = rng.integers(1, self.config.months_since_choice + 1, size=n)
        self.left[there] = np.maximum(self.terms[self.plan[there]] - since[there], 0)
        self.just_ended[there] = self.terms[self.plan[there]] == since[there]
        for t in range(-BURN_IN, 0):
            self._bill(t)
        earlier = rng.geometric(1 / 18, size=n) - 1  # months with the operator before the current plan
        return np.where(self.people.joined < 0, since + earlier, -self.people.joined)

    def _reasons(self, t: int, rng: np.random.Generator) -> IntArray:
        free = (self.people.joined < t) & (self.plan >= 0) & (self.left == 0)
        reviews = rng.random(len(free)) < self.config.review_probability
        return np.select(
            [self.people.joined == t, free & self.just_ended, free & self._shocked(t), free & reviews],
            [ACTIVATION, CONTRACT_END, BILL_SHOCK, REVIEW],
            NO_DECISION,
        )

    def _shocked(self, t: int) -> NDArray[np.bool_]:
        at = t + BURN_IN
        usual = self.bills[:, max(at - 1 - _MEMORY, 0) : at - 1]
        known = ~np.isnan(usual)
        mean = np.where(known, usual, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        last = self.bills[:, at - 1]
        shock = (last >= self.config.shock_ratio * mean) & (last >= mean + self.config.shock_amount)
        return shock & known.any(axis=1)

    def _decide(self, rows: IntArray, t: int, rng: np.random.Generator) -> None:
        chosen, value, chance = self._choose(rows, self._experience(rows, t), t, rng)
        holders = self.plan[rows] >= 0
        self._note_moments(rows[holders], value[holders], t)
        self._note_choice(rows, t, value, chance)
        self._move(rows, chosen)

    def _note_choice(self, rows: IntArray, t: int, value: FloatArray, chance: FloatArray) -> None:
        self.choosers.append(np.column_stack([rows, np.full_like(rows, t)]))
        self.values.append(value)
        self.chances.append(chance)

    def _move(self, rows: IntArray, chosen: IntArray) -> None:
        moved = chosen != self.plan[rows]
        self.left[rows[moved]] = self.terms[chosen[moved]]  # staying binds nobody anew
        self.plan[rows] = chosen

    def _campaign(self, t: int, undecided: NDArray[np.bool_], rng: np.random.Generator) -> IntArray:
        """Select subscribers, offer those not held out a plan, let them answer; return who was contacted."""
        rules, width = self.config.offers, len(self.terms)
        free = (self.people.joined < t) & (self.plan >= 0) & (self.left == 0) & undecided
        drawn = free & (rng.random(len(free)) < rules.campaign_share) & (t >= rules.first_month)
        if rules.truth_of_all:
            self._note_moments(others := np.flatnonzero(free & ~drawn), self._worth(others, t)[0], t)
        rows = np.flatnonzero(drawn)
        value, allowed = self._worth(rows, t)
        current = self.plan[rows]
        offerable = allowed & (current[:, None] != np.arange(width))
        some = offerable.any(axis=1)  # nobody can be offered what nobody sells
        rows, value, current, offerable = rows[some], value[some], current[some], offerable[some]
        moments = self._note_moments(rows, value, t)
        held_out, position = self.holdout[rows], np.arange(len(rows))
        propensity = offer_propensities(self._savings(rows, t), offerable, rules)
        offered = pick(propensity, rng)
        accepted = (rng.random(len(rows)) < moments.accept[position, offered]) & ~held_out
        self.log.append(
            OfferLog(
                who=rows,
                month=np.full_like(rows, t),
                current=current,
                offered=np.where(held_out, -1, offered),
                propensity=np.where(held_out, np.nan, propensity[position, offered]),
                accepted=accepted,
                holdout=held_out,
                contacts=self._contacts(rows, t),
            )
        )
        asked = ~held_out
        chance = np.zeros((len(rows), width))
        chance[position, offered] = moments.accept[position, offered]
        chance[position, current] = 1 - chance[position, offered]
        self._note_choice(rows[asked], t, value[asked], chance[asked])
        self.contacts[rows[asked], t] = True
        self.lately.contacted[rows[asked]], self.lately.accepted[rows[accepted]] = t, t
        self._move(rows[accepted], offered[accepted])
        return rows[asked]

    def _worth(self, rows: IntArray, t: int) -> tuple[FloatArray, NDArray[np.bool_]]:
        value, allowed, *_ = self._values(rows, self._experience(rows, t), t)
        return np.where(allowed, value, -np.inf), allowed

    def _contacts(self, rows: IntArray, t: int) -> IntArray:
        return self.contacts[rows, max(t - HORIZON, 0) : t].sum(axis=1)

    def _card(self, t: int) -> Catalogue:
        return self.cards[t + BURN_IN]

    def _savings(self, rows: IntArray, t: int) -> FloatArray:
        """Return what the operator sees: the usage recorded lately, re-rated, against the current plan; in currency."""
        seen = self.usage[rows, t + BURN_IN - _MEMORY : t + BURN_IN]
        bills = bill_totals(Usage(seen[..., 0], seen[..., 1], seen[..., 2]), self._card(t)).mean(axis=1) / 100
        return bills[np.arange(len(rows)), self.plan[rows]][:, None] - bills

    def _note_moments(self, rows: IntArray, value: FloatArray, t: int) -> OfferMoments:
        """Note what the offer of each plan would do to those who hold one, before they move."""
        current = self.plan[rows]
        contacts = self._contacts(rows, t)
        accept = acceptance(value, current, self.tastes.inertia[rows], contacts, self.config.offers)
        leave, declined, accepted = self.churn.effect(
            rows,
            t,
            current=current,
            left=np.maximum(self.left[rows] - 1, 0),
            terms=self.terms,
            tenure=self.tenure[rows] + t,
            contacts=self.lately.at(rows),
        )
        offered = accept * accepted + (1 - accept) * declined[:, None]
        moments = OfferMoments(rows, np.full_like(rows, t), accept, leave, declined, offered)
        self.moments.append(moments)
        return moments

    def _leavers(self, t: int, rng: np.random.Generator) -> IntArray:
        draw = rng.random(len(self.plan))
        rows = np.flatnonzero(self.plan >= 0)
        overpay, shock = self.churn.experience(rows, t)
        held = np.arange(len(rows))[:, None], self.plan[rows][:, None]
        chance = self.churn.hazards(
            (overpay[held], shock[held]),
            t,
            left=self.left[rows][:, None],
            tenure=self.tenure[rows] + t,
            contacts=self.lately.at(rows),
        )
        return rows[draw[rows] < chance[:, 0]]

    def _choose(
        self, rows: IntArray, usage: FloatArray, t: int, rng: np.random.Generator
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return the plan taken, the utilities (-inf outside the choice set) and the chances."""
        value, allowed, believed, mean = self._values(rows, usage, t)
        if self.config.choice_process == "habit":
            chance = habit_probabilities(value, mean, allowed, self.plan[rows], self.config.habit)
            return pick(chance, rng), np.where(allowed, value, -np.inf), chance
        if self.config.choice_process != "satisficing":
            return choose(value, allowed, rng), np.where(allowed, value, -np.inf), logit_probabilities(value, allowed)
        tastes, current, month = self.tastes.at(rows), self.plan[rows], self.first_month + t
        chance = satisfied_choice(tastes, believed, mean, allowed, current, month, self.config, self._card(t))
        return pick(chance, rng), np.where(allowed, value, -np.inf), chance

    def _values(
        self, rows: IntArray, usage: FloatArray, t: int
    ) -> tuple[FloatArray, NDArray[np.bool_], FloatArray, FloatArray]:
        """Return utilities, choice set, believed usage and believed mean bill."""
        tastes, current = self.tastes.at(rows), self.plan[rows]
        believed = usage * tastes.overestimation[:, None]
        bills = believed_bills(believed, self.config, self._card(t))
        allowed = choice_set(self._card(t), self.first_month + t, self.people.age[rows], current)
        value = utilities(tastes, bills, current, self.config, self._card(t))
        if self.config.choice_process == "loss_averse":
            value = loss_averse(value, bills[0], tastes.price, current, self.config.loss_aversion)
        if self.config.choice_process == "flat_rate":
            fees = self._card(t).prices.fee_cents / 100
            value = with_dread(value, bills[0], fees, tastes.price, self.dread[rows])
        return value, allowed, believed, bills[0]

    def _experience(self, rows: IntArray, t: int) -> FloatArray:
        """Return the mean usage of the last months known, a newcomer's guess where there are none."""
        at = np.arange(t - _MEMORY, t)
        since = at - self.people.joined[rows, None]
        share = np.where(since < 0, 0.0, np.where(since == 0, self.people.first_share[rows, None], 1.0))
        used = self.usage[rows, t - _MEMORY + BURN_IN : t + BURN_IN].sum(axis=1)
        known = share.sum(axis=1)
        return np.where(known[:, None] > 0, used / np.where(known > 0, known, 1.0)[:, None], self.tastes.guess[rows])

    def _bill(self, t: int) -> None:
        """Let everybody there use their plan, and note the bills of whole months."""
        at, whole_minutes = t + BURN_IN, self._card(t).rounding.minutes == "call"
        there = np.flatnonzero(self.plan >= 0)
        self.usage[there, at] = respond(
            self.demand[there, at],
            self.included[self.plan[there]],
            self.config.usage_response,
            whole_minutes=whole_minutes,
        )
        whole = there[(self.people.joined[there] < t) | (self.people.first_share[there] == 1)]
        self.bills[whole, at] = self.every_bill[whole, at, self.plan[whole]] / 100
