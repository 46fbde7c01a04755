"""A day of retraining: why it trains, what stops it, and that it is done once, however often it was killed."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from tests.lifecycle.cases import DAY, DRIFT, SLIP, RetrainWorld, killed_at, made

from common_utils.bundle import current_version, fingerprint_file
from common_utils.errors import DataError, LeakageError, ParityError
from common_utils.lifecycle import chain
from common_utils.lifecycle.chain import retrain
from common_utils.lifecycle.config import LifecycleConfig
from common_utils.lifecycle.days import RetrainBook
from common_utils.releases import abort, challenger_version, promote, publish
from common_utils.releases.author import Author
from common_utils.releases.history import read_history

STEPS = ("keeping the data", "training", "judging", "publishing")


def quiet(said: str) -> None:
    del said


@pytest.fixture
def world(tmp_path: Path) -> RetrainWorld:
    return RetrainWorld(tmp_path)


def test_retrain_without_a_reason_reads_nothing(world: RetrainWorld) -> None:
    day, known = retrain(world.asked(), DAY, quiet)
    assert (day.outcome, day.exit_code, known, world.read) == ("no_reason", 0, False, 0)
    assert day.lines() == ["demo 2026-03-02: no reason to train; nothing was done."]


@pytest.mark.parametrize(
    ("findings", "asked", "kind"),
    [
        pytest.param([DRIFT], {}, "drift", id="drift"),
        pytest.param([replace(DRIFT, check="late_labels")], {}, "performance", id="performance"),
        pytest.param([replace(DRIFT, check="card_prices")], {}, "rate_card", id="card-found"),
        pytest.param([replace(DRIFT, check="freshness")], {}, "other_alarm", id="another-alarm"),
        pytest.param([], {"rate_card": "new"}, "rate_card", id="card-of-settings"),
        pytest.param([], {"rules": "new"}, "rules", id="rules"),
    ],
)
def test_retrain_trains_for_a_reason_and_says_it(
    world: RetrainWorld, findings: list[object], asked: dict[str, str], kind: str
) -> None:
    world.looked(*findings)  # type: ignore[arg-type]
    day, _ = retrain(world.asked(None, **asked), DAY, quiet)
    assert [reason.kind for reason in day.reasons] == [kind]
    assert (day.outcome, day.exit_code) == ("challenger", 0)
    assert challenger_version(world.root) == day.challenger
    assert current_version(world.root) == world.live
    assert read_history(world.root)[-1].why == f"retrained on 2026-03-02: {kind.replace('_', ' ')}"


def test_retrain_by_schedule_counts_from_the_last_training(world: RetrainWorld) -> None:
    config = LifecycleConfig(retrain_every_days=29)  # the live bundle is of 1 February
    world.looked(day=date(2026, 3, 1))
    assert retrain(world.asked(config), date(2026, 3, 1), quiet)[0].outcome == "no_reason"
    day, _ = retrain(world.asked(config), DAY, quiet)
    assert [reason.sentence for reason in day.reasons] == [
        "29 days since the last training on 2026-02-01; due after 29."
    ]
    later = date(2026, 3, 30)
    world.looked(day=later)
    assert retrain(world.asked(config), later, quiet)[0].outcome == "no_reason"  # 28 days after the challenger


def test_a_bundle_that_was_trained_by_hand_on_the_day_counts_as_the_last_training(world: RetrainWorld) -> None:
    world.looked(DRIFT)
    assert retrain(world.asked(), DAY, quiet)[0].trained  # on 2 March
    author, day = Author("ana", "trained by hand"), date(2026, 4, 20)
    by_hand = made(world.folder / "by-hand", "by hand", at=datetime(2026, 4, 20, 23, tzinfo=UTC))
    publish(world.root, by_hand.path, author=author)
    promote(world.root, by_hand.version, author=author)
    config = LifecycleConfig(retrain_every_days=40)
    world.looked(day=day, bundle=by_hand.version)
    assert retrain(world.asked(config), day, quiet)[0].reasons == ()  # not 49 days since 2 March
    due = day + timedelta(days=40)
    world.looked(day=due, bundle=by_hand.version)
    (reason,) = retrain(world.asked(config), due, quiet)[0].reasons
    assert reason.sentence == "40 days since the last training on 2026-04-20; due after 40."


def test_retrain_is_blocked_by_a_quality_alarm_until_the_data_was_looked_at_again(world: RetrainWorld) -> None:
    world.looked(DRIFT, SLIP)
    day, _ = retrain(world.asked(), DAY, quiet)
    assert (day.outcome, day.exit_code, world.read) == ("blocked", 5, 0)
    assert day.sentences[0] == "2026-02: mb slipped."
    assert "lifecycle.accept_periods" in day.sentences[1]
    world.looked(DRIFT)  # repaired, and monitor asked again for the day
    assert retrain(world.asked(), DAY, quiet)[0].outcome == "challenger"


def test_retrain_stays_blocked_on_later_days_and_takes_an_accepted_period(world: RetrainWorld) -> None:
    world.looked(SLIP)
    later = date(2026, 4, 2)
    world.looked(DRIFT, day=later, period="2026-03")
    assert retrain(world.asked(), later, quiet)[0].outcome == "blocked"
    accepted = LifecycleConfig(retrain_every_days=300, accept_periods=("2026-02",))
    assert retrain(world.asked(accepted), later, quiet)[0].outcome == "challenger"


def test_retrain_holds_where_monitoring_has_not_looked_or_at_another_bundle(world: RetrainWorld) -> None:
    day, _ = retrain(world.asked(), date(2026, 3, 3), quiet)
    assert (day.outcome, day.exit_code) == ("insufficient", 6)
    assert "Monitoring has not looked on 2026-03-03" in day.sentences[0]
    world.looked(DRIFT, bundle="20260101T000000Z-000000000000")
    day, _ = retrain(world.asked(), DAY, quiet)
    assert day.outcome == "insufficient"
    assert "looked at bundle 20260101T000000Z-000000000000" in day.sentences[0]


def test_retrain_answers_the_same_again_and_trains_once(world: RetrainWorld) -> None:
    world.looked(DRIFT)
    first, known = retrain(world.asked(), DAY, quiet)
    again, known_again = retrain(world.asked(), DAY, quiet)
    assert (known, known_again, first == again) == (False, True, True)
    assert len(world.data.trained) == 1
    later = date(2026, 3, 9)
    world.looked(DRIFT, day=later)
    same, _ = retrain(world.asked(), later, quiet)  # the alarm lasts, and nothing else has changed
    assert (same.outcome, same.trained, len(world.data.trained)) == ("challenger", False, 1)
    assert same.sentences[0] == "Data, settings and live bundle are those of 2026-03-02, whose outcome stands."
    world.data.number = 2
    world.data.word = "newer"
    new = date(2026, 3, 10)
    world.looked(DRIFT, day=new)
    assert retrain(world.asked(), new, quiet)[0].trained


@pytest.mark.parametrize(("verdict", "code"), [("refused", 5), ("insufficient", 6)])
def test_retrain_publishes_nothing_that_does_not_pass(world: RetrainWorld, verdict: str, code: int) -> None:
    world.looked(DRIFT)
    world.data.verdict = verdict  # type: ignore[assignment]
    day, _ = retrain(world.asked(), DAY, quiet)
    assert (day.outcome, day.exit_code) == (verdict, code)
    assert day.sentences[0].startswith("loss: 1 live, 1 new; worse by")
    assert challenger_version(world.root) is None
    assert [path.name for path in world.root.iterdir() if path.name == day.challenger] == []


@pytest.mark.parametrize(
    "fails", [LeakageError("next is a leak."), ParityError("off by 1."), DataError("half is missing.")]
)
def test_retrain_keeps_what_refused_the_training(world: RetrainWorld, fails: Exception) -> None:
    world.looked(DRIFT)
    world.data.fails = fails
    day, _ = retrain(world.asked(), DAY, quiet)
    assert (day.outcome, day.challenger, day.trained) == ("refused", "", True)
    assert str(fails) in day.sentences[0]
    assert str(fails) in (world.folder / "lifecycle/reports/gate-2026-03-02.md").read_text(encoding="utf-8")


def test_retrain_leaves_evidence_that_the_history_names(world: RetrainWorld) -> None:
    world.looked(DRIFT)
    day, _ = retrain(world.asked(), DAY, quiet)
    report = world.folder / "lifecycle/reports/gate-2026-03-02.json"
    assert read_history(world.root)[-1].evidence == {report.name: day.evidence}
    assert fingerprint_file(report) == day.evidence
    assert json.loads(report.read_bytes())["verdict"] == "passes"
    assert not (world.folder / "lifecycle/work").exists()


def test_retrain_never_brings_a_barred_bundle_back(world: RetrainWorld) -> None:
    world.looked(DRIFT)
    retrain(world.asked(), DAY, quiet)
    abort(world.root, author=Author("care", "callers complained"))
    later = date(2026, 3, 9)
    world.data.number = 2  # other data, from which the same bundle comes out
    world.looked(DRIFT, day=later)
    day, _ = retrain(world.asked(), later, quiet)
    assert (day.outcome, day.exit_code) == ("barred", 5)
    assert "is barred; `lifecycle pardon` lifts a bar." in day.sentences[0]
    assert challenger_version(world.root) is None


def test_retrain_says_that_the_challenger_of_the_same_data_was_barred_since(world: RetrainWorld) -> None:
    world.looked(DRIFT)
    retrain(world.asked(), DAY, quiet)
    abort(world.root, author=Author("care", "callers complained"))
    later = date(2026, 3, 9)
    world.looked(DRIFT, day=later)
    day, _ = retrain(world.asked(), later, quiet)
    assert (day.outcome, day.trained) == ("barred", False)


def test_retrain_that_makes_the_live_bundle_again_publishes_nothing(world: RetrainWorld) -> None:
    world.looked(DRIFT)
    world.data.word = "live"
    day, _ = retrain(world.asked(), DAY, quiet)
    assert (day.outcome, day.sentences) == ("insufficient", ("The training made the live bundle again, file by file.",))


@pytest.mark.parametrize("at", STEPS)
def test_retrain_goes_on_where_it_was_killed(world: RetrainWorld, at: str) -> None:
    world.looked(DRIFT)
    with pytest.raises(KeyboardInterrupt):
        retrain(world.asked(), DAY, killed_at(at))
    assert RetrainBook(world.folder / "lifecycle").day(DAY) is None
    assert current_version(world.root) == world.live
    day, known = retrain(world.asked(), DAY, quiet)
    assert (day.outcome, known, len(world.data.trained)) == ("challenger", False, 1)
    assert [entry.action for entry in read_history(world.root)] == ["publish", "promote", "publish", "challenge"]


@pytest.mark.parametrize("last", ["publish", "challenge", "keep"])
def test_retrain_killed_between_its_last_changes_makes_each_once(
    world: RetrainWorld, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.looked(DRIFT)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    target = RetrainBook if last == "keep" else chain
    with monkeypatch.context() as patch:
        patch.setattr(target, last, dies)
        with pytest.raises(KeyboardInterrupt):
            retrain(world.asked(), DAY, quiet)
    day, _ = retrain(world.asked(), DAY, quiet)
    assert (day.outcome, len(world.data.trained)) == ("challenger", 1)
    assert [entry.action for entry in read_history(world.root)] == ["publish", "promote", "publish", "challenge"]
    assert read_history(world.root)[-1].evidence == {"gate-2026-03-02.json": day.evidence}


def test_retrain_survives_a_kill_that_no_handler_sees(world: RetrainWorld) -> None:
    world.looked(DRIFT)

    def step(said: str) -> None:
        if said.startswith("judging"):
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        retrain(world.asked(), DAY, step)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    day, _ = retrain(world.asked(), DAY, quiet)
    assert (day.outcome, world.data.trained) == ("challenger", [])  # the child had trained, and its bundle is used


def test_retrain_trains_anew_where_the_half_done_bundle_was_damaged(world: RetrainWorld) -> None:
    world.looked(DRIFT)
    with pytest.raises(KeyboardInterrupt):
        retrain(world.asked(), DAY, killed_at("judging"))
    (word,) = (world.folder / "lifecycle/work").glob("*/*/word")
    word.chmod(0o644)
    word.write_text("xxx", encoding="utf-8")
    day, _ = retrain(world.asked(), DAY, quiet)
    assert (day.outcome, len(world.data.trained)) == ("challenger", 2)


def test_retrain_refuses_a_record_that_is_damaged(world: RetrainWorld) -> None:
    retrain(world.asked(), DAY, quiet)
    path = world.folder / "lifecycle/days/2026-03-02.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="is not the record of a day"):
        retrain(world.asked(), DAY, quiet)
    path.write_text('{"format": 9}', encoding="utf-8")
    with pytest.raises(DataError, match="of format '9', not 1"):
        retrain(world.asked(), DAY, quiet)


def test_retrain_says_that_its_folder_cannot_be_made(world: RetrainWorld) -> None:
    (world.folder / "lifecycle").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"cannot be made .* Correct lifecycle.folder"):
        retrain(world.asked(), DAY, quiet)
