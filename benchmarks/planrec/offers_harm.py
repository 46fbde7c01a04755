"""What the offers that `planrec recommend --mode offer` makes do to leaving, by the truth of simulated operators.

For each seed an operator is simulated, forecast and offer models are learnt from it as `planrec train` learns them, and
every subscriber's months up to an as-of month are written to a file and answered by the function that the command
calls, with the shipped settings and rules. Four months are asked about, all later than any month learnt from. An offer
is judged where the simulator noted what it would do: at subscribers who decide, or whom the campaign drew, in the month
after. Their chance of leaving within three months, offered, is held against that of the same people left alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils.array_types import BoolArray, FloatArray
from common_utils.outputs import write_text
from planrec.advice import AnswerPolicy, Engine
from planrec.batch.answers import Recommender
from planrec.batch.files import write_recommendations
from planrec.batch.rankers import policy_ranker
from planrec.billing import load_catalogue
from planrec.billing.catalogue import OnSale
from planrec.columns import CONTRACT_LEFT, CURRENT_PLAN, HOLDOUT, KEY, MONTH, OFFERED_PLAN, SUBSCRIBER
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.decisions import plan_indices
from planrec.months import month_index, month_indices, month_text
from planrec.preparation import prepare
from planrec.rules import Rules, load_rules
from planrec.simulator.drift import card_text
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation
from planrec.simulator.truth import LEAVE
from planrec.training import fit_forecast, fit_offers

PROJECT = Path(__file__).resolve().parents[2] / "PlanRec"
AS_OF = ("2025-08", "2025-09", "2025-10", "2025-11")
WINDOW = 3
NEVER = "9999-12"


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
    known: int = 0
    change: float = 0.0
    predicted: float = 0.0
    alone: float = 0.0
    saving: float = 0.0
    oracle: float = 0.0
    oracle_offers: int = 0

    def __add__(self, other: Judged) -> Judged:
        return Judged(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def figures(self) -> dict[str, float | int | None]:
        """Return what is shown of them; shares and points are None where there is no offer."""
        some = max(self.known, 1)
        return {
            "offers": self.offers,
            "churn_change_above_0": self.rising,
            "judged": self.known,
            "churn_alone_pct": round(100 * self.alone / some, 2),
            "churn_change_points": round(100 * self.change / some, 2) if self.known else None,
            "predicted_points": round(100 * self.predicted / some, 2) if self.known else None,
            "accepted_saving_cents": round(self.saving / some, 1),
            "share_of_oracle": round(self.saving / self.oracle, 3) if self.oracle else None,
            "oracle_offers": self.oracle_offers,
        }


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1,2,3,4,5,6,7,8,9,10", help="operators, separated by commas")
    parser.add_argument("--subscribers", type=int, default=8000)
    parser.add_argument("--processes", default="logit,satisficing")
    parser.add_argument("--curve", action="store_true", help="other gates than the shipped ones, too")
    parser.add_argument("--cents", default="", help="offer_cents to try, separated by commas")
    parser.add_argument("--errors", default="", help="churn_errors to try")
    parser.add_argument("--falls", default="", help="min_churn_fall to try")
    parser.add_argument("--write", type=Path, help="JSON file to keep the figures in")
    options = parser.parse_args()
    tried = _gates(options.cents, options.errors, options.falls)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    results: list[dict[str, object]] = []
    for process in options.processes.split(","):
        for launch in (False, True):
            sums = dict.fromkeys(tried, Judged())
            for seed in seeds:
                for gates, judged in measure(process, seed, options.subscribers, tried, launch=launch).items():
                    sums[gates] += judged
                    print(f"{process} launch={launch} up to seed {seed}: {sums[gates].figures()}", file=sys.stderr)
            for gates, judged in sums.items():
                row = {"process": process, "launch": launch, **_said(gates), **judged.figures()}
                results.append(row)
                print(" ".join(f"{name}={value}" for name, value in row.items()), flush=True)
    if options.write is not None:
        kept = {"seeds": seeds, "subscribers": options.subscribers, "as_of": AS_OF, "worlds": results}
        write_text(options.write, json.dumps(kept, indent=1) + "\n")


def _gates(cents: str, errors: str, falls: str) -> list[Gates]:
    def numbers(text: str) -> list[float | None]:
        return [float(part) for part in text.split(",")] if text else [None]

    least = [None if number is None else int(number) for number in numbers(cents)]
    return [Gates(c, e, f) for c in least for e in numbers(errors) for f in numbers(falls)]


def _said(gates: Gates) -> dict[str, object]:
    rules = gates.over(load_rules(PROJECT / "configs" / "rules.yaml"))
    return {
        "offer_cents": rules.min_gain_cents("offer"),
        "churn_errors": rules.offers.churn_errors,
        "min_churn_fall": rules.offers.min_churn_fall,
    }


def measure(process: str, seed: int, subscribers: int, tried: Sequence[Gates], *, launch: bool) -> dict[Gates, Judged]:
    """Return what each set of gates does on one operator."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = load_planrec_config(
            PROJECT,
            overrides=[
                f"simulator.choice_process={process}",
                f"simulator.subscribers={subscribers}",
                "simulator.event_subscribers=0",
                "simulator.offers.truth_of_all=true",
                f"training.seed={seed}",
                f"data.simulator.plans={_card(folder, launch=launch)}",
            ],
            environ={},
        )
        prepared = prepare(config, PROJECT, _quiet)
        forecast = fit_forecast(config, prepared)
        offers = fit_offers(config, prepared, forecast, _told)
        operator = simulate(config.simulator, prepared.catalogue, np.random.default_rng(seed))
        sums = dict.fromkeys(tried, Judged())
        for as_of in AS_OF:
            usage = _usage_file(operator, folder / "usage.parquet", month_index(as_of))
            for gates in tried:
                rules = gates.over(prepared.rules)
                made = _answered(config, Engine(prepared.catalogue, rules, forecast, offers), usage, as_of)
                sums[gates] += _judged(made, operator, usage, as_of, rules)
        return sums


def _quiet(_: str) -> None:
    """Say nothing of what begins."""


def _told(text: str) -> None:
    print(text, file=sys.stderr)


def _card(folder: Path, *, launch: bool) -> Path:
    card = load_catalogue(PROJECT / "configs" / "plans.yaml")
    if launch:
        return PROJECT / "configs" / "plans.yaml"
    never = OnSale.model_validate({"from": NEVER})
    plans = tuple(p.model_copy(update={"on_sale": never}) if p.on_sale.first else p for p in card.plans)
    path = folder / "plans.yaml"
    write_text(path, card_text(replace(card, plans=plans)))
    return path


def _usage_file(operator: Simulation, path: Path, as_of: int) -> Path:
    """Write the months up to the one asked about, with what the rules of offers ask."""
    months = operator.months[month_indices(operator.months[MONTH]) <= as_of].copy()
    people = operator.subscribers.set_index(SUBSCRIBER)[HOLDOUT]
    made = operator.offers[operator.offers[OFFERED_PLAN].notna()]
    when = month_indices(made[MONTH])
    lately = made[(when <= as_of) & (when > as_of - WINDOW)].groupby(SUBSCRIBER).size()
    months["consent"] = True
    months["holdout"] = people.reindex(months[SUBSCRIBER]).to_numpy(dtype=np.bool_)
    months["contacts_90d"] = lately.reindex(months[SUBSCRIBER]).fillna(0).to_numpy()
    months.to_parquet(path, index=False)
    return path


def _answered(config: PlanRecConfig, engine: Engine, usage: Path, as_of: str) -> pd.DataFrame:
    """Return the offers that are made: what `planrec recommend --mode offer` writes at rank 1, where it is a switch."""
    policy = AnswerPolicy.of(config, engine.rules, "offer", forecast=True)
    recommender = Recommender(
        engine.catalogue, policy_ranker(engine, policy), month_index(as_of), policy.history_months, top=1
    )
    output = usage.with_name("offers.parquet")
    write_recommendations(usage, recommender, output)
    answers = pd.read_parquet(output)
    return answers[answers["advice"].astype(str) == "switch"].reset_index(drop=True)


def _judged(made: pd.DataFrame, operator: Simulation, usage: Path, as_of: str, rules: Rules) -> Judged:
    truth = _Truth.of(operator, month_index(as_of) + 1)
    at = truth.subscribers.get_indexer(pd.Index(made[SUBSCRIBER].astype(str)))
    plan = plan_indices(made["plan_id"].astype(str), operator.catalogue)
    known = at >= 0
    row, of = at[known], plan[known]
    best = truth.best(usage, month_index(as_of), rules)
    some = np.isfinite(best)
    predicted = made["churn_change"].to_numpy(dtype=np.float64)
    return Judged(
        offers=len(made),
        rising=int((predicted > 0).sum()),
        known=int(known.sum()),
        change=float((truth.offered[row, of] - truth.alone[row]).sum()),
        predicted=float(predicted[known].sum()),
        alone=float(truth.alone[row].sum()),
        saving=float((truth.accept[row, of] * truth.saving[row, of]).sum()),
        oracle=float(best[some].sum()),
        oracle_offers=int(some.sum()),
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

    def best(self, usage: Path, as_of: int, rules: Rules) -> FloatArray:
        """Return what knowing everything would bring under the same gates: accepted saving, -inf where no offer is."""
        change = self.offered - self.alone[:, None]
        good = (change <= -rules.offers.min_churn_fall) & (self.saving >= rules.min_gain_cents("offer"))
        good &= self._may_be_contacted(usage, as_of, rules)[:, None] & ~np.isnan(self.accept)
        return np.where(good & (self.saving > 0), self.accept * self.saving, -np.inf).max(axis=1)

    def _may_be_contacted(self, usage: Path, as_of: int, rules: Rules) -> BoolArray:
        months = pd.read_parquet(usage)
        last = months[months[MONTH] == month_text(as_of)].set_index(SUBSCRIBER).reindex(self.subscribers)
        cap = rules.offers.max_contacts_90d
        fine = (last[CONTRACT_LEFT].to_numpy() == 0) & ~last[HOLDOUT].eq(True).to_numpy()
        return fine & ((np.inf if cap is None else cap) > last["contacts_90d"].fillna(np.inf).to_numpy())


if __name__ == "__main__":
    main()
