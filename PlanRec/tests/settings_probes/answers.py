"""Settings that a bundle answers by: what it would tell a few subscribers under one value and under another."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from settings_probes.lab import Lab, Probe

from planrec.advice import AnswerPolicy, Subscribers
from planrec.billing import load_catalogue
from planrec.bundle import PlanRecBundle
from planrec.config import PlanRecConfig
from planrec.decisions import columns_of, latest_rows, plan_indices, recent_rows
from planrec.outlook import history_of
from planrec.rules import Rules, configured_rules
from planrec.rules.facts import facts_of
from planrec.rules.rulebook import PlanRule

__all__ = ["answered", "answers", "other_rules", "plan_rules", "ruled"]

AS_OF = 24_309
PEOPLE = 120


def people_of(config: PlanRecConfig, opened: PlanRecBundle, months: pd.DataFrame, history: int) -> Subscribers:
    last = recent_rows(
        latest_rows(months, as_of=AS_OF, history_months=history),
        as_of=AS_OF,
        recent_months=config.features.recent_months,
    ).head(PEOPLE)
    columns = columns_of(last)
    current = plan_indices(columns["current_plan"], opened.catalogue)
    return Subscribers.of(
        history_of(columns, history),
        facts_of(columns, current, as_of=AS_OF),
        tenure_months=columns["tenure_months"].astype(np.float64),
    )


def answers(lab: Lab, config: PlanRecConfig, rules: Rules | None = None) -> list[str]:
    """What the small bundle would answer with these settings: advice both ways, offers, choices."""
    opened = PlanRecBundle(lab.bundle, config)
    followed = opened.rules if rules is None else rules
    told: list[str] = [followed.version]
    for mode, forecast in (("advice", True), ("advice", False), ("offer", True)):
        policy = AnswerPolicy.of(config, followed, mode, forecast=forecast)  # type: ignore[arg-type]
        engine = opened.engine(followed)
        engine = engine if forecast else dataclasses.replace(engine, forecast=None)
        answer = engine.answer(people_of(config, opened, lab.months, policy.history_months), policy)
        told += [repr(answer.advice.order.tolist()), repr(answer.advice.stay_reason.tolist()), repr(policy)]
        told.append("" if answer.offer is None else repr(np.round(answer.offer.value_cents, 3).tolist()))
    rows = latest_rows(lab.months, as_of=AS_OF, history_months=config.features.history_months)
    columns = columns_of(recent_rows(rows, as_of=AS_OF, recent_months=config.features.recent_months).head(PEOPLE))
    current = plan_indices(columns["current_plan"], opened.catalogue)
    expected = opened.next_choice(followed).expected(columns, facts_of(columns, current, as_of=AS_OF))
    return [*told, repr(expected.p_take.tolist())]


def answered(setting: str, value: str) -> Probe:
    """A setting that a bundle answers by."""
    return lambda lab: (
        lab.once("answers", lambda: answers(lab, lab.config())),
        answers(lab, lab.config(f"{setting}={value}")),
    )


def ruled(section: str, **changes: object) -> Probe:
    """A key of the rule file; the version stays, so that it is the answers that differ."""

    def tried(lab: Lab) -> tuple[object, object]:
        rules = PlanRecBundle.open(lab.bundle.path).rules
        part = getattr(rules, section).model_copy(update=changes)
        other = rules.model_copy(update={section: part})
        return lab.once("answers", lambda: answers(lab, lab.config())), answers(lab, lab.config(), other)

    return tried


def plan_rules(one: PlanRule, other: PlanRule) -> Probe:
    def tried(lab: Lab) -> tuple[object, object]:
        rules = PlanRecBundle.open(lab.bundle.path).rules
        return tuple(  # type: ignore[return-value]
            answers(lab, lab.config(), rules.model_copy(update={"plans": (rule,)})) for rule in (one, other)
        )

    return tried


def other_rules(lab: Lab) -> tuple[object, object]:
    ours = lab.folder / "ours.yaml"
    ours.write_text("version: ours\n", encoding="utf-8")
    card = load_catalogue(lab.project / "configs" / "plans.yaml")
    found = [configured_rules(lab.config(*said).rules, lab.project, card).version for said in ((), (f"rules={ours}",))]
    return found[0], found[1]
