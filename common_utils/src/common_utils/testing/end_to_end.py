"""Pieces of a project's end-to-end run: commands, a served bundle, questions over HTTP, steps that hold or fail."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

__all__ = ["EndToEnd", "StepError", "ask", "done", "expect", "run_steps", "table_steps"]


class StepError(Exception):
    """A step did not hold."""


def expect(holds: object, what: str) -> None:
    """Fail the run unless something holds.

    Examples
    --------
    >>> expect(False, "/health")
    Traceback (most recent call last):
    common_utils.testing.end_to_end.StepError: /health
    """
    if not holds:
        raise StepError(what)


def ask(url: str, body: object = None) -> tuple[int, Any]:
    """Return status and JSON of a request; POST where there is a body.

    Raises
    ------
    OSError
        If the service does not answer.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - http to this machine
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


class EndToEnd:
    """A project's commands and service, run as a user would.

    Parameters
    ----------
    name : str
        Package with a `cli` module.
    project : Path
        The project's folder.
    wait_seconds : float
        How long the service may take to be ready.
    """

    def __init__(self, name: str, project: Path, *, wait_seconds: float = 60.0) -> None:
        self.name = name
        self.project = project
        self.wait_seconds = wait_seconds

    def run(self, *arguments: str) -> str:
        """Run a command; return what it prints.

        Raises
        ------
        StepError
            If it leaves with another code than 0; with all it printed.
        """
        command = [sys.executable, "-m", f"{self.name}.cli", *arguments]
        result = subprocess.run(command, cwd=self.project, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
        expect(
            not result.returncode,
            f"{self.name} {arguments[0]} left with {result.returncode}:\n{result.stdout}{result.stderr}",
        )
        return result.stdout

    @contextmanager
    def service(self, artifacts: Path) -> Generator[str]:
        """Serve a bundle on a free port; on leaving, ask the process to end and see it exit with 0."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", f"{self.name}.cli", "serve", "--port", str(port), "--bundle", str(artifacts)]
        url = f"http://127.0.0.1:{port}"
        with tempfile.TemporaryFile("w+", encoding="utf-8") as said:  # a pipe that nobody empties would fill up
            process = subprocess.Popen(command, cwd=self.project, stdout=subprocess.DEVNULL, stderr=said)  # noqa: S603
            try:
                self._wait_until_ready(url, process, said)
                yield url
                process.send_signal(signal.SIGTERM)
                expect(process.wait(timeout=30) == 0, f"the service left with {process.returncode}")
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()

    def _wait_until_ready(self, url: str, process: subprocess.Popen[bytes], said: IO[str]) -> None:
        deadline = time.monotonic() + self.wait_seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                said.seek(0)
                raise StepError(f"the service ended with {process.returncode}: {said.read()}")
            try:
                if ask(f"{url}/ready")[0] == 200:
                    return
            except OSError:
                pass  # not listening yet
            time.sleep(0.1)
        raise StepError(f"the service was not ready within {self.wait_seconds:.0f} s")


def run_steps(name: str, steps: Callable[[Path], None]) -> int:
    """Run the steps of an end-to-end run in a temporary folder; say how it went and return the exit code.

    Parameters
    ----------
    name : str
        Of the project.
    steps : callable
        Given the folder; raises StepError where something does not hold.

    Examples
    --------
    >>> run_steps("demo", lambda folder: None)
    all steps held in 0 s
    0
    """
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix=f"{name}-e2e-") as folder:
            steps(Path(folder))
    except StepError as error:
        sys.stderr.write(f"FAILED: {error}\n")
        return 1
    sys.stdout.write(f"all steps held in {time.monotonic() - started:.0f} s\n")
    return 0


def table_steps(
    run: EndToEnd,
    folder: Path,
    *,
    train: Sequence[str],
    record: Mapping[str, object],
    refused: Mapping[str, object],
    records: str,
) -> None:
    """Run what every project on one table has to hold: train, verify, serve, ask, predict, explain, evaluate.

    Parameters
    ----------
    run : EndToEnd
    folder : Path
        Temporary.
    train : sequence of str
        Further arguments of `train`, for a small model.
    record, refused : mapping
        A request that is answered, and one that must get 422.
    records : str
        The same record as CSV, header and one row.

    Raises
    ------
    StepError
        Where something does not hold.
    """
    artifacts = folder / "artifacts"
    run.run("train", "--output", str(artifacts), *train)
    _check_artifacts(artifacts)
    done("trained; bundle verified")
    with run.service(artifacts) as url:
        answer = _check_answers(url, record, refused)
    done("service answered, refused what it should, and ended with 0")
    table, output = folder / "records.csv", folder / "predictions.csv"
    table.write_text(records, encoding="utf-8")
    run.run("predict", "--input", str(table), "--output", str(output), "--bundle", str(artifacts))
    first = dict(zip(*(line.split(",") for line in output.read_text(encoding="utf-8").splitlines()[:2]), strict=True))
    expect(first["prediction"] == str(answer["prediction"]), "predict and the service differ")
    explanation = json.loads(run.run("explain", "--input", str(table), "--json", "--bundle", str(artifacts)))
    parts = sum(part["amount"] for part in explanation["contributions"])
    expect(abs(explanation["base"] + parts - explanation["score"]) < 1e-9, "contributions do not add up to the score")
    metrics = json.loads(run.run("evaluate", "--json", "--bundle", str(artifacts), *train))
    expect(metrics["holdout"] == json.loads((artifacts / "metrics.json").read_text())["holdout"], "evaluate differs")
    done("batch file, explanation and evaluation agree with the service and the bundle")


def done(what: str) -> None:
    """Say that a step held.

    Examples
    --------
    >>> done("trained")
    ok   trained
    """
    sys.stdout.write(f"ok   {what}\n")
    sys.stdout.flush()


def _check_artifacts(artifacts: Path) -> None:
    from common_utils.bundle import open_bundle

    bundle = open_bundle(artifacts)
    expect({"model.joblib", "model_card.md", "metrics.json"} <= set(bundle.files), "the bundle lacks a file")
    expect((artifacts / "model.joblib").resolve().parent == bundle.path, "model.joblib does not point to the bundle")


def _check_answers(url: str, record: Mapping[str, object], refused: Mapping[str, object]) -> dict[str, Any]:
    expect(ask(f"{url}/health")[1] == {"status": "alive"}, "/health")
    version = ask(f"{url}/model")[1]["version"]
    status, answer = ask(f"{url}/predict", record)
    expect(status == 200 and answer["model_version"] == version, "/predict does not answer, or names another version")
    status, batch = ask(f"{url}/predict/batch", {"records": [record, record]})
    expect(status == 200 and batch["predictions"] == [answer, answer], "/predict/batch differs from /predict")
    expect(ask(f"{url}/predict", refused)[0] == 422, "a record out of bounds was not refused with 422")
    expect(ask(f"{url}/nowhere")[0] == 404, "an unknown path was not 404")
    return answer
