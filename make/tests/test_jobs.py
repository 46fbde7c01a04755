"""Scheduled jobs: one table, and CronJobs, Compose, crontab, alerts and command lines that agree with it."""

from __future__ import annotations

import importlib
import itertools
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import render
import typer
import yaml
from members import PROJECTS
from pydantic import BaseModel
from scheduled import JOBS, ScheduledJob, jobs_of

from common_utils.decision_log.config import DecisionsConfig
from common_utils.lifecycle.config import LifecycleConfig
from common_utils.monitoring.config import MonitoringConfig
from common_utils.monitoring.jobs import RAN_TO_ITS_END, check_success_file, job_folder
from common_utils.releases.config import ReleaseConfig
from common_utils.tracking.config import TrackingConfig
from planrec.config import load_planrec_config

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
STORE = "postgresql://decisions@decisions-database/decisions"
EVERY = [pytest.param(name, job, id=f"{name}-{job.name}") for name in render.PROJECTS for job in jobs_of(name)]


@cache
def cron_jobs(project: str) -> dict[str, dict[str, Any]]:
    """The CronJobs of a project, by the name of the job."""
    text = render.rendered(project, f"{project}:1", "models", decisions=STORE, jobs=f"{project}-jobs:1")
    found = [one for one in yaml.safe_load_all(text) if one["kind"] == "CronJob"]
    return {one["metadata"]["labels"]["app.kubernetes.io/component"]: one for one in found}


def pod_of(cron_job: dict[str, Any]) -> dict[str, Any]:
    return cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    services = yaml.safe_load((INFRA / "compose.yaml").read_text())["services"]
    return {name: one for name, one in services.items() if one.get("profiles") == ["jobs"]}


def test_notices_are_planrec_s_alone_and_every_project_has_all_other_jobs() -> None:
    names = {project: {job.name for job in jobs_of(project)} for project in render.PROJECTS}
    assert {job.name for job in JOBS} == names["planrec"]
    assert all(names[project] == names["planrec"] - {"notices"} for project in ("bankchurn", "carvision", "telecom"))
    assert names["planrec"] >= {"outcomes", "retention", "monitor", "retrain", "bias", "notices"}


@pytest.mark.parametrize(("project", "job"), EVERY)
def test_a_job_is_a_command_of_its_project_with_options_that_there_are(
    project: str, job: ScheduledJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / project
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    command = pod_of(cron_jobs(project)[job.name])["containers"][0]["command"]
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert not [word for word in words if re.search(r"[$()]", word)]  # the shell filled in the day
    assert (words[0], Path(words[1]).parent) == ("--success-file", job_folder(Path("/var/monitoring")))
    check_success_file(Path(words[1]))
    assert Path(words[1]).stem == job.name
    line = typer.main.get_command(importlib.import_module(f"{project}.cli").app)
    leaf, at = line, 2
    while at < len(words) and words[at] in getattr(leaf, "commands", {}):
        leaf, at = leaf.commands[words[at]], at + 1  # type: ignore[attr-defined]
    begun: list[dict[str, Any]] = []
    monkeypatch.setattr(leaf, "callback", lambda *_, **given: begun.append(given))
    line.main(words, standalone_mode=False)
    assert len(begun) == 1


@pytest.mark.parametrize("project", render.PROJECTS)
def test_a_cron_job_is_valid_and_runs_what_the_table_says(project: str) -> None:
    found = cron_jobs(project)
    assert list(found) == [job.name for job in jobs_of(project)]
    for job in jobs_of(project):
        document = found[job.name]
        kubernetes_validate.validate(document, "1.33", strict=True)
        spec = document["spec"]
        assert (spec["schedule"], spec["timeZone"]) == (job.schedule, "Etc/UTC")
        assert spec["concurrencyPolicy"] == "Forbid"
        (container,) = pod_of(document)["containers"]
        assert container["image"] == f"{project}-jobs:1"
        assert container["command"] == ["sh", "-c", f"exec {job.command(project)}"]
        assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == job.seconds
        assert spec["startingDeadlineSeconds"] + job.seconds < job.late_after  # late is told of what did not succeed
        assert spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] >= 86_400  # the log is there when somebody looks


@pytest.mark.parametrize(("project", "job"), EVERY)
def test_an_answer_is_not_tried_again_and_a_failure_is(project: str, job: ScheduledJob) -> None:
    spec = cron_jobs(project)[job.name]["spec"]["jobTemplate"]["spec"]
    assert spec["backoffLimit"] == 2
    assert spec["template"]["spec"]["restartPolicy"] == "Never"  # without it a policy of failures is refused
    answer, disruption = spec["podFailurePolicy"]["rules"]
    codes = answer["onExitCodes"]
    assert (answer["action"], codes["operator"]) == ("FailJob", "In")
    assert codes["containerName"] == spec["template"]["spec"]["containers"][0]["name"]
    assert set(codes["values"]) == (RAN_TO_ITS_END - {0}) | {2}
    assert not {1, 3, 4} & set(codes["values"])
    assert (disruption["action"], disruption["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")


@pytest.mark.parametrize(("project", "job"), EVERY)
def test_a_pod_of_a_job_is_closed_and_holds_no_key_of_a_client(project: str, job: ScheduledJob) -> None:
    pod = pod_of(cron_jobs(project)[job.name])
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} == set(container["resources"]["limits"]) == set(container["resources"]["requests"])
    assert not {"livenessProbe", "readinessProbe", "startupProbe", "ports"} & set(container)
    mounts = {one["mountPath"]: one.get("readOnly", False) for one in container["volumeMounts"]}
    assert mounts == {
        **({"/app/artifacts-data": False} if job.writes_artifacts else {}),
        "/tmp": False,  # noqa: S108
        "/app/artifacts": not job.writes_artifacts,
        "/run/keys": True,
        "/var/monitoring": False,
        "/var/files/incoming": True,
        "/var/files/outgoing": False,
    }
    (keys,) = (one["secret"]["items"] for one in pod["volumes"] if one["name"] == "keys")
    assert {one["key"] for one in keys} == {"bundle_keys", "decision_keys"}


@pytest.mark.parametrize("project", render.PROJECTS)
def test_every_claim_that_a_pod_mounts_stands_in_the_table_of_claims(project: str) -> None:
    artifacts = f"{project}-artifacts"
    text = render.rendered(project, "service:1", artifacts, decisions=STORE, jobs="jobs:1")
    readme = (INFRA / "README.md").read_text().replace("`planrec-", f"`{project}-")
    told = dict(re.findall(r"^\| `([\w-]+)` \|[^|]*\| (Read\w+) \|", readme, re.MULTILINE))
    assert set(re.findall(r"claimName: ([\w-]+)", text)) == set(told)
    assert told.pop(f"{project}-snapshots") == "ReadWriteOnce"  # of one job, which never runs twice at a time
    assert set(told.values()) == {"ReadWriteMany"}


def test_every_file_that_a_job_reads_or_writes_stands_in_the_table_of_jobs() -> None:
    row = r"^\| `([\w ]+)`[^|]*\|[^|]*\|[^|]*\|([^|]*)\|([^|]*)\|$"
    rows = re.findall(row, (INFRA / "README.md").read_text(), re.MULTILINE)
    assert len(rows) == len(JOBS)
    for project in render.PROJECTS:
        for job in jobs_of(project):
            reads, writes = next(told for name, *told in rows if job.words.startswith(name))
            assert set(re.findall(r"/var/files/incoming/([\w.]+)", job.words)) <= set(re.findall(r"`([\w.]+)`", reads))
            assert ("/var/files/outgoing/" in job.words) is bool(writes.strip())


def test_jobs_reach_the_database_alone() -> None:
    text = render.rendered("planrec", "planrec:1", "models", decisions=STORE, jobs="jobs:1")
    policy = list(yaml.safe_load_all(text))[-1]
    kubernetes_validate.validate(policy, "1.33", strict=True)
    assert policy["spec"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "planrec-jobs"}
    assert policy["spec"]["ingress"] == []
    assert [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]] == [5432, 53, 53]


def test_without_an_image_there_are_no_jobs_and_a_file_of_one_replica_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "CronJob" not in render.rendered("planrec", "planrec:1", "models", decisions=STORE)
    words = ["render.py", "telecom", "--image", "telecom:1", "--artifacts", "models", "--jobs", "telecom-jobs:1"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit, match="2"):
        render.main()
    assert "give --decisions postgresql://" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", [*words, "--decisions", STORE, "--files", "exchange"])
    assert render.main() == 0
    printed = capsys.readouterr().out
    assert printed.count("kind: CronJob") == len(list(jobs_of("telecom")))
    assert "claimName: exchange" in printed


def test_compose_runs_the_same_jobs_as_closed(compose: dict[str, Any]) -> None:
    assert set(compose) == {f"{name}-{job.name}" for name in render.PROJECTS for job in jobs_of(name)}
    images = dict(zip(render.PROJECTS, PROJECTS, strict=True))
    for name in render.PROJECTS:
        for job in jobs_of(name):
            one = compose[f"{name}-{job.name}"]
            assert one["image"] == f"{images[name].lower()}-jobs:local"
            assert one["command"] == ["sh", "-c", f"exec {job.command(name)}".replace("$", "$$")]
            assert (one["read_only"], one["cap_drop"], one["network_mode"]) == (True, ["ALL"], "none")
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", one["user"])
            assert one["secrets"] == ["bundle_keys", "decision_keys"]
            assert not {"ports", "expose", "healthcheck"} & set(one)
            artifacts = f"../{images[name]}/artifacts:/app/artifacts" + ("" if job.writes_artifacts else ":ro")
            assert one["volumes"][0] == artifacts
            assert ("artifacts-data" in str(one["volumes"])) is job.writes_artifacts
            assert f"{name}_monitoring:/var/monitoring" in one["volumes"]  # which the exporter reads


def test_the_settings_of_a_job_s_environment_are_settings_that_there_are(compose: dict[str, Any]) -> None:
    (container,) = pod_of(cron_jobs("planrec")["monitor"])["containers"]
    names = {entry["name"] for entry in container["env"]} - {"PGPASSWORD", "RELEASE_WHO"}
    known = {
        f"PLANREC__{section}__{name.upper()}"
        for section, settings in (
            ("RELEASES", ReleaseConfig),
            ("DECISIONS", DecisionsConfig),
            ("LIFECYCLE", LifecycleConfig),
            ("MONITORING", MonitoringConfig),
            ("TRACKING", TrackingConfig),
        )
        for name in settings.model_fields
    }
    assert names == set(compose["planrec-monitor"]["environment"])
    assert names <= known


WRITTEN = {
    "training.artifacts", "decisions.journal", "monitoring.folder", "tracking.folder", "lifecycle.folder",
}  # fmt: skip
READ = {
    "data.folder", "data.file", "simulator_file", "rules", "serving.rules", "serving.access.key_file",
    "releases.key_file", "decisions.key_file",
    "data.simulator.plans", "data.megaline.plans", "data.table.plans",
}  # fmt: skip
APP = Path("/app")  # where jobs run: what a relative path counts from


def paths_of(settings: BaseModel, before: str = "") -> Iterator[tuple[str, Path | None]]:
    """Every setting that is a path, by its key."""
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from paths_of(value, f"{before}{name}.")
        elif "Path" in str(field.annotation):
            yield f"{before}{name}", value


def mounts_of_compose(service: dict[str, Any]) -> dict[Path, bool]:
    """Where a service has a volume, and whether it may write there."""
    fields = [volume.split(":") for volume in service["volumes"]]
    mounts = {Path(target): rest != ["ro"] for _, target, *rest in fields}
    return mounts | {Path(one.partition(":")[0]): True for one in service["tmpfs"]}


def mounts_of_pod(pod: dict[str, Any]) -> dict[Path, bool]:
    return {Path(one["mountPath"]): not one.get("readOnly", False) for one in pod["containers"][0]["volumeMounts"]}


def may_write(path: Path, mounts: dict[Path, bool]) -> bool:
    """Whether the volume that a path lies on, the innermost one, is there and writable."""
    inside = [mount for mount in mounts if path.is_relative_to(mount)]
    return bool(inside) and mounts[max(inside, key=lambda mount: len(mount.parts))]


@pytest.mark.parametrize(("project", "job"), EVERY)
@pytest.mark.parametrize("place", ["compose", "kubernetes"])
def test_every_folder_that_a_job_writes_lies_on_a_volume_that_it_may_write(
    place: str, project: str, job: ScheduledJob, compose: dict[str, Any]
) -> None:
    if place == "compose":
        service = compose[f"{project}-{job.name}"]
        environment, mounts = dict(service["environment"]), mounts_of_compose(service)
    else:
        pod = pod_of(cron_jobs(project)[job.name])
        environment = {one["name"]: one.get("value", "") for one in pod["containers"][0]["env"]}
        mounts = mounts_of_pod(pod)
    spec = importlib.import_module(f"{project}.config").SPEC
    folder = ROOT / dict(zip(render.PROJECTS, PROJECTS, strict=True))[project]
    settings = (
        spec.load(folder, environ=environment)
        if project != "planrec"
        else load_planrec_config(folder, environ=environment)
    )
    paths = dict(paths_of(settings))
    assert paths.keys() >= WRITTEN
    assert paths.keys() <= WRITTEN | READ  # a new path: say here whether jobs write it
    written = {name: APP / str(paths[name]) for name in WRITTEN}
    written["snapshots"] = written["training.artifacts"].with_name("artifacts-data")
    if settings.decisions.url.startswith("sqlite:///"):
        written["decisions.url"] = APP / settings.decisions.url.removeprefix("sqlite:///")
    words = shlex.split(job.command(project))
    given = {option: Path(word) for option, word in itertools.pairwise(words) if word.startswith("/var/")}
    written |= {option: path for option, path in given.items() if option in ("--success-file", "--output")}
    if not job.writes_artifacts:
        del written["training.artifacts"], written["snapshots"]
    assert {name: path for name, path in written.items() if not may_write(path, mounts)} == {}
    assert all(any(path.is_relative_to(mount) for mount in mounts) for path in given.values())


def test_the_crontab_has_the_hours_and_the_projects_of_the_table() -> None:
    lines = [line for line in (INFRA / "jobs.crontab").read_text().splitlines() if re.match(r"[\d*]", line)]
    seen = {}
    for line in lines:
        found = re.fullmatch(
            r"((?:\S+ ){4}\S+) cd .* in ([\w ]+); do flock -n \S+-(\w+)\" \S+ \$name-(\w+); done", line
        )
        assert found is not None, line
        assert found[3] == found[4]
        assert "%" not in line  # cron makes a new line of it
        seen[found[3]] = (found[1], tuple(found[2].split()))
    assert seen == {job.name: (job.schedule, job.projects or render.PROJECTS) for job in JOBS}


def test_each_job_has_an_alert_after_its_time_with_a_runbook_that_names_it() -> None:
    groups = yaml.safe_load((INFRA / "prometheus" / "rules.yml").read_text())["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    late = rules["JobLate"]
    pattern = r'up\{job="monitors"(?:, watched="(\w+)")?\}.*\{name="(\w+)"\} < (\d+)\), "name", "(\w+)", "", ""\)$'
    found = {
        name: (int(seconds), watched) for watched, name, seconds, told in _lines(pattern, late["expr"]) if name == told
    }
    assert found == {
        job.name: (job.late_after, "".join(job.projects)) for job in JOBS if job.name != "monitor"
    }  # of all projects where none is named
    (monitor,) = (job for job in JOBS if job.name == "monitor")
    hours = re.search(r"> (\d+) \* 3600", rules["MonitorDidNotRun"]["expr"])
    assert hours is not None
    assert int(hours[1]) * 3600 == monitor.late_after
    assert late["annotations"]["action"].endswith("docs/runbooks/job_late.md.")
    listed = re.findall(
        r"^\| (\w+)(?: \(\w+\))? \| ", (ROOT / "docs" / "runbooks" / "job_late.md").read_text(), re.MULTILINE
    )
    assert listed[1:] == [job.name for job in JOBS]


def _lines(pattern: str, text: str) -> list[tuple[str, ...]]:
    lines = text.splitlines()
    found = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == len(lines)
    return found


@pytest.mark.parametrize("job", [job for job in JOBS if job.schedule.split()[1] != "*"], ids=lambda job: job.name)
def test_a_daily_job_is_late_after_26_hours_and_others_after_their_time_and_a_day(job: ScheduledJob) -> None:
    _, _, day_of_month, _, day_of_week = job.schedule.split()
    longest = 31 if day_of_month != "*" else 7 if day_of_week != "*" else 1
    assert longest * 86_400 < job.late_after <= (longest + 2) * 86_400
    assert longest > 1 or job.late_after == 26 * 3_600
