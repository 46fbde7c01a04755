"""Show PlanRec at work: train if there is no bundle, serve it, ask for one subscriber, print the answers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from run_e2e import PROJECT, RUN, USAGE

from common_utils.testing.end_to_end import StepError, ask


def main() -> int:
    """Run the demonstration; return the exit code."""
    artifacts = PROJECT / "artifacts"
    if not (artifacts / "current").exists():
        print("no bundle yet: training one (a minute or two)", flush=True)
        subprocess.run([sys.executable, "-m", "planrec.cli", "train"], cwd=PROJECT, check=True)
    try:
        show(artifacts)
    except StepError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


def show(artifacts: Path) -> None:
    """Serve the bundle and print two questions with their answers."""
    record = {"usage": USAGE, "current_plan": "smart-25", "age": 34}
    with RUN.service(artifacts) as url:
        print(f"serving {ask(f'{url}/model')[1]['version']} on {url}\n")
        print("POST /recommend", json.dumps(record), "\n")
        started = time.perf_counter()
        advice = ask(f"{url}/recommend", record)[1]
        milliseconds = 1000 * (time.perf_counter() - started)
        for plan in advice["advice"]:
            print(f"  {plan['rank']}. {plan['action']:<6} {plan['reason']}")
        for plan in advice["excluded"]:
            print(f"     not offered: {plan['plan_id']} ({plan['reason_code']})")
        print(f"  answered in {milliseconds:.0f} ms\n")
        prediction = ask(f"{url}/predict", record)[1]
        likely = sorted(prediction["probabilities"].items(), key=lambda item: -item[1])[:3]
        print("POST /predict (the plan people in this situation choose)\n")
        for plan_id, probability in likely:
            print(f"  {plan_id:<12} {probability:.2f}")


if __name__ == "__main__":
    sys.exit(main())
