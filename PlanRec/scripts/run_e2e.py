"""From data to answers, with nothing faked: simulate, check, train, verify artifacts, serve, ask over HTTP, clean up.

Exit code 0 when every step held, 1 otherwise. Works in a temporary folder; the project's data and artifacts are not
touched.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from common_utils.testing.end_to_end import EndToEnd, ask, done, expect, run_steps

PROJECT = Path(__file__).resolve().parents[1]
USAGE = [
    {"month": "2025-08", "minutes": 312, "messages": 20, "megabytes": 9150.5},
    {"month": "2025-09", "minutes": 287, "messages": 14, "megabytes": 11020},
    {"month": "2025-10", "minutes": 355, "messages": 31, "megabytes": 8790.25},
]


RUN = EndToEnd("planrec", PROJECT)


def main() -> int:
    """Run every step; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=3000, help="size of the simulated operator")
    parser.add_argument("--wait-seconds", type=float, default=60.0, help="how long the service may take to be ready")
    options = parser.parse_args()
    RUN.wait_seconds = options.wait_seconds
    return run_steps("planrec", lambda folder: run(folder, options.subscribers))


def run(folder: Path, subscribers: int) -> None:
    """Run the steps in a folder."""
    size = ["--set", f"simulator.subscribers={subscribers}"]
    data, artifacts = folder / "data", folder / "artifacts"
    RUN.run("simulate", "--output", str(data), *size)
    RUN.run("data", "--data-source", "simulator", "--data", str(data))
    done("data simulated, read back and accounted for")
    RUN.run("train", "--data", str(data), "--output", str(artifacts), "--set", "training.model.max_iter=20")
    check_artifacts(artifacts)
    done("trained; bundle verified")
    with RUN.service(artifacts) as url:
        check_answers(url)
    done("service answered, refused what it should, and ended with 0")
    batch_files(folder, data, artifacts)
    done("batch files written")


def check_artifacts(artifacts: Path) -> None:
    """Open the bundle as a service would, and look for the fixed links."""
    from common_utils.bundle import open_bundle

    bundle = open_bundle(artifacts)
    expect("model.joblib" in bundle.files and "model_card.md" in bundle.files, "the bundle lacks model or card")
    metrics = json.loads((artifacts / "metrics.json").read_text(encoding="utf-8"))
    expect(metrics["test"]["accuracy"]["estimate"] > 0, "metrics.json holds no accuracy")
    expect((artifacts / "model.joblib").resolve().parent == bundle.path, "model.joblib does not point to the bundle")


def check_answers(url: str) -> None:
    """Ask every route, and one thing that must be refused."""
    expect(ask(f"{url}/health")[1] == {"status": "alive"}, "/health")
    version = ask(f"{url}/model")[1]["version"]
    plans = [plan["plan_id"] for plan in ask(f"{url}/plans")[1]["plans"]]
    record = {"usage": USAGE, "current_plan": "smart-25", "age": 34}
    status, prediction = ask(f"{url}/predict", record)
    expect(status == 200 and prediction["prediction"] in plans, "/predict")
    expect(prediction["model_version"] == version, "/predict names another version than /model")
    expect(prediction["decides_from"] > USAGE[-1]["month"], "/predict expects a decision in the past")
    status, batch = ask(f"{url}/predict/batch", {"records": [record, record]})
    expect(status == 200 and batch["predictions"] == [prediction, prediction], "/predict/batch differs from /predict")
    status, advice = ask(f"{url}/recommend", record)
    expect(status == 200 and advice["advice"][0]["rank"] == 1, "/recommend")
    status, batch = ask(f"{url}/recommend/batch", {"records": [record, record]})
    expect(status == 200 and batch["recommendations"] == [advice, advice], "/recommend/batch differs from /recommend")
    print(f"     advice: {advice['advice'][0]['reason']}")
    expect(ask(f"{url}/predict", {"usage": []})[0] == 422, "an empty history was not refused with 422")
    expect(ask(f"{url}/recommend", {**record, "current_plan": "gone"})[0] == 422, "an unknown plan was not refused")
    expect(ask(f"{url}/nowhere")[0] == 404, "an unknown path was not 404")


def batch_files(folder: Path, data: Path, artifacts: Path) -> None:
    """Write bills, advice and predictions for a file of usage months."""
    usage = next(data.glob("usage_months.*"))
    out = folder / "out"
    RUN.run("bill", "--usage", str(usage), "--plans", "configs/plans.yaml", "--output", str(out / "bills.parquet"))
    RUN.run(
        "recommend", "--usage", str(usage), "--plans", "configs/plans.yaml", "--as-of", "2025-10",
        "--output", str(out / "advice.csv"),
    )  # fmt: skip
    RUN.run(
        "predict", "--usage", str(usage), "--as-of", "2025-10", "--bundle", str(artifacts),
        "--output", str(out / "predictions.csv"),
    )  # fmt: skip
    expect(len(list(out.iterdir())) == 3, "a batch file is missing")


if __name__ == "__main__":
    sys.exit(main())
