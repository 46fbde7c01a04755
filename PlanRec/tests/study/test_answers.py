"""The study asks a bundle as the commands do: the same files, byte for byte, and no ranking of its own."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import planrec.study
from common_utils.bundle import Bundle
from planrec.billing import Catalogue
from planrec.bundle import PlanRecBundle
from planrec.config import PlanRecConfig
from planrec.months import month_text
from planrec.rules import ExclusionCode, built_in_rules
from planrec.study.answers import (
    OFFER,
    PAST,
    RE_RATING,
    SHIPPED,
    WITHOUT_CERTAINTY,
    Answers,
    StudyPolicy,
    ask,
    write_usage,
)
from planrec.study.worlds import World, two_worlds

SEED, PEOPLE = 3, 400
RANKERS = {"advise", "apply_rules", "offer_values", "rank_plans", "sure_gains", "switch_gain"}


@pytest.fixture(scope="module")
def world(settings: PlanRecConfig, catalogue: Catalogue) -> World:
    few = settings.simulator.model_copy(update={"subscribers": PEOPLE, "event_subscribers": 0})
    return two_worlds(settings.model_copy(update={"simulator": few}), catalogue, seed=SEED)[1]


@pytest.fixture(scope="module")
def opened(bundle: Bundle) -> PlanRecBundle:
    return PlanRecBundle.open(bundle.path)


@pytest.mark.parametrize(
    ("policy", "options"),
    [
        pytest.param(SHIPPED, (), id="advice"),
        pytest.param(PAST, ("--basis", "past"), id="past"),
        pytest.param(OFFER, ("--mode", "offer"), id="offer"),
    ],
)
def test_the_study_s_files_are_the_command_s(
    world: World,
    opened: PlanRecBundle,
    tmp_path: Path,
    run: Callable[..., int],
    policy: StudyPolicy,
    options: tuple[str, ...],
) -> None:
    usage, out, left_out = write_usage(world, tmp_path), tmp_path / "ours.parquet", tmp_path / "left_out.parquet"
    ask(opened, world, policy, usage)
    asked = ("recommend", *options, "--usage", usage, "--bundle", opened.bundle.path, "--output", out)
    month = month_text(int(world.moments.as_of.max()))
    top = ("--top", len(opened.catalogue.plans), "--excluded-output", left_out)
    assert run(*asked, "--as-of", month, *top) == 0
    for ours, its in ((out, f"{policy.key} {month}.parquet"), (left_out, f"{policy.key} {month} excluded.parquet")):
        assert ours.read_bytes() == (tmp_path / its).read_bytes()


def test_answers_are_read_back_as_they_were_written(world: World, opened: PlanRecBundle, tmp_path: Path) -> None:
    usage = write_usage(world, tmp_path)
    found = ask(opened, world, SHIPPED, usage)
    as_of = int(world.moments.as_of.max())
    written = pd.read_parquet(tmp_path / f"shipped {month_text(as_of)}.parquet").astype({"subscriber_id": "str"})
    here = np.flatnonzero(world.moments.as_of == as_of)
    for row in here[:40]:
        rows = written[written["subscriber_id"] == world.moments.subscribers[row]].sort_values("rank")
        plans = [opened.catalogue.index(str(plan)) for plan in rows["plan_id"]]
        assert found.order[row].tolist() == plans + [-1] * (len(opened.catalogue.plans) - len(plans))
        bills = found.by_plan["expected_bill_cents"][row, plans]
        assert bills.tolist() == rows["expected_bill_cents"].tolist()
        assert (found.excluded[row, plans] == ExclusionCode.NONE).all()
        shut = np.setdiff1d(np.arange(len(opened.catalogue.plans)), plans)
        assert (found.excluded[row, shut] != ExclusionCode.NONE).all()


def test_without_the_rule_more_are_moved(world: World, opened: PlanRecBundle, tmp_path: Path) -> None:
    usage = write_usage(world, tmp_path)
    moved = [moves(ask(opened, world, policy, usage), world) for policy in (SHIPPED, WITHOUT_CERTAINTY)]
    assert (moved[1] | ~moved[0]).all()
    assert 0 < moved[0].sum() < moved[1].sum()


def moves(answers: Answers, world: World) -> np.ndarray:
    return answers.first != world.moments.current


def test_a_policy_is_named_by_its_settings(settings: PlanRecConfig) -> None:
    rules = built_in_rules()
    assert SHIPPED.title(settings, rules) == (
        "advice: forecast, risk weight 0.1, minimum gain 1.00, certainty 0.65 (as shipped)"
    )
    assert OFFER.title(settings, rules) == "offer: forecast, risk weight 0.1, minimum gain 1.00 (as shipped)"
    assert RE_RATING[3].title(settings, rules) == "advice: past 6 month(s), risk weight 0.5, minimum gain 0.00"
    assert PAST.title(settings, rules) == "advice: past 6 month(s), risk weight 0.5, minimum gain 1.00"
    every = [policy.title(settings, rules) for policy in (SHIPPED, OFFER, WITHOUT_CERTAINTY, PAST, *RE_RATING)]
    assert len(set(every)) == len(every)
    assert sum("as shipped" in title for title in every) == 2


def test_the_study_ranks_nothing_itself() -> None:
    modules = sorted(Path(planrec.study.__path__[0]).rglob("*.py"))
    assert len(modules) > 5
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = {node.id} if isinstance(node, ast.Name) else set()
            names |= {node.attr} if isinstance(node, ast.Attribute) else set()
            names |= {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            assert not names & RANKERS, f"{module.name} uses {names & RANKERS}"
