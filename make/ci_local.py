"""Run every matrix cell of the workflow on this machine, so that the workflow is known to work.

`make ci-local` runs all jobs in order, `make ci-local JOBS="check image"` those named, `JOBS=--list` prints the cells.
A cell gets an environment of its Python (`.venv-3.12`), the variables the workflow gives it, and GitHub's shell
(`bash -e -o pipefail`). `actions/checkout` is this work tree, `actions/setup-python` an installed interpreter that
uv finds. Any other action, key or expression is an error here, never skipped: what cannot run is not known to work.

What a runner has and this machine lacks (an interpreter, a container engine, promtool) is named before anything runs,
with the jobs that can do without. Exit codes: 0 every chosen cell succeeded, 1 one failed, 2 nothing was run.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

__all__ = ["Cell", "WorkflowError", "cells_of", "main", "run_cell"]

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "ci-mlops.yml"
SHELL = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c"]
KNOWN_KEYS = {
    "workflow": {"name", True, "permissions", "concurrency", "defaults", "jobs"},  # YAML 1.1 reads `on` as True
    "job": {"name", "runs-on", "timeout-minutes", "permissions", "strategy", "env", "if", "needs", "steps"},
    "strategy": {"fail-fast", "matrix"},
    "step": {"name", "uses", "with", "env", "run"},
}
# What an outer make hands on would override the cell's own settings.
FOREIGN = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "JOBS", "RESULTS", "PROJECT", "KIND", "VENV", "PYTHON")


class WorkflowError(Exception):
    """The workflow holds something this script cannot run as GitHub would, or this machine lacks what it needs."""


@dataclass(frozen=True)
class Cell:
    """One job with one combination of its matrix: what GitHub would start one runner for."""

    job: str
    matrix: Mapping[str, str]
    python: str | None
    steps: Sequence[Mapping[str, Any]]
    environment: Mapping[str, str]
    needs: Sequence[str]
    always: bool
    minutes: float

    @property
    def label(self) -> str:
        """Name of the job and the values of its matrix, as `test (PlanRec, 3.12)`."""
        return f"{self.job} ({', '.join(self.matrix.values())})" if self.matrix else self.job


def cells_of(path: Path) -> list[Cell]:
    """Return the cells of a workflow file, in the order of its jobs.

    Raises
    ------
    WorkflowError
        If a job uses an action, a matrix form or an expression that cannot be run here.
    """
    workflow = cast(dict[str, Any], yaml.safe_load(path.read_text(encoding="utf-8")))
    _refuse_unknown("workflow", path.name, workflow)
    return [cell for name, job in workflow["jobs"].items() for cell in _cells_of_job(name, job)]


def _cells_of_job(name: str, job: Mapping[str, Any]) -> list[Cell]:
    _refuse_unknown("job", name, job)
    _refuse_unknown("strategy", name, job.get("strategy", {}))
    matrix: dict[str, list[Any]] = job.get("strategy", {}).get("matrix", {})
    if {"include", "exclude"} & matrix.keys():
        raise WorkflowError(f"job {name}: include/exclude of a matrix is not understood; write the lists out")
    if job.get("if", "always()") != "always()":
        raise WorkflowError(f"job {name}: condition {job['if']!r} is not understood; only always() is")
    needs = job.get("needs", [])
    cells: list[Cell] = []
    for values in itertools.product(*matrix.values()):
        chosen = {key: str(value) for key, value in zip(matrix, values, strict=True)}
        cell = Cell(
            job=name,
            matrix=chosen,
            python=_python_of(name, job["steps"], chosen),
            steps=[step for step in job["steps"] if "run" in step],
            environment=_evaluated(job.get("env", {}), chosen, {}),
            needs=[needs] if isinstance(needs, str) else needs,
            always="if" in job,
            minutes=float(job.get("timeout-minutes", 360)),
        )
        _dry_run(cell)
        cells.append(cell)
    return cells


def _refuse_unknown(kind: str, name: str, part: Mapping[Any, Any]) -> None:
    if unknown := part.keys() - KNOWN_KEYS[kind]:
        raise WorkflowError(f"{kind} {name}: {sorted(map(str, unknown))} cannot be run here; use a make target")


def _python_of(name: str, steps: Sequence[Mapping[str, Any]], matrix: Mapping[str, str]) -> str | None:
    """Refuse actions that mean nothing here; return the version that setup-python is asked for."""
    python = None
    for step in steps:
        _refuse_unknown("step", f"of job {name}", step)
        action = step.get("uses", "").split("@")[0]
        if action == "actions/setup-python":
            python = _evaluate(str(step["with"]["python-version"]), matrix, {})
        elif action not in ("", "actions/checkout"):
            raise WorkflowError(f"job {name}: action {action} cannot run here; use a make target")
    return python


def _dry_run(cell: Cell) -> None:
    """Find expressions that are not understood before anything runs."""
    for step in cell.steps:
        _evaluate(step["run"], cell.matrix, {})
        _evaluated(step.get("env", {}), cell.matrix, {})


def _evaluated(values: Mapping[str, Any], matrix: Mapping[str, str], results: Mapping[str, str]) -> dict[str, str]:
    return {key: _evaluate(str(value), matrix, results) for key, value in values.items()}


def _evaluate(text: str, matrix: Mapping[str, str], results: Mapping[str, str]) -> str:
    """Fill in `${{ matrix.x }}` and `${{ join(needs.*.result, ' ') }}`."""

    def value(match: re.Match[str]) -> str:
        expression = match[1].strip()
        if expression == "join(needs.*.result, ' ')":
            return " ".join(results.values())
        name = expression.removeprefix("matrix.")
        if name == expression or name not in matrix:
            raise WorkflowError(f"expression {expression!r} is not understood; teach make/ci_local.py to evaluate it")
        return matrix[name]

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


def run_cell(cell: Cell, results: Mapping[str, str], folder: Path) -> bool:
    """Run the `run:` steps of a cell in a folder until one fails; return whether all succeeded.

    Parameters
    ----------
    cell : Cell
        From `cells_of`.
    results : mapping
        Job name to result ("success", "failure", "skipped"), of the jobs the cell needs.
    folder : path
        Where the steps run.
    """
    environment = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    environment |= {"CI": "true", **cell.environment}
    if cell.python is not None:
        environment |= {"PYTHON": _interpreter(cell.python), "VENV": str(folder / f".venv-{cell.python}")}
    started = time.monotonic()
    for step in cell.steps:
        command = [*SHELL, _evaluate(step["run"], cell.matrix, results)]
        environment_of_step = environment | _evaluated(step.get("env", {}), cell.matrix, results)
        done = subprocess.run(command, cwd=folder, env=environment_of_step, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            print(f"{cell.label}: `{step['run'].strip()}` ended with {done.returncode}", file=sys.stderr)
            return False
    if (took := (time.monotonic() - started) / 60) > cell.minutes:
        print(f"{cell.label}: took {took:.0f} minutes, its limit is {cell.minutes:g}", file=sys.stderr)
        return False
    return True


def _interpreter(version: str) -> str:
    """Return the path of an installed Python of this version."""
    found = subprocess.run(
        [os.environ.get("UV", "uv"), "python", "find", "--no-project", version],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode != 0:
        raise WorkflowError(f"Python {version}, which uv does not find; install it, for example with pyenv")
    return found.stdout.strip()


def _engine() -> str | None:
    """Return what to do where no container engine answers."""
    engine = os.environ.get("ENGINE", "docker")
    if shutil.which(engine) and subprocess.run([engine, "info"], capture_output=True, check=False).returncode == 0:
        return None
    return f"a container engine, and {engine!r} does not answer; start it, or name another: make ci-local ENGINE=podman"


def _promtool() -> str | None:
    """Return what to do where promtool is not installed."""
    return None if shutil.which("promtool") else "promtool; on Debian: apt-get install prometheus"


# What a make target needs beside Python and the package index.
NEEDS: Mapping[str, Callable[[], str | None]] = {"make image-try": _engine, "make alerts": _promtool}


def _refuse_missing(cells: Sequence[Cell], chosen: Sequence[str]) -> None:
    """Say what the chosen jobs need and this machine lacks, before any of them runs."""
    lacking: dict[str, list[str]] = {}
    for cell in (cell for cell in cells if cell.job in chosen):
        for asked in (NEEDS[step["run"].strip()] for step in cell.steps if step["run"].strip() in NEEDS):
            if (what := asked()) and what not in lacking.setdefault(cell.job, []):
                lacking[cell.job].append(what)
        if cell.python is not None:
            try:
                _interpreter(cell.python)
            except WorkflowError as error:
                lacking.setdefault(cell.job, []).append(str(error))
    lacking = {job: list(dict.fromkeys(what)) for job, what in lacking.items() if what}
    if not lacking:
        return
    said = "\n".join(f"  job {job} needs {one}" for job, needs in lacking.items() for one in needs)
    gates = {cell.job for cell in cells if cell.always}
    able = [job for job in dict.fromkeys(cell.job for cell in cells) if job in chosen and job not in {*lacking, *gates}]
    rest = f'Without them: make ci-local JOBS="{" ".join(able)}"' if able else "No other job is left to run"
    raise WorkflowError(f"nothing was run, because something is missing here:\n{said}\n{rest}")


def _run(cells: Sequence[Cell], chosen: Sequence[str], folder: Path) -> bool:
    """Run the chosen jobs' cells, print how each ended, return whether all succeeded."""
    results: dict[str, str] = {}
    lines: list[str] = []
    for cell in cells:
        if cell.job not in chosen:
            lines.append(f"not run  {cell.label}: not among JOBS")
            continue
        # GitHub counts a needed job that did not run as skipped, and skips what needs it; so does this.
        needed = {job: results.get(job, "skipped") for job in cell.needs}
        if not cell.always and set(needed.values()) - {"success"}:
            results[cell.job] = "skipped"
            lines.append(f"skipped  {cell.label}: it needs {needed}")
            continue
        print(f"=== {cell.label}", flush=True)
        started = time.monotonic()
        outcome = "success" if run_cell(cell, needed, folder) else "failure"
        # One failed cell fails its job, whatever the others do.
        results[cell.job] = "failure" if results.get(cell.job) == "failure" else outcome
        lines.append(f"{outcome:<8} {cell.label}: {time.monotonic() - started:.0f} s")
    print("\n".join(["", *lines]))
    return set(results.values()) == {"success"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cells, or list them; return the exit code."""
    parser = argparse.ArgumentParser(description="Run every matrix cell of the workflow on this machine.")
    parser.add_argument("jobs", nargs="*", help="names of the jobs to run; without any, all")
    parser.add_argument("--list", action="store_true", help="print the cells and what each runs")
    parser.add_argument("--workflow", type=Path, default=WORKFLOW)
    parser.add_argument("--folder", type=Path, default=ROOT, help="where the steps run")
    options = parser.parse_args(arguments)
    try:
        cells = cells_of(options.workflow)
        known = list(dict.fromkeys(cell.job for cell in cells))
        if unknown := sorted(set(options.jobs) - set(known)):
            raise WorkflowError(f"no such job(s): {unknown}; the workflow has {known}")
        if options.list:
            print("\n".join(f"{cell.label}: {'; '.join(step['run'].strip() for step in cell.steps)}" for cell in cells))
            return 0
        chosen = options.jobs or known
        _refuse_missing(cells, chosen)
        return 0 if _run(cells, chosen, options.folder) else 1
    except WorkflowError as error:
        print(f"ci-local: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
