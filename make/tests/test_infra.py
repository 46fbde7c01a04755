"""What runs the services in production asks for keys, and watches only what they really export."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace
from typing import Any

import kubernetes_validate
import pytest
import yaml
from members import MEMBERS

from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.keys import load_keys as open_keys
from common_utils.monitoring.beside import DEFAULT_PORT
from common_utils.monitoring.config import MonitoringConfig
from common_utils.monitoring.exporter import metrics_text, write_verdicts
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.jobs import job_folder, write_success
from common_utils.releases.config import ReleaseConfig, load_trust
from common_utils.serving.config import AccessConfig, ServiceConfig
from common_utils.serving.decisions.events import LogPlace
from common_utils.serving.guards.access import load_keys
from common_utils.serving.metrics import ServiceMetrics
from common_utils.serving.model_slot import ModelSlot

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
SERVICES = ("planrec", "bankchurn", "carvision", "telecom")
BESIDE = ("shipper", "verdicts")  # jobs: test_jobs.py


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


render = loaded(INFRA / "kubernetes" / "render.py")
make_secrets = loaded(INFRA / "make_secrets.py").make_secrets


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((INFRA / "compose.yaml").read_text())["services"]


def told() -> set[str]:
    """Names the exporter of verdicts tells once a monitor and a job have run."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "verdicts.json"
        write_verdicts(path, "planrec", "2025-10", [Finding("rows", "", "alarm", 0, 9, None, 0, "No rows.")])
        write_success(job_folder(path.parent) / "retention.json", "planrec")
        return set(re.findall(r"^(\w+)(?:\{| )", metrics_text(path).decode(), re.MULTILINE))


def exported() -> set[str]:
    """Names a service exports after an answer, a load and a refusal."""
    slot: ModelSlot[Any] = ModelSlot()
    slot.load(lambda: SimpleNamespace(version="v1"), probe=lambda _: None)

    def broken() -> SimpleNamespace:
        raise ValueError

    slot.load(broken, probe=lambda _: None)
    metrics = ServiceMetrics(slot)
    place: LogPlace[Any] = LogPlace()
    place.sink = SimpleNamespace(unlogged={"full": 1}, journal_bytes=0)
    metrics.add(place.collector())
    metrics.observe("/predict", "POST", 200, 0.01)
    return set(re.findall(r"^(\w+)(?:\{| )", metrics.text().decode(), re.MULTILINE))


def asked(expression: str) -> set[str]:
    """Names of the metrics an expression looks at."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\b(?:by|on) \([^)]*\)|\[[^\]]*\]', " ", expression)
    functions = {"max", "sum", "rate", "increase", "histogram_quantile", "by", "and", "or", "on", "time", "unless"}
    return {name for name in re.findall(r"[a-z_]{2,}", bare) if name not in functions | {"label_replace"}}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((INFRA / "prometheus" / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return json.loads((INFRA / "grafana" / "services.json").read_text())["panels"]


def test_no_alert_watches_a_metric_that_is_never_exported() -> None:
    there = exported() | told() | {"up"}
    for rule in rules():
        assert asked(rule["expr"]) <= there, rule["alert"]
    assert asked("rate(invented_total[5m]) / sum by (project) (up)") == {"invented_total", "up"}


def test_every_panel_shows_metrics_that_are_exported() -> None:
    there = exported()
    for panel in panels():
        for target in panel["targets"]:
            assert target["expr"]
            assert asked(target["expr"]) <= there, panel["title"]


def test_every_alert_says_what_to_do_and_is_tried() -> None:
    tried = (INFRA / "prometheus" / "rules_test.yml").read_text()
    for rule in rules():
        assert {"summary", "action"} == set(rule["annotations"])
        assert f"alertname: {rule['alert']}" in tried


def test_the_alerts_fire_when_they_must() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; on Debian: apt-get install prometheus")
    for command in (["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]):
        done = subprocess.run(
            [promtool, *command], cwd=INFRA / "prometheus", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_a_composed_service_asks_for_keys_and_can_write_its_journal_and_counts_alone(
    compose: dict[str, Any], name: str
) -> None:
    service, prefix = compose[name], f"{name.upper()}__"
    said = service["environment"]
    assert said[f"{prefix}SERVING__ACCESS__KEYS"] == "required"
    assert said[f"{prefix}RELEASES__SIGNATURES"] == "required"
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    writable = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
    assert writable == [f"{name}_journal:/var/decisions/journal", f"{name}_monitoring:/var/monitoring"]
    assert said[f"{prefix}MONITORING__FOLDER"] == "/var/monitoring"
    assert said[f"{prefix}DECISIONS__JOURNAL"] == "/var/decisions/journal"
    assert not [one for one in said if one.endswith("DECISIONS__URL")]  # the service knows no store
    assert [port.rpartition(":")[2] for port in service["ports"]] == ["8000"]  # and not the administrator's


@pytest.mark.parametrize("name", SERVICES)
def test_a_shipper_stands_beside_each_service_and_alone_holds_the_store(compose: dict[str, Any], name: str) -> None:
    service, shipper, prefix = compose[name], compose[f"{name}-shipper"], f"{name.upper()}__"
    assert shipper["image"] == service["image"]
    assert shipper["command"] == ["python", "-m", "app", "ship"]
    assert (shipper["read_only"], shipper["cap_drop"], shipper["network_mode"]) == (True, ["ALL"], "none")
    assert shipper["volumes"] == [f"{name}_journal:/var/decisions/journal", f"{name}_store:/var/decisions/store"]
    said = shipper["environment"]
    assert said[f"{prefix}DECISIONS__JOURNAL"] == service["environment"][f"{prefix}DECISIONS__JOURNAL"]
    DecisionsConfig(url=said[f"{prefix}DECISIONS__URL"])
    assert "secrets" not in shipper  # neither API keys nor those behind the digests


@pytest.mark.parametrize("name", SERVICES)
def test_an_exporter_serves_the_verdicts_of_each_and_can_write_nothing(compose: dict[str, Any], name: str) -> None:
    service, exporter, prefix = compose[name], compose[f"{name}-verdicts"], f"{name.upper()}__"
    assert exporter["image"] == service["image"]
    assert exporter["command"][:4] == ["python", "-m", "app", "export"]
    assert (exporter["read_only"], exporter["cap_drop"]) == (True, ["ALL"])
    assert exporter["volumes"] == [f"{name}_monitoring:/var/monitoring:ro"]
    assert exporter["environment"] == {f"{prefix}MONITORING__FOLDER": "/var/monitoring"}
    assert not {"secrets", "ports"} & exporter.keys()


def test_mlflow_is_a_profile_of_its_own_and_nothing_needs_it(compose: dict[str, Any]) -> None:
    mlflow = compose["mlflow"]
    assert (mlflow["profiles"], mlflow["read_only"], mlflow["cap_drop"]) == (["mlflow"], True, ["ALL"])
    assert all(port.startswith("127.0.0.1:") for port in mlflow["ports"])  # it knows no users
    assert not any("mlflow" in str(one) for name, one in compose.items() if name != "mlflow")
    recipe = (INFRA / "mlflow" / "Dockerfile").read_text(encoding="utf-8")
    assert "MLFLOW_DISABLE_TELEMETRY=true" in recipe
    assert re.search(r"^USER 10001:10001$", recipe, re.MULTILINE)


def test_every_state_of_a_verdict_has_an_alert_with_a_runbook() -> None:
    found = {rule["alert"]: rule["annotations"]["action"] for rule in rules() if "monitor" in rule["expr"]}
    assert set(found) == {
        "DriftAlarm", "DataQualityAlarm", "MonitorInsufficient", "MonitorDidNotRun", "VerdictsUnreadable", "JobLate",
    }  # fmt: skip
    for action in found.values():
        (runbook,) = re.findall(r"docs/runbooks/\w+\.md", action)
        assert (ROOT / runbook).is_file()


def test_every_project_is_composed_scraped_and_rendered(compose: dict[str, Any]) -> None:
    scraped, verdicts = yaml.safe_load((INFRA / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    asked_for = {target for group in verdicts["static_configs"] for target in group["targets"]}
    assert asked_for == {f"{name}-verdicts:{DEFAULT_PORT}" for name in SERVICES}
    targets = {target for group in scraped["static_configs"] for target in group["targets"]}
    assert targets == {f"{name}:9000" for name in SERVICES}
    assert scraped["authorization"] == {"credentials_file": "/run/secrets/scrape_key"}
    assert (
        set(SERVICES)
        == set(render.PROJECTS)
        == {name for name, one in compose.items() if "profiles" not in one}
        - {"prometheus", "grafana"}
        - {f"{name}-{beside}" for name in SERVICES for beside in BESIDE}
    )
    assert {service["image"].partition(":")[0] for name, service in compose.items() if name in SERVICES} == {
        member.lower() for member in MEMBERS if member != "common_utils"
    }


def test_the_settings_of_the_environment_are_settings_that_there_are(compose: dict[str, Any]) -> None:
    manifest = next(yaml.safe_load_all(render.rendered("planrec", "planrec:1", "models")))
    pod = manifest["spec"]["template"]["spec"]
    entries = [entry for one in (*pod["containers"], *pod["initContainers"]) for entry in one["env"]]
    names = {entry["name"] for entry in entries} - {"PGPASSWORD"}  # libpq's own
    names |= set(compose["planrec"]["environment"]) | set(compose["planrec-shipper"]["environment"])
    known = {f"SERVING__{name.upper()}" for name in ServiceConfig.model_fields}
    known |= {f"SERVING__ACCESS__{name.upper()}" for name in AccessConfig.model_fields}
    known |= {f"RELEASES__{name.upper()}" for name in ReleaseConfig.model_fields}
    known |= {f"DECISIONS__{name.upper()}" for name in DecisionsConfig.model_fields}
    known |= {f"MONITORING__{name.upper()}" for name in MonitoringConfig.model_fields}
    assert {name.removeprefix("PLANREC__") for name in names} <= known


@pytest.mark.parametrize("name", SERVICES)
def test_the_manifests_are_valid_and_closed(name: str) -> None:
    documents = list(yaml.safe_load_all(render.rendered(name, f"{name}:1.0", "models")))
    for document in documents:
        kubernetes_validate.validate(document, "1.33", strict=True)
    pod = documents[0]["spec"]["template"]["spec"]
    (container,), (shipper,) = pod["containers"], pod["initContainers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    for one in (container, shipper):
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert shipper["restartPolicy"] == "Always"  # beside the service, not before it
    volumes = {one["mountPath"]: one["name"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert volumes == {"/tmp": "tmp", "/var/decisions/journal": "decisions", "/var/monitoring": "monitoring"}  # noqa: S108
    exporter = documents[4]["spec"]["template"]["spec"]["containers"][0]
    assert exporter["securityContext"] == container["securityContext"]
    assert [one["readOnly"] for one in exporter["volumeMounts"]] == [True]
    assert [one["metadata"]["name"] for one in documents[0]["spec"]["volumeClaimTemplates"]] == ["decisions"]
    assert [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")] == ["/health", "/ready"]
    assert {"name": f"{name.upper()}__SERVING__ACCESS__KEYS", "value": "required"} in container["env"]


def test_a_manifest_with_a_misspelt_key_is_refused() -> None:
    text = render.rendered("planrec", "planrec:1.0", "models").replace("readOnlyRootFilesystem", "readonlyRoot")
    with pytest.raises(kubernetes_validate.ValidationError, match="readonlyRoot"):
        kubernetes_validate.validate(next(yaml.safe_load_all(text)), "1.33", strict=True)


def test_render_prints_what_kubectl_takes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["render.py", "telecom", "--image", "telecom:1.0", "--artifacts", "models"])
    assert render.main() == 0
    assert [d["kind"] for d in yaml.safe_load_all(capsys.readouterr().out)] == [
        "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment", "Service", "NetworkPolicy",
    ]  # fmt: skip


def test_a_rendered_shipper_takes_another_store_and_image() -> None:
    url = "postgresql://decisions@decisions-database/decisions"
    text = render.rendered("planrec", "planrec:1", "models", shipper="planrec-shipper:1", decisions=url)
    pod = next(yaml.safe_load_all(text))["spec"]["template"]["spec"]
    (container,), (shipper,) = pod["containers"], pod["initContainers"]
    assert (shipper["image"], container["image"]) == ("planrec-shipper:1", "planrec:1")
    assert {"name": "PLANREC__DECISIONS__URL", "value": url} in shipper["env"]
    assert url not in str(container)


def test_secrets_are_made_once_and_open_the_services(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = make_secrets(folder)
    keys = load_keys(AccessConfig(keys="required", key_file=folder / "service_keys"), tmp_path, environ={})
    assert {key.name: key.role for key in keys} == {"client": "predict", "prometheus": "admin"}
    assert {key.digest for key in keys} == {hashlib.sha256(key.encode()).digest() for key in made.values()}
    assert (folder / "scrape_key").read_text() == made["prometheus"]
    load_trust(ReleaseConfig(signatures="required", key_file=folder / "bundle_keys"), tmp_path, environ={})
    assert open_keys(DecisionsConfig(key_file=folder / "decision_keys"), tmp_path, environ={}).current.name == "k1"
    assert folder.stat().st_mode & 0o077 == 0
    assert make_secrets(folder) == {}


def test_secrets_are_never_committed() -> None:
    ignored = subprocess.run(["git", "check-ignore", "-q", "infra/secrets/service_keys"], cwd=ROOT, check=False)
    assert ignored.returncode == 0


@pytest.mark.parametrize("project", SERVICES)
def test_a_pod_ends_after_it_was_withdrawn_and_has_drained(project: str) -> None:
    deployment = next(yaml.safe_load_all(render.rendered(project, "image:1", "claim")))
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    waited = float(re.search(r"sleep\((\d+)\)", command[-1])[1])  # type: ignore[index]
    variables = {one["name"]: one["value"] for one in container["env"]}
    drain = float(variables[f"{project.upper()}__SERVING__DRAIN_SECONDS"])
    probe = container["readinessProbe"]
    assert drain > probe["periodSeconds"] * probe["failureThreshold"]
    longest = ServiceConfig().limits.deadline_seconds + 5
    assert pod["terminationGracePeriodSeconds"] > waited + drain + longest


def test_images_leave_out_what_services_do_not_use() -> None:
    for member in MEMBERS:
        if (ROOT / member / "Dockerfile").is_file():
            lock = (ROOT / member / "requirements.txt").read_text(encoding="utf-8")
            names = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
            assert {"uvicorn", "httptools", "uvloop"} <= names
            assert not {"websockets", "watchfiles", "python-dotenv"} & names


def test_base_images_are_named_where_the_bot_reads_them_and_the_health_check_follows_the_settings() -> None:
    for path in (*ROOT.glob("*/Dockerfile"), *(INFRA / name / "Dockerfile" for name in ("jobs", "mlflow"))):
        text = path.read_text(encoding="utf-8")
        assert "\nFROM python:3.12-slim AS base\n" in text
        assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"python:3.12-slim", "${BASE}"}
        assert path.is_relative_to(INFRA) or 'CMD ["python", "-m", "app", "health"]' in text
