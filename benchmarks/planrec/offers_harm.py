"""What the offers that `planrec recommend --mode offer` makes do to leaving, by the truth of simulated operators.

For each seed an operator is simulated, and forecast and offer models are learnt from it as `planrec train` learns them.
Every subscriber who may change plan is answered by the engine that the command asks, with the shipped settings, at four
as-of months later than any month learnt from, without and with a plan launched after training. The chance of leaving
within three months, offered, is held against that of the same people left alone. `--document` writes docs/offers.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from common_utils.array_types import BoolArray, FloatArray
from common_utils.outputs import write_text
from planrec.advice import AnswerPolicy, Engine, Subscribers
from planrec.billing import load_catalogue
from planrec.billing.catalogue import OnSale
from planrec.campaigns.bound_check import BoundCheck, check_bound
from planrec.columns import CURRENT_PLAN, HOLDOUT, KEY, MONTH, OFFERED_PLAN, SUBSCRIBER, TENURE
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.decisions import columns_of, latest_rows, plan_indices
from planrec.learnt_offers import fit_offers, offer_log
from planrec.months import month_index, month_indices, month_text
from planrec.outlook import UsageForecast, history_of
from planrec.preparation import Prepared, prepare
from planrec.rules import Rules, load_rules
from planrec.rules.facts import facts_of
from planrec.simulator.drift import card_text
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation
from planrec.simulator.truth import LEAVE
from planrec.training import fit_forecast

PROJECT = Path(__file__).resolve().parents[2] / "PlanRec"
AS_OF = ("2025-08", "2025-09", "2025-10", "2025-11")
WINDOW = 3
NEVER = "9999-12"
TEMPLATE = """# What the bound on leaving brings

Written by `python benchmarks/planrec/offers_harm.py --document PlanRec/docs/offers.md`; options name other seeds,
sizes, truths and gates. Simulated operators with development seeds {seeds}, {subscribers} subscribers
each, all pooled; forecast and offer models learnt as `planrec train` learns them. Every subscriber who may change plan
is answered at four as-of months later than any month learnt from.

Change is the true chance of leaving within three months of those offered, less that of the same people left alone, in
points; predicted is what the models said of the same offers. Below 0 is good. Share is the accepted saving, of what an
oracle brings that knows every taste and every bill to come and keeps the same gates. What ships stands in bold.

{table}

Offers of all rows with a `churn_change` above 0 in their own row: {rising}.

The logs themselves, at the shipped bound: offers that the campaign made and that the bound lets pass, chosen by models
that did not see their subscribers, against the hold-out (`planrec train` says it of its own log):

{logs}
One operator's log holds too few such offers to tell harm from chance: a rise of five points is within two standard
errors of it.
"""


@dataclass(frozen=True)
class Gates:
    """What is tried instead of the shipped rules; None: as shipped."""

    offer_cents: int | None = None
    churn_errors: float | None = None
    min_churn_fall: float | None = None

    def over(self, rules: Rules) -> Rules:
        """Return the rules with these instead."""
        said = {"churn_errors": self.churn_errors, "min_churn_fall": self.min_churn_fall}
        offers = rules.offers.model_copy(update={name: value for name, value in said.items() if value is not None})
        return rules.model_copy(update={"offers": offers}).asking("offer", self.offer_cents)


@dataclass(frozen=True)
class Judged:
    """Sums over offers; money in cents a month."""

    offers: int = 0
    rising: int = 0
    change: float = 0.0
    predicted: float = 0.0
    alone: float = 0.0
    saving: float = 0.0
    oracle: float = 0.0

    def __add__(self, other: Judged) -> Judged:
        return Judged(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def cells(self) -> list[str]:
        """Return what is shown: offers, left alone, true and predicted change in points, share of the oracle's."""
        some = max(self.offers, 1)
        points = [f"{100 * value / some:+.2f}" if self.offers else "" for value in (self.change, self.predicted)]
        share = f"{self.saving / self.oracle:.2f}" if self.oracle else ""
        return [f"{self.offers:,}", f"{100 * self.alone / some:.1f}", *points, share]


Sums = dict[tuple[str, bool, Gates], Judged]


def main() -> None:
    """Measure, print, and write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1,2,3,4,5,6,7,8,9,10", help="operators, separated by commas")
    parser.add_argument("--subscribers", type=int, default=8000)
    parser.add_argument("--truths", default="logit,satisficing")
    parser.add_argument("--cents", default="", help="offer_cents to try, separated by commas; else as shipped")
    parser.add_argument("--errors", default="", help="churn_errors to try")
    parser.add_argument("--falls", default="", help="min_churn_fall to try")
    parser.add_argument("--document", type=Path, help="Markdown file to write")
    options = parser.parse_args()
    tried = _gates(options.cents, options.errors, options.falls)
    seeds, truths = [int(seed) for seed in options.seeds.split(",")], options.truths.split(",")
    sums: Sums = {}
    checks: dict[str, list[BoundCheck]] = {}
    for truth in truths:
        for seed in seeds:
            for key, judged in _operator(truth, seed, options.subscribers, tried, checks.setdefault(truth, [])).items():
                sums[key] = sums.get(key, Judged()) + judged
            for (name, launch, gates), judged in sums.items():
                if name == truth:
                    print(truth, launch, _said(gates), "up to seed", seed, *judged.cells(), file=sys.stderr, flush=True)
    rows = [
        [_world(truth, launch=launch), *_said(gates), *judged.cells()]
        for (truth, launch, gates), judged in sums.items()
    ]
    print("\n".join(" | ".join(row) for row in rows))
    for truth, found in checks.items():
        print(truth, _pooled(found))
    if options.document is not None:
        rising = sum(judged.rising for judged in sums.values())
        write_text(options.document, _document(rows, checks, rising, seeds, options.subscribers))


def _gates(cents: str, errors: str, falls: str) -> list[Gates]:
    def numbers(text: str) -> list[float | None]:
        return [float(part) for part in text.split(",")] if text else [None]

    least = [None if number is None else int(number) for number in numbers(cents)]
    return [Gates(c, e, f) for c in least for e in numbers(errors) for f in numbers(falls)]


def _shipped() -> Rules:
    return load_rules(PROJECT / "configs" / "rules.yaml")


def _said(gates: Gates) -> list[str]:
    rules = gates.over(_shipped())
    bold = "**" if rules == _shipped() else ""
    numbers = (rules.min_gain_cents("offer"), rules.offers.churn_errors, rules.offers.min_churn_fall)
    return [f"{bold}{number:g}{bold}" for number in numbers]


def _world(truth: str, *, launch: bool) -> str:
    return f"{truth}, launch" if launch else truth


def _operator(truth: str, seed: int, subscribers: int, tried: Sequence[Gates], checks: list[BoundCheck]) -> Sums:
    """Return what each set of gates does on one operator, without and with the launch; add what its log says."""
    with TemporaryDirectory() as name:
        config = load_planrec_config(
            PROJECT,
            overrides=[
                f"simulator.choice_process={truth}",
                f"simulator.subscribers={subscribers}",
                "simulator.event_subscribers=0",
                "simulator.offers.truth_of_all=true",
                f"training.seed={seed}",
                f"data.simulator.plans={_known_plans(Path(name))}",
            ],
            environ={},
        )
        prepared = prepare(config, PROJECT, _quiet, audited=False)
    forecast = fit_forecast(config, prepared)
    offers = fit_offers(config, prepared, forecast, _told)
    checks.append(_check(config, prepared, forecast))
    sums: Sums = {}
    for launch in (False, True):
        card = load_catalogue(PROJECT / "configs" / "plans.yaml") if launch else prepared.catalogue
        operator = simulate(config.simulator, card, np.random.default_rng(seed))
        for as_of in map(month_index, AS_OF):
            truths, (who, people) = _Truth.of(operator, as_of + 1), _asked(config, operator, as_of)
            for gates in tried:
                rules = gates.over(prepared.rules)
                made = _judged(config, Engine(card, rules, forecast, offers), truths, who, people)
                sums[truth, launch, gates] = sums.get((truth, launch, gates), Judged()) + made
    return sums


def _check(config: PlanRecConfig, prepared: Prepared, forecast: UsageForecast) -> BoundCheck:
    campaign = prepared.data.campaign
    if campaign is None:
        raise SystemExit("the simulated operator has no campaign; set simulator.offers.campaign_share above 0")
    log = offer_log(config, prepared, campaign, forecast)
    return check_bound(*log, prepared.catalogue, prepared.rules, seed=config.training.seed)


def _pooled(checks: Sequence[BoundCheck]) -> str:
    """Return what the logs of all operators say together, each weighted by its offers."""
    some = [check for check in checks if not np.isnan(check.change)]
    weights = np.array([check.offers for check in some], dtype=np.float64)
    if not some:
        return "too few offers to compare"
    weights /= weights.sum()
    change = float(weights @ [check.change for check in some])
    error = float(np.sqrt(np.square(weights) @ np.square([check.error for check in some])))
    predicted = float(weights @ [check.predicted for check in some])
    offers = sum(check.offers for check in some)
    return f"{100 * change:+.1f} points (se {100 * error:.1f}, predicted {100 * predicted:+.1f}) from {offers:,} offers"


def _quiet(_: str) -> None:
    """Say nothing of what begins."""


def _told(text: str) -> None:
    print(text, file=sys.stderr)


def _known_plans(folder: Path) -> Path:
    """Write the rate card without its launch; return the file."""
    card = load_catalogue(PROJECT / "configs" / "plans.yaml")
    never = OnSale.model_validate({"from": NEVER})
    plans = tuple(p.model_copy(update={"on_sale": never}) if p.on_sale.first else p for p in card.plans)
    path = folder / "plans.yaml"
    write_text(path, card_text(replace(card, plans=plans)))
    return path


def _asked(config: PlanRecConfig, operator: Simulation, as_of: int) -> tuple[pd.Index, Subscribers]:
    """Return who has a month of usage as asked, and what the rules of offers and the engine ask of them."""
    known = latest_rows(operator.months, as_of=as_of, history_months=config.advice.history_months)
    rows = known[known[MONTH] == month_text(as_of)].reset_index(drop=True)
    made = operator.offers[operator.offers[OFFERED_PLAN].notna()]
    when = month_indices(made[MONTH])
    lately = made[(when <= as_of) & (when > as_of - WINDOW)].groupby(SUBSCRIBER).size()
    holdout = operator.subscribers.set_index(SUBSCRIBER)[HOLDOUT].reindex(rows[SUBSCRIBER]).to_numpy(dtype=np.bool_)
    contacts = lately.reindex(rows[SUBSCRIBER]).fillna(0).to_numpy(dtype=np.float64)
    columns = columns_of(rows.assign(consent=True, holdout=holdout, contacts_90d=contacts))
    current = plan_indices(rows[CURRENT_PLAN], operator.catalogue)
    facts = facts_of(columns, current, as_of=as_of)
    history = history_of(columns, config.advice.history_months)
    return pd.Index(rows[SUBSCRIBER]), Subscribers.of(history, facts, tenure_months=rows[TENURE].to_numpy())


def _judged(config: PlanRecConfig, engine: Engine, truth: _Truth, who: pd.Index, people: Subscribers) -> Judged:
    answer = engine.answer(people, AnswerPolicy.of(config, engine.rules, "offer", forecast=True))
    if answer.offer is None:
        raise SystemExit("the bundle makes no offers")
    where = truth.subscribers.get_indexer(who)  # -1: left at the end of the month asked about
    switch = np.flatnonzero(~answer.advice.stay & (answer.advice.order[:, 0] >= 0) & (where >= 0))
    plan, at = answer.advice.order[switch, 0], where[switch]
    free = people.facts.contacts_90d < (engine.rules.offers.max_contacts_90d or np.inf)
    may = pd.Series(free & ~(people.facts.holdout == 1), index=who).reindex(truth.subscribers).eq(True).to_numpy()
    best = truth.best(may, engine.rules)
    predicted = answer.offer.churn_change[switch, plan]
    return Judged(
        offers=len(switch),
        rising=int((predicted > 0).sum()),
        change=float((truth.offered[at, plan] - truth.alone[at]).sum()),
        predicted=float(predicted.sum()),
        alone=float(truth.alone[at].sum()),
        saving=float((truth.accept[at, plan] * truth.saving[at, plan]).sum()),
        oracle=float(best[np.isfinite(best)].sum()),
    )


@dataclass(frozen=True)
class _Truth:
    """What the simulator knows of the subscribers it noted in a month; n subscribers, m plans."""

    subscribers: pd.Index
    alone: FloatArray
    offered: FloatArray
    accept: FloatArray
    saving: FloatArray

    @classmethod
    def of(cls, operator: Simulation, month: int) -> _Truth:
        plans = list(operator.catalogue.plan_ids)
        when = month_text(month)
        churn = operator.truth.churn[operator.truth.churn[MONTH] == when].set_index(SUBSCRIBER)
        accept = operator.truth.acceptance[operator.truth.acceptance[MONTH] == when].set_index(SUBSCRIBER)
        bills = operator.truth.bills.set_index(list(KEY))[plans]
        ahead = [
            bills.xs(month_text(month + step), level=MONTH).reindex(churn.index).to_numpy(dtype=np.float64)
            for step in range(WINDOW)
        ]
        held = operator.months[operator.months[MONTH] == month_text(month - 1)].set_index(SUBSCRIBER)[CURRENT_PLAN]
        current = plan_indices(held.reindex(churn.index), operator.catalogue)
        mean = np.mean(ahead, axis=0)
        saving = mean[np.arange(len(mean)), current][:, None] - mean
        return cls(
            churn.index,
            churn[LEAVE].to_numpy(dtype=np.float64),
            churn[plans].to_numpy(dtype=np.float64),
            accept[plans].to_numpy(dtype=np.float64),
            saving,
        )

    def best(self, may: BoolArray, rules: Rules) -> FloatArray:
        """Return what knowing everything would bring under the same gates: accepted saving, -inf where no offer is."""
        change = self.offered - self.alone[:, None]
        good = (change <= -rules.offers.min_churn_fall) & (self.saving >= rules.min_gain_cents("offer"))
        good &= may[:, None] & ~np.isnan(self.accept)
        return np.where(good & (self.saving > 0), self.accept * self.saving, -np.inf).max(axis=1)


def _document(
    rows: list[list[str]], checks: dict[str, list[BoundCheck]], rising: int, seeds: list[int], subscribers: int
) -> str:
    head = [
        "world",
        "`offer_cents`",
        "`churn_errors`",
        "`min_churn_fall`",
        "offers",
        "leave alone, %",
        "change, points",
    ]
    head += ["predicted", "share"]
    table = [head, ["---"] * len(head), *rows]
    logs = "".join(f"- {truth}: {_pooled(found)}\n" for truth, found in checks.items())
    return TEMPLATE.format(
        seeds=", ".join(map(str, seeds)),
        subscribers=f"{subscribers:,}",
        table="\n".join(f"| {' | '.join(row)} |" for row in table),
        rising=rising,
        logs=logs,
    )


if __name__ == "__main__":
    main()
