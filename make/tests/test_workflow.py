"""The workflow as a document: pinned, least rights, make targets only, one gate over all jobs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_documents import make_targets
from members import MEMBERS, PROJECTS

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / ".github" / "workflows" / "ci-mlops.yml"
WORKFLOW: dict[Any, Any] = yaml.safe_load(PATH.read_text())
JOBS: dict[str, Any] = WORKFLOW["jobs"]
HOOKS = [
    hook for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"] for hook in repo["hooks"]
]


def test_matrix_is_every_member_on_every_supported_python():
    matrix = JOBS["test"]["strategy"]
    assert matrix["fail-fast"] is False
    assert matrix["matrix"] == {"project": list(MEMBERS), "python": ["3.11", "3.12", "3.13"]}
    assert JOBS["image"]["strategy"]["matrix"] == {"project": list(PROJECTS), "kind": ["service", "jobs"]}


@pytest.mark.parametrize("job", JOBS)
def test_a_step_is_an_action_or_one_make_target(job: str):
    for step in JOBS[job]["steps"]:
        if "run" in step:
            call = re.fullmatch(r"make ([\w-]+)", step["run"])
            assert call is not None, step["run"]
            assert call[1] in make_targets(ROOT)
        assert not {"continue-on-error", "if"} & step.keys()


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_a_limit_and_may_only_read(job: str):
    assert WORKFLOW["permissions"] == {}
    assert JOBS[job]["permissions"] == {"contents": "read"}
    assert 0 < JOBS[job]["timeout-minutes"] <= 30
    assert "continue-on-error" not in JOBS[job]


def test_actions_are_pinned_by_commit_and_say_their_version():
    used = re.findall(r"uses: (.*)", PATH.read_text())
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in used)


def test_checkout_leaves_no_credentials():
    checkouts = [step for job in JOBS.values() for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert len(checkouts) == len(JOBS)
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_gate_runs_always_and_needs_every_other_job():
    assert JOBS["gate"]["if"] == "always()"
    assert set(JOBS["gate"]["needs"]) == set(JOBS) - {"gate"}


OTHERS = [path for path in sorted(PATH.parent.glob("*.yml")) if path != PATH]


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_other_workflows_are_held_to_the_same_rules(path: Path):
    text = path.read_text()
    document = yaml.safe_load(text)
    assert document["permissions"] == {}
    actions = re.findall(r"uses: (.*)", text)
    assert set(actions) <= set(re.findall(r"uses: (.*)", PATH.read_text()))
    for job in document["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert 0 < job["timeout-minutes"] <= 30
        calls = [step["run"] for step in job["steps"] if "run" in step]
        assert all(call.removeprefix("make ") in make_targets(ROOT) for call in calls)


def test_the_audit_runs_weekly_and_a_tag_pushes_every_image():
    audit, images = (yaml.safe_load((PATH.parent / f"{name}.yml").read_text()) for name in ("audit", "images"))
    (schedule,) = audit[True]["schedule"]
    assert schedule["cron"].split()[-1] == "1"
    assert images[True] == {"push": {"tags": ["v*"]}}
    assert images["jobs"]["push"]["strategy"]["matrix"] == JOBS["image"]["strategy"]["matrix"]
    recipe = (ROOT / "make" / "image.mk").read_text()
    assert {"--provenance=mode=max", "--sbom=true"} <= set(recipe.split())


def test_the_bot_sees_every_lock_and_every_image():
    proposed = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    folders = {one["package-ecosystem"]: set(one.get("directories", [one.get("directory")])) for one in proposed}
    projects = {f"/{project}" for project in PROJECTS}
    assert folders["docker"] == {*projects, "/infra/jobs", "/infra/mlflow"}
    assert folders["pip"] >= {"/", "/infra/mlflow", *projects}
    locks = [path for place in (ROOT, *(ROOT / p for p in PROJECTS)) for path in place.glob("requirements*")]
    assert {path.suffix for path in locks} == {".txt"}
    assert len(locks) == 1 + 3 * len(PROJECTS)


def test_commit_hooks_call_make_targets_only():
    assert {hook["stages"][0] if "stages" in hook else "pre-commit" for hook in HOOKS} == {"pre-commit", "pre-push"}
    for hook in HOOKS:
        assert hook["entry"] == f"make {hook['id']}"
        assert hook["id"] in make_targets(ROOT)
