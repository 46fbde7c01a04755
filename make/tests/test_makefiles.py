"""The commands: help lists them all, and each fails when one of its steps fails."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
from check_documents import make_targets
from members import MEMBERS, PROJECTS
from named import command_lines

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT, *(ROOT / member for member in MEMBERS)]
CHECK_TOOLS = ["ruff", "lint-imports", "pyright", "check-jsonschema", "zizmor", "pre-commit", "python"]


@pytest.fixture
def toolbox(tmp_path: Path) -> dict[str, str]:
    """An environment of stand-ins: every tool writes down its call, and fails where FAIL matches it."""
    stand_in = (
        "#!/bin/bash\n"
        f'call="${{PWD#{ROOT}}}: ${{0##*/}} $*"; echo "$call" >> "{tmp_path}/calls"\n'
        '[ -z "$FAIL" ] || [[ ! "$call" =~ $FAIL ]]\n'
    )
    for path in [*(tmp_path / "venv" / "bin" / tool for tool in CHECK_TOOLS), tmp_path / "tools" / "bin" / "uv"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stand_in)
        path.chmod(0o755)
    (tmp_path / "venv" / ".setup-done").touch()
    return {"VENV": str(tmp_path / "venv"), "TOOLS": str(tmp_path / "tools"), "FAIL": ""}


def _calls(toolbox: dict[str, str]) -> list[str]:
    return (Path(toolbox["VENV"]).parent / "calls").read_text().splitlines()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_help_lists_every_target_and_every_target_has_a_line(run, folder: Path):
    listed = {
        line.split()[0]: line.split(maxsplit=1)[1] for line in run("make", "help", cwd=folder).stdout.splitlines()
    }
    assert set(listed) == make_targets(folder)
    assert "help" in listed


def test_a_bare_make_shows_the_help(run):
    assert run("make").stdout == run("make", "help").stdout


def test_check_runs_every_tool_on_every_member(run, toolbox):
    assert run("make", "check", **toolbox).returncode == 0
    calls = "\n".join(_calls(toolbox))
    for tool in CHECK_TOOLS:
        assert re.search(rf": {tool} ", calls), f"make check never calls {tool}"
    for member in MEMBERS:
        assert f"/{member}: pyright" in calls
    for project in PROJECTS:
        assert f"/{project}: lint-imports" in calls


@pytest.mark.parametrize(
    "broken",
    [
        "ruff check",
        "ruff format",
        *(f"/{member}: pyright" for member in MEMBERS),
        "^: pyright",
        "^: lint-imports",
        *(f"/{project}: lint-imports" for project in PROJECTS),
        "vendor.github-workflows",
        "require-timeout",
        "vendor.dependabot",
        "zizmor",
        "pre-commit",
        "check_documents",
    ],
)
def test_check_fails_when_a_step_fails(run, toolbox, broken: str):
    done = run("make", "check", **toolbox | {"FAIL": broken})
    assert done.returncode != 0, done.stdout


@pytest.mark.parametrize("broken", [f"{folder}: python -m pytest" for folder in (*(f"/{m}" for m in MEMBERS), "^")])
def test_test_all_fails_when_one_member_fails(run, toolbox, broken: str):
    done = run("make", "test-all", **toolbox | {"FAIL": broken})
    assert done.returncode != 0, done.stdout


def test_test_all_tests_the_repository_and_every_member_with_the_gate(run, toolbox):
    assert run("make", "test-all", **toolbox).returncode == 0
    calls = _calls(toolbox)
    assert [call.split(":")[0] for call in calls] == ["", *(f"/{member}" for member in MEMBERS)]
    assert all("--cov-fail-under=90" in call and "--cov-config=" in call for call in calls[1:])


def test_tests_use_all_cores_with_one_thread_a_worker_and_the_last_word_is_the_caller_s(run, toolbox):
    for folder in FOLDERS:
        recipe = run("make", "-n", "test-repository" if folder == ROOT else "test", cwd=folder, **toolbox).stdout
        assert "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1" in recipe
    assert run("make", "test-all", PYTEST_ARGS="-n0 -k rater", **toolbox).returncode == 0
    assert all(re.search(r" -n auto .*-n0 -k rater$", call) for call in _calls(toolbox))


def test_an_image_is_built_on_the_base_its_dockerfile_names_unless_told_otherwise(run, toolbox):
    # podman does not find a stage by an argument, so the base is always said.
    for folder in (ROOT / project for project in PROJECTS):
        assert "--build-arg BASE=python:3.12-slim " in run("make", "-n", "image", cwd=folder, **toolbox).stdout
        pinned = run("make", "-n", "image", "BASE=python:3.12-slim@sha256:0a", cwd=folder, **toolbox).stdout
        assert "--build-arg BASE=python:3.12-slim@sha256:0a " in pinned


def test_random_order_tells_its_seed_and_takes_one(run, toolbox):
    done = run("make", "test-random", "PYTEST_ARGS=-q", **toolbox)
    seed = re.search(r"random order of SEED=(\d+)$", done.stdout, re.MULTILINE)
    assert seed is not None
    assert len(_calls(toolbox)) == 1 + len(MEMBERS)
    assert all(call.endswith(f"--random-order-seed={seed[1]} -q") for call in _calls(toolbox))
    done = run("make", "test-random", "SEED=7", **toolbox | {"FAIL": "PlanRec: .*--random-order-seed=7 *$"})
    assert done.returncode != 0
    assert "failed in the random order of SEED=7" in done.stdout


@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("target", ["test", "types", "contracts"])
def test_member_targets_fail_when_their_step_fails(run, toolbox, target: str, project: str):
    assert run("make", target, cwd=ROOT / project, **toolbox).returncode == 0
    assert run("make", target, cwd=ROOT / project, **toolbox | {"FAIL": "."}).returncode != 0


@pytest.mark.parametrize("broken", ["src app", "make/layout.py"])
def test_types_of_all_folders_fail_when_one_folder_fails(run, toolbox, broken: str):
    assert run("make", "types", **toolbox).returncode == 0
    assert run("make", "types", **toolbox | {"FAIL": broken}).returncode != 0


@pytest.mark.parametrize("project", PROJECTS)
def test_a_target_named_like_a_command_runs_that_command(run, toolbox, project: str):
    (script,) = tomllib.loads((ROOT / project / "pyproject.toml").read_text())["project"]["scripts"]
    commands = command_lines(ROOT)[script]
    shared = make_targets(ROOT / project) & set(commands)
    assert {"train", "evaluate", "serve", "card"} <= shared
    for target in shared:
        recipe = run("make", "-n", target, cwd=ROOT / project, **toolbox).stdout
        assert re.findall(rf'/{script}"? ([a-z]+)', recipe) == [target], recipe


def test_no_recipe_swallows_a_failure():
    for path in [*ROOT.glob("make/*.mk"), *(folder / "Makefile" for folder in FOLDERS)]:
        for line in path.read_text().splitlines():
            swallows = re.search(r"\|\|\s*(?:true|:|echo)\b|;\s*true\b", line) or re.match(r"\t[@+]*-", line)
            assert swallows is None, f"{path.name}: {line}"


@pytest.mark.parametrize(
    ("results", "ends_well"),
    [
        pytest.param("success success", True, id="all-succeeded"),
        pytest.param("success failure", False, id="one-failed"),
        pytest.param("skipped success", False, id="one-skipped"),
        pytest.param("cancelled", False, id="cancelled"),
        pytest.param("", False, id="nothing-ran"),
    ],
)
def test_gate_passes_only_where_every_job_succeeded(run, results: str, ends_well: bool):
    assert (run("make", "gate", RESULTS=results).returncode == 0) is ends_well


def test_the_path_of_real_tables_is_made_absolute(run, tmp_path: Path):
    show = tmp_path / "Makefile"
    show.write_text(f'include {ROOT}/make/setup.mk\nshow:\n\t@echo "[$${{PORTFOLIO_DATA-unset}}]"\n')
    assert run("make", "show", cwd=tmp_path, PORTFOLIO_DATA="tables").stdout.strip() == f"[{tmp_path}/tables]"
    assert run("make", "show", cwd=tmp_path, PORTFOLIO_DATA="").stdout.strip() == "[]"


def test_a_folder_with_a_space_is_refused_in_words(run, tmp_path: Path):
    folder = tmp_path / "two words"
    folder.mkdir()
    (folder / "Makefile").write_text(f"include {ROOT}/make/setup.mk\n")
    done = run("make", "help", cwd=folder)
    assert done.returncode != 0
    assert "path holds a space" in done.stdout


def test_set_up_stops_in_words_without_a_python(run, tmp_path: Path):
    done = run("make", "setup", "PYTHON=", f"VENV={tmp_path / 'venv'}", f"TOOLS={tmp_path / 'tools'}")
    assert done.returncode != 0
    assert "Python >= 3.11 not found" in done.stdout


@pytest.mark.parametrize("script", [".ci/run", "make/test_install.sh", "make/try_image.sh"])
def test_shell_scripts_parse_can_be_run_and_stop_at_the_first_failure(run, script: str):
    assert run("bash", "-n", ROOT / script).returncode == 0
    assert os.access(ROOT / script, os.X_OK)
    assert "set -euo pipefail" in (ROOT / script).read_text()


@pytest.mark.parametrize("broken", ["test-all", "check", "test-install"])
def test_ci_run_fails_when_one_target_fails(run, tmp_path: Path, broken: str):
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_bytes((ROOT / ".ci" / "run").read_bytes())
    (tmp_path / "Makefile").write_text(f"test-all check test-install:\n\t@echo ran $@; test $@ != {broken}\n")
    done = run("bash", ".ci/run", cwd=tmp_path)
    assert done.returncode == 1
    assert f"ci: FAILED in make {broken}" in done.stdout
    assert "ci: passed" not in done.stdout


def test_ci_run_runs_all_three_and_says_so(run, tmp_path: Path):
    (tmp_path / "checkout" / ".ci").mkdir(parents=True)
    (tmp_path / "shared" / "data").mkdir(parents=True)
    (tmp_path / "checkout" / ".ci" / "run").write_bytes((ROOT / ".ci" / "run").read_bytes())
    (tmp_path / "checkout" / "Makefile").write_text(
        "test-all check test-install:\n\t@echo ran $@ on $$PORTFOLIO_DATA\n"
    )
    done = run("env", "-u", "PORTFOLIO_DATA", "bash", "checkout/.ci/run", cwd=tmp_path)
    assert done.returncode == 0
    for target in ("test-all", "check", "test-install"):
        assert f"ran {target} on {tmp_path}/shared/data" in done.stdout
    assert "ci: passed" in done.stdout.splitlines()[-1]
