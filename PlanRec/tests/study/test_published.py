"""The published run: seeds that follow from the commit, a log that only grows, answers the figures stand for."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from common_utils.bundle import Bundle
from common_utils.config import dump_config
from common_utils.errors import ArtifactError, ConfigError, DataError
from planrec.bundle import PlanRecBundle
from planrec.commands.requests import SettingsCommand, StudyCommand
from planrec.commands.run.published import PublishedRun
from planrec.commands.run.study import truths_of
from planrec.config import PlanRecConfig
from planrec.study.answered import SMALL_RUN, answers_digest, libraries
from planrec.study.promises import Promise
from planrec.study.published import DEVELOPMENT_SEEDS, RUNS_FILE, RunLog, clean_commit, published_seeds

ONE, OTHER = "1" * 40, "2" * 40
ASKED = {"seeds": [7, 8], "truths": ["logit"], "subscribers": 500, "digest": "d"}
REQUEST = StudyCommand(SettingsCommand(None), output=None, as_json=False, published=3)
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def test_seeds_follow_from_the_commit_alone() -> None:
    first = published_seeds(ONE, 10)
    assert published_seeds(ONE, 4) == first[:4]
    assert len(set(first)) == 10
    assert not set(first) & set(published_seeds(OTHER, 10))
    assert all(0 <= seed < 2**32 and seed not in DEVELOPMENT_SEEDS for seed in first)
    # By hand: the first eight bytes of a sha256, modulo 2**32.
    import hashlib

    digest = hashlib.sha256(f"planrec study {ONE} 0".encode()).hexdigest()
    assert first[0] == int(digest[:16], 16) % 2**32


def test_a_log_only_grows_and_keeps_failed_runs(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "runs.json")
    assert log.runs() == []
    assert log.last_finished() is None
    log.begin(ONE, ASKED)
    log.end(ONE, "failed", ASKED, {"error": "no data"})
    before = log.path.read_text(encoding="utf-8")
    log.begin(ONE, ASKED)
    log.end(ONE, "finished", ASKED, {"answers": "abc"})
    after = log.path.read_text(encoding="utf-8")
    assert after.startswith(before.removesuffix("\n]\n"))
    assert [run.state for run in log.runs()] == ["begun", "failed", "begun", "finished"]
    finished = log.last_finished()
    assert finished is not None
    assert finished.found == {"answers": "abc"}


def test_an_interrupted_run_goes_on_and_a_finished_one_is_not_repeated(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "runs.json")
    log.begin(ONE, ASKED)
    log.begin(ONE, ASKED)
    assert len(log.runs()) == 1
    log.begin(ONE, {**ASKED, "subscribers": 900})  # other questions are another run
    assert len(log.runs()) == 2
    log.end(ONE, "finished", ASKED, {})
    with pytest.raises(ConfigError, match=r"commit 111111111111 was measured already, and is measured once"):
        log.begin(ONE, ASKED)
    log.begin(OTHER, ASKED)


@pytest.mark.parametrize("text", ["{", "{}", '[{"commit": "1"}]', "[1]"])
def test_a_damaged_log_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "runs.json"
    path.write_text(text if text != "{}" else '{"a": 1}', encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"cannot be read .*take the committed file back"):
        RunLog(path).runs()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository whose project has a log and a document."""

    def git(*words: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    project = tmp_path / "project"
    (project / "docs").mkdir(parents=True)
    for name in ("docs/study_runs.json", "docs/promises.md", "code.py"):
        (project / name).write_text("[]\n", encoding="utf-8")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    return project


@needs_git
def test_a_published_run_measures_a_clean_commit_and_writes_itself_down(clone: Path) -> None:
    run = PublishedRun.of(REQUEST, 3, clone)
    assert run.request.seeds == ",".join(map(str, published_seeds(run.commit, 3)))
    assert run.request.output == clone / "docs/promises.md"
    with pytest.raises(DataError, match="too little"), run.written_down(ASKED):
        raise DataError("too little")
    (clone / "docs/promises.md").write_text("half\n", encoding="utf-8")  # its own outputs make no commit dirty
    again = PublishedRun.of(REQUEST, 3, clone)
    assert again.commit == run.commit
    with again.written_down(ASKED):
        pass
    lines = json.loads((clone / RUNS_FILE).read_text(encoding="utf-8"))
    assert [(line["commit"], line["state"]) for line in lines] == [
        (run.commit, state) for state in ("begun", "failed", "begun")
    ]
    assert lines[1]["found"] == {"error": "too little"}
    (clone / "code.py").write_text("changed\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="tracked files were changed since the last commit"):
        PublishedRun.of(REQUEST, 3, clone)


@needs_git
def test_a_published_run_says_what_it_reached(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from planrec.commands.run import published

    monkeypatch.setattr(published, "small_run_digest", lambda _project, _step: "digest")
    run = PublishedRun.of(REQUEST, 3, clone)
    lines = [Promise("a", "logit", "1", "", "", "goal"), Promise("b", "habit", "0", "1", "", "NO")]
    with run.written_down(ASKED):
        run.finish(ASKED, lines, lambda _: None)
    last = run.log.last_finished()
    assert last is not None
    assert last.found["reached"] == {"NO": 1, "goal": 1}
    assert last.found["missed"] == ["b (habit)"]
    assert (last.found["answers"], last.asked) == ("digest", ASKED)


@needs_git
@pytest.mark.parametrize(
    ("request_", "said"),
    [
        pytest.param(replace(REQUEST, seeds="1,2"), "--seeds", id="seeds"),
        pytest.param(replace(REQUEST, operator=Path("mine.yaml")), "--operator", id="operator"),
        pytest.param(replace(REQUEST, settings=SettingsCommand(None, ("training.seed=1",))), "--set", id="set"),
        pytest.param(replace(REQUEST, settings=SettingsCommand(Path("my.yaml"))), "--config", id="config"),
    ],
)
def test_a_published_run_chooses_nothing(clone: Path, request_: StudyCommand, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"--published: cannot be combined with {said}: it measures the shipped"):
        PublishedRun.of(request_, 3, clone)


def test_no_git_no_published_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="no commit to measure"):
        clean_commit(tmp_path, aside=[])


def test_truths_are_named_each_once() -> None:
    assert truths_of("habit, logit") == ("habit", "logit")
    for text in ("habbit", "logit,logit", "", "logit,"):
        with pytest.raises(ConfigError, match=r"--truths: .*does not name different ones of logit, satisficing, habit"):
            truths_of(text)


@pytest.fixture(scope="module")
def opened(bundle: Bundle) -> PlanRecBundle:
    return PlanRecBundle.open(bundle.path)


def test_figures_stand_while_500_subscribers_are_answered_the_same(
    opened: PlanRecBundle, project_folder: Path, small: tuple[str, ...]
) -> None:
    """A change of answers means a new published run: `planrec study --published N` in a clean clone."""
    assert {*SMALL_RUN} == {
        one for one in small if not one.startswith("tracking.")
    }  # the bundle of these tests is the one that the run trains
    found = answers_digest(opened, project_folder)
    last = RunLog(project_folder / RUNS_FILE).last_finished()
    if last is None:
        return  # nothing is published yet
    if last.found["libraries"] != libraries():
        pytest.skip(
            f"the published answers are of other libraries: {last.found['libraries']}; install those to compare"
        )
    assert found == last.found["answers"]


def test_the_digest_tells_one_other_answer(opened: PlanRecBundle, project_folder: Path) -> None:
    usual = answers_digest(opened, project_folder)
    assert answers_digest(opened, project_folder) == usual
    gain = opened.rules.minimum_gain.model_copy(update={"advice_cents": 500})
    assert answers_digest(WithRules(opened, gain_rules(opened, gain)), project_folder) != usual  # type: ignore[arg-type]


def gain_rules(opened: PlanRecBundle, gain: object) -> object:
    return opened.rules.model_copy(update={"minimum_gain": gain})


class WithRules:
    """A bundle with other rules."""

    def __init__(self, opened: PlanRecBundle, rules: object) -> None:
        self.opened, self.rules = opened, rules

    def __getattr__(self, name: str) -> object:
        return getattr(self.opened, name)


def test_one_seed_is_a_study_whose_bundles_open(settings: PlanRecConfig) -> None:
    """A bundle's settings are read back: what `--seeds 1` makes of them must be valid."""
    study = settings.evaluation.study.model_copy(update={"seeds": (1,)})
    evaluation = settings.evaluation.model_copy(update={"study": study})
    written = dump_config(settings.model_copy(update={"evaluation": evaluation}))
    assert PlanRecConfig.model_validate(yaml.safe_load(written)).evaluation.study.seeds == (1,)
