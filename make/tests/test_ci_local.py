"""The local run of the workflow: every cell, its variables, and red where a step is red."""

from __future__ import annotations

from pathlib import Path

import pytest
from ci_local import WORKFLOW, WorkflowError, cells_of, main
from members import MEMBERS, PROJECTS

TINY = """
jobs:
  test:
    strategy:
      fail-fast: false
      matrix:
        project: [one, two]
        letter: [a, b]
    env:
      PROJECT: ${{ matrix.project }}
    steps:
      - uses: actions/checkout@0123
      - run: echo "$PROJECT-${{ matrix.letter }}-$CI" >> seen
      - run: |
          TEST
  late:
    needs: test
    steps:
      - run: touch late
  gate:
    if: always()
    needs: [test, late]
    steps:
      - env:
          RESULTS: ${{ join(needs.*.result, ' ') }}
        run: echo "$RESULTS" > results; [ "$RESULTS" = "success success" ]
"""


@pytest.fixture
def tiny(tmp_path: Path):
    """Write the tiny workflow with one step's command filled in; return how to run it."""

    def run(step: str, *arguments: str, **replace: str) -> int:
        text = TINY.replace("TEST", step)
        for old, new in replace.items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "tiny.yml"
        path.write_text(text)
        return main(["--workflow", str(path), "--folder", str(tmp_path), *arguments])

    return run


def test_every_cell_runs_with_its_own_variables(tiny, tmp_path: Path):
    assert tiny('test -z "${MAKEFLAGS:-}"') == 0
    assert (tmp_path / "seen").read_text().split() == ["one-a-true", "one-b-true", "two-a-true", "two-b-true"]
    assert (tmp_path / "late").exists()


def test_a_red_step_turns_the_run_red_but_the_other_cells_still_run(tiny, tmp_path: Path, capfd):
    assert tiny('test "$PROJECT" = two') == 1
    assert len((tmp_path / "seen").read_text().split()) == 4
    assert (tmp_path / "results").read_text().strip() == "failure skipped"
    assert not (tmp_path / "late").exists()
    output = capfd.readouterr()
    assert "failure  test (one, a)" in output.out
    assert "success  test (two, b)" in output.out
    assert "skipped  late" in output.out
    assert "failure  gate" in output.out


def test_a_failure_inside_a_pipe_is_seen(tiny):
    assert tiny("false | cat") == 1


def test_a_later_success_does_not_cover_an_earlier_failure_of_the_job(tiny, tmp_path: Path):
    assert tiny('test "$PROJECT-${{ matrix.letter }}" != one-a', "test", "gate") == 1
    assert (tmp_path / "results").read_text().strip() == "failure skipped"


def test_only_the_named_jobs_run_and_the_others_are_named(tiny, tmp_path: Path, capfd):
    assert tiny("true", "test") == 0
    assert "not run  gate" in capfd.readouterr().out
    assert not (tmp_path / "results").exists()


def test_an_unknown_job_is_an_error(tiny, capsys):
    assert tiny("true", "tset") == 2
    assert "no such job(s): ['tset']; the workflow has ['test', 'late', 'gate']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "${{ matrix.letter }}", "${{ github.sha }}", r"expression 'github.sha' is not understood", id="expression"
        ),
        pytest.param("actions/checkout@", "actions/cache@", r"action actions/cache cannot run here", id="action"),
        pytest.param("if: always()", "if: failure()", r"condition 'failure\(\)' is not understood", id="condition"),
        pytest.param(
            "      - run: touch", "      - shell: sh\n        run: touch", r"\['shell'\] cannot be run", id="step-key"
        ),
        pytest.param("    needs: test", "    container: x", r"job late: \['container'\] cannot be run", id="job-key"),
        pytest.param(
            "        letter: [a, b]", "        include: [{letter: a}]", r"include/exclude", id="matrix-include"
        ),
        pytest.param(
            "      fail-fast: false", "      max-parallel: 1", r"\['max-parallel'\] cannot", id="strategy-key"
        ),
        pytest.param("jobs:", "env: {A: b}\njobs:", r"\['env'\] cannot be run here", id="workflow-key"),
    ],
)
def test_what_cannot_run_here_is_refused_before_anything_runs(tmp_path: Path, old: str, new: str, message: str):
    assert old in TINY
    path = tmp_path / "tiny.yml"
    path.write_text(TINY.replace("TEST", "true").replace(old, new))
    with pytest.raises(WorkflowError, match=message):
        cells_of(path)


@pytest.mark.parametrize(
    ("step", "wants"),
    [
        pytest.param("make image-try", "a container engine, and 'no-such-engine' does not answer", id="engine"),
        pytest.param("make alerts", "promtool; on Debian: apt-get install prometheus", id="promtool"),
    ],
)
def test_a_tool_that_is_missing_is_named_before_anything_runs_with_the_jobs_that_can_do_without(
    tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd, step: str, wants: str
):
    monkeypatch.setenv("ENGINE", "no-such-engine")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tiny("true", **{"touch late": step}) == 2
    said = capfd.readouterr().err
    assert "nothing was run" in said
    assert f"job late needs {wants}" in said
    assert 'Without them: make ci-local JOBS="test"' in said
    assert not (tmp_path / "seen").exists()


def test_a_tool_is_not_asked_for_by_jobs_that_do_without(tiny, monkeypatch: pytest.MonkeyPatch, capfd):
    monkeypatch.setenv("ENGINE", "no-such-engine")
    assert tiny("true", "test", **{"touch late": "make image-try"}) == 0
    assert "not run  late: not among JOBS" in capfd.readouterr().out


def test_an_engine_that_answers_is_enough(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("engine", "make"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/asked\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("ENGINE", str(tmp_path / "engine"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert tiny("true", "test", "late", **{"touch late": "make image-try"}) == 0
    assert (tmp_path / "asked").read_text().split("\n")[:2] == ["engine info", "make image-try"]


def test_a_python_that_is_missing_is_named_before_anything_runs(tiny, tmp_path: Path, capfd, monkeypatch):
    monkeypatch.setenv("UV", "false")
    setup = "actions/setup-python@0\n        with: {python-version: '3.99'}\n      - run: echo"
    assert tiny("true", **{"actions/checkout@0123\n      - run: echo": setup}) == 2
    assert capfd.readouterr().err.count("job test needs Python 3.99, which uv does not find") == 1
    assert not (tmp_path / "seen").exists()


def test_a_cell_over_its_limit_is_red(tiny, capfd):
    assert tiny("sleep 0.1", "late", **{"    needs: test": "    timeout-minutes: 0.00001"}) == 1
    assert "its limit is 1e-05" in capfd.readouterr().err


def test_the_repository_s_workflow_lists_every_cell(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(cells_of(WORKFLOW)) == 3 * len(MEMBERS) + 2 * len(PROJECTS) + 3
    assert lines[4] == "test (PlanRec, 3.12): make test"
    assert lines[-1] == "gate: make gate"


def test_setup_python_gives_the_cell_its_version():
    versions = {cell.label: cell.python for cell in cells_of(WORKFLOW)}
    assert versions["test (common_utils, 3.13)"] == "3.13"
    assert versions["check"] == "3.12"
    assert versions["gate"] is None
