from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from tests.datasets.cases import take
from typer.testing import CliRunner

from common_utils.bundle import fingerprint_bytes, open_bundle, write_bundle
from common_utils.bundle.signing import INTEGRITY_ONLY
from common_utils.command_line.lifecycle.card import card_of_use
from common_utils.command_line.lifecycle.lifecycle import lifecycle_app
from common_utils.command_line.lifecycle.page import LifecyclePage, lifecycle_page, live_periods
from common_utils.command_line.lifecycle.places import LifecyclePlaces
from common_utils.datasets.store import SnapshotStore
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.desk import Desk
from common_utils.errors import PortfolioError
from common_utils.lifecycle.days import Outcome, RetrainBook, RetrainDay
from common_utils.monitoring.bias.report import BiasReport, LiveVersion
from common_utils.monitoring.bias.verdict import keep_bias_verdict
from common_utils.monitoring.day import DayBook, MonitorDay
from common_utils.monitoring.findings import Finding
from common_utils.releases import abort, bar, challenge, pardon, promote, publish, rollback, rollback_unrecorded
from common_utils.releases.author import Author
from common_utils.releases.history import read_history
from common_utils.tracking.config import TrackingConfig
from common_utils.tracking.store import RunStore

ANA, BOB = Author("ana", "asked for"), Author("bob", "gate passed")
Run = Callable[..., tuple[int, str]]


def _folders(root: Path) -> tuple[Path, Path]:
    return root / "retraining", root / "runs"


@pytest.fixture
def places(tmp_path: Path) -> LifecyclePlaces:
    log = Desk(DecisionsConfig(), "demo", tmp_path)
    return LifecyclePlaces(
        tmp_path / "artifacts", INTEGRITY_ONLY, tmp_path / "data" / "monitoring", log, *_folders(tmp_path)
    )


@pytest.fixture
def run(places: LifecyclePlaces) -> Run:
    app = typer.Typer()
    releases = (places.artifacts, INTEGRITY_ONLY)
    runs = (TrackingConfig(), "demo", places.artifacts.parent, *releases)
    app.add_typer(lifecycle_app(lambda _, __: releases, lambda _, __: places, lambda _, __: runs), name="life")

    def call(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["life", "status", *arguments])
        if isinstance(result.exception, PortfolioError):
            return result.exception.exit_code, result.output
        assert result.exception is None, result.exception
        return result.exit_code, result.output

    return call


def _bundle(places: LifecyclePlaces, text: str, snapshot: str = "") -> str:
    info = {"snapshot": snapshot} if snapshot else {}
    bundle = write_bundle(places.artifacts, info=info, write=lambda folder: folder.joinpath("n").write_text(text))
    publish(places.artifacts, bundle.path, author=ANA)
    return bundle.version


def _looked(places: LifecyclePlaces, day: str, bundle: str, *, blocks: bool = False) -> None:
    found = Finding("unit", "megabytes", "alarm", 1.0, 0.0, None, 9, "A slip.", blocks_retraining=blocks)
    DayBook(places.monitoring).keep(MonitorDay("demo", bundle, day, day[:7], "0" * 64, (found,)))


def test_where_nothing_exists_it_says_what_to_do(run: Run, places: LifecyclePlaces) -> None:
    code, text = run()
    assert code == 0
    assert "live       none" in text
    assert "waits      nothing is live: train, or release promote VERSION" in text
    assert not places.artifacts.exists()
    assert json.loads(run("--json")[1])["live"] is None
    assert run("--artifacts", str(places.artifacts / "other"))[0] == 0


def test_ten_lines_say_what_is_live_what_challenges_is_barred_and_waits(run: Run, places: LifecyclePlaces) -> None:
    snapshot = take(SnapshotStore.beside(places.artifacts))
    first, bad = _bundle(places, "first", snapshot.digest), _bundle(places, "bad")
    promote(places.artifacts, first, author=ANA)
    promote(places.artifacts, bad, author=ANA)
    rollback(places.artifacts, author=Author("ana", "it was bad"))
    report = json.dumps({"verdict": "passes"}).encode()
    gate = places.gates[0] / "reports" / "gate.json"
    gate.parent.mkdir(parents=True)
    gate.write_bytes(report)
    new = _bundle(places, "new")
    challenge(places.artifacts, new, author=BOB, evidence={"gate.json": fingerprint_bytes(report)})
    _looked(places, "2026-11-01", first)
    _looked(places, "2026-11-02", first, blocks=True)
    version = LiveVersion(first, 40, "2026-10-01", "2026-10-31")
    bias = BiasReport("demo", 40, 40, "2026-10-01", "2026-10-31", "others", (version,), (), (), 20)
    keep_bias_verdict(places.monitoring, bias)
    code, text = run()
    lines = text.splitlines()
    assert (code, len(lines)) == (0, 10)
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith(f"live       {first} since 20")
    assert "rollback by ana, entry 5: it was bad" in lines[1]
    assert f"snapshot {snapshot.digest[:12]}: proven" in lines[2]
    assert lines[3] == "monitor    alarm on 2026-11-02, of 2026-11, the live bundle"
    assert f"insufficient on {datetime.now(UTC).date()}, of 2026-10-01 to 2026-10-31" in lines[4]
    assert lines[5].startswith(f"challenger {new}")
    assert lines[6] == f"gate       gate.json {fingerprint_bytes(report)[:12]}: passes"
    assert lines[7] == f"barred     1: {bad.rpartition('-')[2]} by ana (rollback)"
    assert lines[8] == "log        nothing was shipped yet: decisions ship"
    assert lines[9] == f"waits      release promote {new}, or abort (+2: --json)"
    waits = json.loads(run("--json")[1])["waits"]
    assert waits[1:] == [
        "quality alarm of 2026-11-02: no retraining until it is mended; monitor explain",
        f"a pardon of {bad.rpartition('-')[2]} needs another name than ana",
    ]
    gate.write_bytes(report + b" ")
    assert "its file is not here" in run()[1]  # another file than the one that was recorded
    abort(places.artifacts, author=BOB)
    assert (len(run()[1].splitlines()), run()[1].splitlines()[-1].strip()) == (10, "2 more: --json")
    assert [wait.rpartition(" ")[2] for wait in json.loads(run("--json")[1])["waits"][1:]] == ["ana", "bob"]


def test_data_that_is_withdrawn_waits_for_training(run: Run, places: LifecyclePlaces) -> None:
    store = SnapshotStore.beside(places.artifacts)
    version = _bundle(places, "one", take(store).digest)
    promote(places.artifacts, version, author=ANA)
    store.withdraw(store.names()[0], why="a test", child=None)
    assert "the live bundle's data is withdrawn: train again" in run()[1]
    (places.artifacts / version / "n").write_text("two")
    assert "THE BUNDLE IS REFUSED" in run()[1]


def test_a_broken_chain_is_said_and_leaves_as_the_history_does(run: Run, places: LifecyclePlaces) -> None:
    version = _bundle(places, "one")
    promote(places.artifacts, version, author=ANA)
    record = places.artifacts / "history.jsonl"
    record.write_bytes(record.read_bytes().replace(b"asked for", b"asked FOR"))
    code, text = run()
    assert code != 0
    assert f"live       {version} since unknown" in text
    assert "THE RECORD'S CHAIN IS BROKEN" in text
    assert "barred     not known" in text
    assert "waits      every change waits for a new record" in text
    assert json.loads(run("--json")[1])["broken"]


def test_a_broken_chain_is_promised_no_correction_before_a_new_record(run: Run, places: LifecyclePlaces) -> None:
    first, bad = _bundle(places, "one"), _bundle(places, "two")
    for version in (first, bad):
        promote(places.artifacts, version, author=ANA)
    rollback_unrecorded(places.artifacts, author=BOB)
    said = f"the next change records that bob rolled back {bad}"
    assert said in json.loads(run("--json")[1])["waits"]
    record = places.artifacts / "history.jsonl"
    record.write_bytes(record.read_bytes().replace(b"asked for", b"asked FOR"))
    waits = json.loads(run("--json")[1])["waits"]
    assert said not in waits
    assert f"once there is a new record, {said}" in waits
    record.rename(record.with_name("history.old"))
    challenge(places.artifacts, _bundle(places, "new"), author=ANA)
    assert not [wait for wait in json.loads(run("--json")[1])["waits"] if "rolled back" in wait]
    assert ("bar", "bob") in [(entry.action, entry.who) for entry in read_history(places.artifacts)]


def test_an_earlier_alarm_waits_as_long_as_it_blocks_retraining(run: Run, places: LifecyclePlaces) -> None:
    promote(places.artifacts, _bundle(places, "one"), author=ANA)
    _looked(places, "2026-10-01", "v", blocks=True)
    _looked(places, "2026-11-01", "v")
    said = "quality alarm of 2026-10-01: no retraining until it is mended; monitor explain"
    assert json.loads(run("--json")[1])["waits"] == [said]
    accepting = lifecycle_page(replace(places, accepted=("2026-10",)))
    assert not accepting.waits


@pytest.mark.parametrize("outcome", ["refused", "insufficient", "blocked"])
def test_a_retraining_that_somebody_has_to_look_at_waits(places: LifecyclePlaces, outcome: Outcome) -> None:
    promote(places.artifacts, _bundle(places, "one"), author=ANA)
    _looked(places, "2026-11-01", "v")
    book = RetrainBook(places.retraining)
    book.keep(RetrainDay("demo", "2026-11-01", outcome, "v", sentences=("Why.", "More.")))
    assert lifecycle_page(places).waits == [f"retraining of 2026-11-01 ended {outcome}: Why."]
    book.keep(RetrainDay("demo", "2026-11-02", "no_reason", "v"))
    assert not lifecycle_page(places).waits


def test_an_alarm_that_still_blocks_and_the_day_it_blocked_are_one_wait(places: LifecyclePlaces) -> None:
    promote(places.artifacts, _bundle(places, "one"), author=ANA)
    _looked(places, "2026-11-01", "v", blocks=True)
    RetrainBook(places.retraining).keep(RetrainDay("demo", "2026-11-01", "blocked", "v", sentences=("Why.",)))
    assert lifecycle_page(places).waits == [
        "quality alarm of 2026-11-01: no retraining until it is mended; monitor explain"
    ]


def test_data_of_just_the_size_that_is_quick_to_hash_is_proven(
    places: LifecyclePlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = take(SnapshotStore.beside(places.artifacts))
    promote(places.artifacts, _bundle(places, "one", snapshot.digest), author=ANA)
    size = sum(file.size for file in snapshot.files)
    for most, said in ((size, "proven"), (size - 1, "there; data verify proves it")):
        monkeypatch.setattr("common_utils.command_line.lifecycle.page._MOST_HASHED", most)
        live = lifecycle_page(places).live
        assert live is not None
        assert live["data"] == said


def test_the_last_of_several_turns_is_told(places: LifecyclePlaces) -> None:
    one, two = _bundle(places, "one"), _bundle(places, "two")
    for version, author in ((one, ANA), (two, BOB), (one, BOB)):
        promote(places.artifacts, version, author=author)
    for author in (ANA, BOB, ANA):
        challenge(places.artifacts, two, author=author)
        abort(places.artifacts, author=author)
        pardon(places.artifacts, two, author=Author("cy", "looked at"))
    for author in (ANA, BOB, ANA):
        bar(places.artifacts, two, author=author)
    page = lifecycle_page(places)
    assert page.live is not None
    assert (page.live["version"], page.live["who"]) == (one, "bob")
    assert [(said["who"], said["action"]) for said in page.barred] == [("ana", "bar")]
    assert f"a pardon of {two.rpartition('-')[2]} needs another name than ana, bob" in page.waits
    pardon(places.artifacts, two, author=Author("cy", "looked at"))
    challenge(places.artifacts, two, author=BOB)
    challenger = lifecycle_page(places).challenger
    assert challenger is not None
    assert (challenger["version"], challenger["who"]) == (two, "bob")


def test_runs_that_no_mirror_has_wait(places: LifecyclePlaces) -> None:
    promote(places.artifacts, _bundle(places, "one"), author=ANA)
    _looked(places, "2026-11-01", "v")
    RunStore(places.runs).post("20261101T030000000000Z-9f8e7d6c")
    assert lifecycle_page(places).waits == ["1 run(s) are in the outbox: lifecycle sync"]


def test_the_log_says_its_last_entry_where_that_is_cheap(places: LifecyclePlaces, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Desk, "open_store", lambda _: pytest.fail("a server was asked"))
        far = replace(places, log=Desk(DecisionsConfig(url="postgresql://db/x"), "demo", tmp_path))
        assert "on a server, not asked" in lifecycle_page(far).log
    with (store := places.log.open_store()).database.transaction():
        pass
    store.close()
    assert lifecycle_page(places).log == "nothing was shipped yet: decisions ship"
    (tmp_path / "data" / "decisions" / "decisions.db").write_bytes(b"no database" * 99)
    assert "cannot be read" in lifecycle_page(places).log


def test_periods_are_those_in_which_a_version_was_live(places: LifecyclePlaces) -> None:
    first, second = _bundle(places, "a"), _bundle(places, "b")
    promote(places.artifacts, first, author=ANA)
    promote(places.artifacts, second, author=ANA)
    rollback(places.artifacts, author=ANA)
    entries = read_history(places.artifacts)
    moves = [entry.at for entry in entries if entry.action != "publish"]
    assert live_periods(entries, first) == [(moves[0], moves[1]), (moves[2], None)]
    assert live_periods(entries, second) == [(moves[1], moves[2])]


def test_a_card_says_what_became_of_its_bundle(places: LifecyclePlaces) -> None:
    snapshot = take(SnapshotStore.beside(places.artifacts))
    version = _bundle(places, "one", snapshot.digest)
    bundle = open_bundle(places.artifacts / version)
    alone = f"\n## In use\n- Training data: snapshot `{snapshot.digest}`, there.\n"
    assert card_of_use(bundle, places.monitoring) == alone
    promote(places.artifacts, version, author=ANA)
    _looked(places, "2026-11-01", version)
    _looked(places, "2026-11-02", "another")
    live = LiveVersion(version, 40, "2026-10-01", "2026-10-31")
    keep_bias_verdict(
        places.monitoring, BiasReport("demo", 9, 9, "2026-10-01", "2026-10-31", "others", (live,), (), (), 20)
    )
    said = card_of_use(bundle, places.monitoring)
    since = read_history(places.artifacts)[-1].at
    assert f"- Live: since {since}.\n- Monitoring: alarm on 2026-11-01, of 2026-11.\n- Bias: insufficient on 2" in said
    (places.artifacts / "history.jsonl").write_text("x\n")
    assert "- Live: not known, the record's chain is broken." in card_of_use(bundle, places.monitoring)
    assert card_of_use(open_bundle(places.artifacts / _alone(places)), places.monitoring.with_name("none")) == ""


def _alone(places: LifecyclePlaces) -> str:
    (places.artifacts / "history.jsonl").unlink()
    return write_bundle(places.artifacts, info={}, write=lambda folder: folder.joinpath("n").write_text("x")).version


def test_a_line_of_just_the_width_is_whole_and_a_longer_one_says_that_it_is_cut() -> None:
    for length, ending in ((69, "xx"), (70, "...")):
        line = LifecyclePage(None, None, None, None, (), "x" * length, ()).lines()[5]
        assert (len(line), line.endswith(ending)) == (80, True)


def test_waits_fill_what_the_ten_lines_leave() -> None:
    def told(*waits: str, live: bool = False) -> list[str]:
        said = dict.fromkeys(("version", "since", "why", "entry", "snapshot", "data", "gate")) | {"evidence": {}}
        one = {**said, "snapshot": "7" * 64} if live else None
        lines = LifecyclePage(one, one, None, None, (), "", waits).lines()
        assert len(lines) <= 10
        return [line[11:] for line in lines[lines.index(next(x for x in lines if x.startswith("waits"))) :]]

    assert told() == ["nothing"]
    assert told("a", "b", "c", "d") == ["a", "b", "c", "d"]
    assert told("a", "b", "c", "d", "e") == ["a", "b", "c", "2 more: --json"]
    assert told("a", live=True) == ["a"]
    assert told("a", "b", live=True) == ["a (+1: --json)"]


def test_a_long_name_is_cut_to_the_width() -> None:
    page = LifecyclePage(None, None, None, None, (), "x" * 99, ("y" * 99, "z"))
    assert max(map(len, page.lines())) == 80
