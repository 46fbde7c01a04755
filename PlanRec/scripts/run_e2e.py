"""From data to answers, with nothing faked: simulate, check, train, verify artifacts, serve, ask over HTTP, clean up.

Exit code 0 when every step held, 1 otherwise. Works in a temporary folder; the project's data and artifacts are not
touched.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
USAGE = [
    {"month": "2025-08", "minutes": 312, "messages": 20, "megabytes": 9150.5},
    {"month": "2025-09", "minutes": 287, "messages": 14, "megabytes": 11020},
    {"month": "2025-10", "minutes": 355, "messages": 31, "megabytes": 8790.25},
]


class StepError(Exception):
    """A step did not hold."""


def main() -> int:
    """Run every step; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=3000, help="size of the simulated operator")
    parser.add_argument("--wait-seconds", type=float, default=60.0, help="how long the service may take to be ready")
    options = parser.parse_args()
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="planrec-e2e-") as name:
            run(Path(name), options.subscribers, options.wait_seconds)
    except StepError as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    print(f"all steps held in {time.monotonic() - started:.0f} s")
    return 0


def run(folder: Path, subscribers: int, wait_seconds: float) -> None:
    """Run the steps in a folder."""
    size = ["--set", f"simulator.subscribers={subscribers}"]
    data, artifacts = folder / "data", folder / "artifacts"
    planrec("simulate", "--output", str(data), *size)
    planrec("data", "--data-source", "simulator", "--data", str(data))
    done("data simulated, read back and accounted for")
    planrec("train", "--data", str(data), "--output", str(artifacts), "--set", "training.model.max_iter=20")
    check_artifacts(artifacts)
    done("trained; bundle verified")
    with service(artifacts, wait_seconds) as url:
        check_answers(url)
    done("service answered, refused what it should, and ended with 0")
    batch_files(folder, data, artifacts)
    done("batch files written")


def planrec(*arguments: str) -> None:
    """Run a command of the project; its output is shown only if it fails."""
    command = [sys.executable, "-m", "planrec.cli", *arguments]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise StepError(f"planrec {arguments[0]} left with {result.returncode}:\n{result.stdout}{result.stderr}")


def check_artifacts(artifacts: Path) -> None:
    """Open the bundle as a service would, and look for the fixed links."""
    from common_utils.bundle import open_bundle

    bundle = open_bundle(artifacts)
    expect("model.joblib" in bundle.files and "model_card.md" in bundle.files, "the bundle lacks model or card")
    metrics = json.loads((artifacts / "metrics.json").read_text(encoding="utf-8"))
    expect(metrics["test"]["accuracy"]["estimate"] > 0, "metrics.json holds no accuracy")
    expect((artifacts / "model.joblib").resolve().parent == bundle.path, "model.joblib does not point to the bundle")


@contextmanager
def service(artifacts: Path, wait_seconds: float) -> Generator[str]:
    """Serve the bundle on a free port; on leaving, ask the process to end and see it exit with 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "planrec.cli", "serve", "--port", str(port), "--bundle", str(artifacts)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process, wait_seconds)
        yield url
        process.send_signal(signal.SIGTERM)
        expect(process.wait(timeout=30) == 0, f"the service left with {process.returncode}")
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until_ready(url: str, process: subprocess.Popen[str], wait_seconds: float) -> None:
    """Poll `/ready` until it says 200."""
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StepError(f"the service ended with {process.returncode}: {process.communicate()[1]}")
        try:
            if ask(f"{url}/ready")[0] == 200:
                return
        except OSError:
            pass  # not listening yet
        time.sleep(0.1)
    raise StepError(f"the service was not ready within {wait_seconds:.0f} s")


def check_answers(url: str) -> None:
    """Ask every route, and one thing that must be refused."""
    expect(ask(f"{url}/health")[1] == {"status": "alive"}, "/health")
    version = ask(f"{url}/model")[1]["version"]
    plans = [plan["plan_id"] for plan in ask(f"{url}/plans")[1]["plans"]]
    record = {"usage": USAGE, "current_plan": "smart-25", "age": 34}
    status, prediction = ask(f"{url}/predict", record)
    expect(status == 200 and prediction["prediction"] in plans, "/predict")
    expect(prediction["model_version"] == version, "/predict names another version than /model")
    status, batch = ask(f"{url}/predict/batch", {"records": [record, record]})
    expect(status == 200 and batch["predictions"] == [prediction, prediction], "/predict/batch differs from /predict")
    status, advice = ask(f"{url}/recommend", record)
    expect(status == 200 and advice["advice"][0]["rank"] == 1, "/recommend")
    print(f"     advice: {advice['advice'][0]['reason']}")
    expect(ask(f"{url}/predict", {"usage": []})[0] == 422, "an empty history was not refused with 422")
    expect(ask(f"{url}/recommend", {**record, "current_plan": "gone"})[0] == 422, "an unknown plan was not refused")
    expect(ask(f"{url}/nowhere")[0] == 404, "an unknown path was not 404")


def batch_files(folder: Path, data: Path, artifacts: Path) -> None:
    """Write bills, advice and predictions for a file of usage months."""
    usage = next(data.glob("usage_months.*"))
    out = folder / "out"
    planrec("bill", "--usage", str(usage), "--plans", "configs/plans.yaml", "--output", str(out / "bills.parquet"))
    planrec(
        "recommend", "--usage", str(usage), "--plans", "configs/plans.yaml", "--as-of", "2025-10",
        "--output", str(out / "advice.csv"),
    )  # fmt: skip
    planrec(
        "predict", "--usage", str(usage), "--as-of", "2025-10", "--bundle", str(artifacts),
        "--output", str(out / "predictions.csv"),
    )  # fmt: skip
    expect(len(list(out.iterdir())) == 3, "a batch file is missing")


def ask(url: str, body: object = None) -> tuple[int, Any]:
    """Return status and JSON (or text) of a request; POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - http to this machine
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def expect(holds: bool, what: str) -> None:  # noqa: FBT001 - an assertion that -O does not remove
    """Fail the run unless something holds."""
    if not holds:
        raise StepError(what)


def done(what: str) -> None:
    """Say that a step held."""
    print(f"ok   {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
