"""As much of MLflow's REST interface as a sync asks for, in memory and in a thread, with faults on demand.

The real server is asked by PlanRec/scripts/lifecycle_check_tracking.py; here stands what a test can afford.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

__all__ = ["FakeMlflow", "fake_mlflow"]

Json = dict[str, Any]
_TAG = re.compile(r"tags\.`(?P<key>[^`]+)` = '(?P<value>[^']*)'")
_NAME = re.compile(r"name = '(?P<name>[^']*)'")
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
_API = re.compile(r"/api/[0-9.]+/mlflow/(?P<what>.+)")


@dataclass
class FakeMlflow:
    """What the server holds, and how it fails.

    Attributes
    ----------
    uri : str
    experiments : dict of str to str
        Id by name.
    runs : dict of str to dict
        By id: info, tags, params, metrics.
    models : dict of str to dict
        By name: versions by number, aliases.
    files : dict of str to bytes
        By path.
    heard : list of str
        Everything that was received, as text.
    asked : int
        Requests so far.
    fail : callable
        Told the number of a request, from 1; `"before"` answers 500 and does nothing, `"after"` does it and answers
        500, None answers.
    """

    uri: str = ""
    experiments: dict[str, str] = field(default_factory=dict[str, str])
    runs: dict[str, Json] = field(default_factory=dict[str, Json])
    models: dict[str, Json] = field(default_factory=dict[str, Json])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    heard: list[str] = field(default_factory=list[str])
    asked: int = 0
    fail: Callable[[int], str | None] = lambda _: None

    def alias(self, model: str, name: str) -> str | None:
        """Return the tag `bundle_version` of what an alias names; None where there is no such alias."""
        number = self.models.get(model, {"aliases": {}})["aliases"].get(name)
        return None if number is None else self.models[model]["versions"][number]["tags"]["bundle_version"]

    def answer(self, method: str, path: str, said: Json) -> tuple[int, Json]:
        """Do what a request asks, and return its status and body."""
        name = f"{method.lower()}_{path.replace('/', '_').replace('-', '_')}"
        found = getattr(self, name, None)
        if found is None:
            return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": f"{method} {path}"}
        return found(said)

    def get_experiments_get_by_name(self, said: Json) -> tuple[int, Json]:
        """Return an experiment."""
        name = said["experiment_name"]
        if name not in self.experiments:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"no experiment {name}"}
        return 200, {"experiment": self._experiment(name)}

    def post_experiments_create(self, said: Json) -> tuple[int, Json]:
        """Make an experiment, once."""
        if said["name"] in self.experiments:
            return 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "exists"}
        self.experiments[said["name"]] = str(len(self.experiments) + 1)
        return 200, {"experiment_id": self.experiments[said["name"]]}

    def post_runs_search(self, said: Json) -> tuple[int, Json]:
        """Return the runs that have a tag."""
        key, value = _tag(said["filter"])
        return 200, {"runs": [self._run(id_) for id_, run in self.runs.items() if run["tags"].get(key) == value]}

    def post_runs_create(self, said: Json) -> tuple[int, Json]:
        """Make a run, whatever there is."""
        id_ = uuid4().hex  # never one of another server: MLflow remembers where the files of a run go
        self.runs[id_] = {
            "experiment": said["experiment_id"],
            "status": "RUNNING",
            "tags": _pairs(said.get("tags", [])),
            "params": {},
            "metrics": {},
        }
        return 200, {"run": self._run(id_)}

    def get_runs_get(self, said: Json) -> tuple[int, Json]:
        """Return a run."""
        return 200, {"run": self._run(said["run_id"])}

    def post_runs_log_batch(self, said: Json) -> tuple[int, Json]:
        """Keep params, which never change, and metrics; a number sent twice is one."""
        run = self.runs[said["run_id"]]
        for name, value in _pairs(said.get("params", [])).items():
            if run["params"].setdefault(name, value) != value:
                return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": f"{name} is there already"}
        for metric in said.get("metrics", []):
            point = (metric["timestamp"], metric.get("step", 0), metric["value"])
            run["metrics"].setdefault(metric["key"], set()).add(point)
        return 200, {}

    def post_runs_set_tag(self, said: Json) -> tuple[int, Json]:
        """Keep a tag."""
        self.runs[said["run_id"]]["tags"][said["key"]] = said["value"]
        return 200, {}

    def post_runs_update(self, said: Json) -> tuple[int, Json]:
        """Keep how a run ended."""
        self.runs[said["run_id"]]["status"] = said["status"]
        return 200, {"run_info": self._run(said["run_id"])["info"]}

    def post_runs_delete(self, said: Json) -> tuple[int, Json]:
        """Take a run away."""
        del self.runs[said["run_id"]]
        return 200, {}

    def get_registered_models_search(self, said: Json) -> tuple[int, Json]:
        """Return a model by name."""
        found = _NAME.search(said["filter"])
        names = [found["name"]] if found and found["name"] in self.models else []
        return 200, {"registered_models": [{"name": name, "aliases": self._aliases(name)} for name in names]}

    def get_registered_models_get(self, said: Json) -> tuple[int, Json]:
        """Return a model that is there."""
        return 200, {"registered_model": {"name": said["name"], "aliases": self._aliases(said["name"])}}

    def post_registered_models_create(self, said: Json) -> tuple[int, Json]:
        """Make a model, once."""
        if said["name"] in self.models:
            return 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "exists"}
        self.models[said["name"]] = {"versions": {}, "aliases": {}, "made": 0}
        return 200, {"registered_model": {"name": said["name"]}}

    def get_model_versions_search(self, said: Json) -> tuple[int, Json]:
        """Return the versions that have a tag."""
        (key, value), named = _tag(said["filter"]), _NAME.search(said["filter"])
        name = named["name"] if named else ""
        versions = self.models.get(name, {"versions": {}})["versions"]
        found = [number for number, one in versions.items() if one["tags"].get(key) == value]
        return 200, {"model_versions": [self._version(name, number) for number in found]}

    def post_model_versions_create(self, said: Json) -> tuple[int, Json]:
        """Make a version, whatever there is; a local path is refused, as the real server does."""
        if said["source"].startswith(("/", "file:")):
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid model version source"}
        model = self.models[said["name"]]
        model["made"] += 1
        one = {"tags": _pairs(said.get("tags", [])), "source": said["source"], "run": said.get("run_id", "")}
        model["versions"][str(model["made"])] = one
        return 200, {"model_version": self._version(said["name"], str(model["made"]))}

    def delete_model_versions_delete(self, said: Json) -> tuple[int, Json]:
        """Take a version away."""
        del self.models[said["name"]]["versions"][said["version"]]
        return 200, {}

    def post_registered_models_alias(self, said: Json) -> tuple[int, Json]:
        """Let an alias name a version that is there."""
        model = self.models[said["name"]]
        if said["version"] not in model["versions"]:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such version"}
        model["aliases"][said["alias"]] = said["version"]
        return 200, {}

    def delete_registered_models_alias(self, said: Json) -> tuple[int, Json]:
        """Take an alias away."""
        self.models[said["name"]]["aliases"].pop(said["alias"], None)
        return 200, {}

    def _experiment(self, name: str) -> Json:
        return {"experiment_id": self.experiments[name], "name": name, "lifecycle_stage": "active"}

    def _run(self, id_: str) -> Json:
        run = self.runs[id_]
        place = f"mlflow-artifacts:/{run['experiment']}/{id_}/artifacts"
        info = {"run_id": id_, "run_uuid": id_, "experiment_id": run["experiment"], "artifact_uri": place}
        info |= {"status": run["status"], "lifecycle_stage": "active", "start_time": 0}
        return {"info": info, "data": {"tags": [{"key": key, "value": value} for key, value in run["tags"].items()]}}

    def _aliases(self, name: str) -> list[Json]:
        return [{"alias": alias, "version": number} for alias, number in self.models[name]["aliases"].items()]

    def _version(self, name: str, number: str) -> Json:
        one = self.models[name]["versions"][number]
        tags = [{"key": key, "value": value} for key, value in one["tags"].items()]
        return {"name": name, "version": number, "source": one["source"], "run_id": one["run"], "tags": tags}


@contextmanager
def fake_mlflow() -> Generator[FakeMlflow]:
    """Serve a fake on a free port of this machine, for as long as the block runs.

    Examples
    --------
    >>> import urllib.error, urllib.request
    >>> with fake_mlflow() as server:
    ...     try:
    ...         _ = urllib.request.urlopen(f"{server.uri}/api/2.0/mlflow/experiments/get-by-name?experiment_name=a")
    ...     except urllib.error.HTTPError as error:
    ...         with error:
    ...             print(error.code)
    404
    """
    held = FakeMlflow()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            held.asked += 1
            held.heard += [self.path, body.decode("utf-8", "replace")]
            fails = held.fail(held.asked)
            status, said = (500, _broken()) if fails == "before" else _done(held, self.command, self.path, body)
            text = json.dumps(_broken() if fails == "after" else said).encode()
            self.send_response(500 if fails == "after" else status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do  # noqa: N815 - named by the standard library

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the standard library names it
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    held.uri = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _done(held: FakeMlflow, method: str, target: str, body: bytes) -> tuple[int, Json]:
    parts = urlsplit(target)
    if method == "PUT" and parts.path.startswith(_ARTIFACTS):
        held.files[unquote(parts.path.removeprefix(_ARTIFACTS))] = body
        return 200, {}
    api = _API.fullmatch(parts.path)
    said = json.loads(body) if body else {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return held.answer(method, api["what"] if api else parts.path, said)


def _broken() -> Json:
    return {"error_code": "INTERNAL_ERROR", "message": "the database is gone"}


def _tag(text: str) -> tuple[str, str]:
    found = _TAG.search(text)
    return (found["key"], found["value"]) if found else ("", "")


def _pairs(given: list[Json]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in given}
