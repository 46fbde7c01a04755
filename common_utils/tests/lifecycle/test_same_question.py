"""When a day of retraining asks the same question as before: by data, settings and what is live."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.lifecycle.cases import DAY, DRIFT, SLIP, RetrainWorld, made

from common_utils.lifecycle.chain import retrain
from common_utils.lifecycle.config import LifecycleConfig
from common_utils.releases import promote
from common_utils.releases.author import Author

NEXT = DAY + timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> RetrainWorld:
    return RetrainWorld(tmp_path)


def quiet(said: str) -> None:
    del said


def outcome(world: RetrainWorld, day: date, config: LifecycleConfig | None = None) -> str:
    return retrain(world.asked(config), day, quiet)[0].outcome


def test_the_same_data_and_settings_are_trained_on_once(world: RetrainWorld) -> None:
    world.looked(DRIFT)
    assert outcome(world, DAY) == "challenger"
    world.looked(DRIFT, day=NEXT)
    assert outcome(world, NEXT) == "challenger"
    assert len(world.data.trained) == 1


def test_other_settings_are_another_training(world: RetrainWorld) -> None:
    world.looked(DRIFT)
    assert outcome(world, DAY) == "challenger"
    world.looked(DRIFT, day=NEXT)
    world.data.word = "other"
    assert outcome(world, NEXT, LifecycleConfig(retrain_every_days=61)) == "challenger"
    assert len(world.data.trained) == 2


def test_another_live_bundle_is_another_training(world: RetrainWorld) -> None:
    world.looked(DRIFT)
    day, _ = retrain(world.asked(), DAY, quiet)
    promote(world.root, day.challenger, author=Author("tests", "it passed"))
    world.looked(DRIFT, day=NEXT, bundle=day.challenger)
    world.data.word = "other"
    assert outcome(world, NEXT) == "challenger"
    assert len(world.data.trained) == 2


def test_a_day_is_asked_anew_when_another_bundle_is_live(world: RetrainWorld) -> None:
    assert outcome(world, DAY) == "no_reason"
    promote(world.root, made(world.root, "by hand").version, author=Author("tests", "by hand"))
    day, known = retrain(world.asked(), DAY, quiet)
    assert (day.outcome, known) == ("insufficient", False)
    assert "monitoring looked at bundle" in day.sentences[0]


def test_the_last_look_at_a_period_counts(world: RetrainWorld) -> None:
    world.looked(SLIP)
    world.looked(DRIFT, day=NEXT)
    assert outcome(world, NEXT) == "challenger"
