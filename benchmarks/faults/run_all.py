"""Every fault script at full size, or scaled down, and each of their controls; the figures go into one file.

python benchmarks/faults/run_all.py --bundle PlanRec/artifacts --schemathesis .venv-attack/bin/schemathesis
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results" / "faults.json"
SCALED = {
    "hostile_bundles.py": "--bundles 96",
    "kill_publish.py": "--kills 12 --no-sweep",
    "kill_lifecycle.py": "--sequences 12",
    "rollback_drill.py": "",
    "concurrent_releases.py": "--reads 150",
    "hot_swaps.py": "--swaps 10 --pause 0.1",
    "not_ready.py": "",
    "hard_service.py": "--restarts 2 --sockets 20 --seconds 1 --predictions 4000 --swaps 4",
    "floods.py": "--rounds 2 --times 5 --most 4",
    "hostile_requests.py": "--canaries 300 --names 6 --cases 400",
}
NEED_BUNDLE = ("rollback_drill.py", "not_ready.py", "hard_service.py", "floods.py", "hostile_requests.py")
WITHOUT_CONTROL = ("hostile_requests.py", "rollback_drill.py")  # what counts there is tried in tests


def command(script: str, options: argparse.Namespace, *, scaled: bool) -> list[str]:
    """Return what is run for a script, from the folder of the repository."""
    words = ["benchmarks/faults/" + script, *(SCALED[script].split() if scaled else [])]
    words += ["--bundle", str(options.bundle)] * (script in NEED_BUNDLE)
    if script == "hostile_requests.py" and options.schemathesis:
        words += ["--schemathesis", options.schemathesis]
    return words


def run(words: list[str], keep: Path | None) -> int:
    """Run a script and return its exit code; its figures go to `keep`, and without it nothing is shown."""
    environment = {name: value for name, value in os.environ.items() if name != "FAULTS_RESULTS"}
    if keep is not None:
        environment["FAULTS_RESULTS"] = str(keep)
    shown = None if keep is not None else subprocess.DEVNULL
    return subprocess.run([sys.executable, *words], env=environment, stdout=shown, check=False).returncode


def _others(runs: list[dict[str, object]], only: str | None) -> list[dict[str, object]]:
    """Return the figures kept before of the scripts that were not run."""
    if only is None or not RESULTS.exists():
        return []
    kept: list[dict[str, object]] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return [one for one in kept if one["title"] not in {run["title"] for run in runs}]


def main() -> int:
    """Run all, keep the figures of a full run, return 1 if a promise did not hold or a control was not found out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--schemathesis", help="its command")
    parser.add_argument("--scaled", action="store_true", help="minutes instead of half an hour; nothing is kept")
    parser.add_argument("--only", choices=SCALED, help="one script; its figures take the place of its former ones")
    options = parser.parse_args()
    broken: list[str] = []
    runs: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        keep = Path(name) / "figures"
        for script in SCALED if options.only is None else [options.only]:
            begun = time.monotonic()
            held = run(command(script, options, scaled=options.scaled), keep) == 0
            seconds = time.monotonic() - begun
            caught = None
            if script not in WITHOUT_CONTROL:
                caught = run([*command(script, options, scaled=True), "--control"], None) == 1
            broken += [script] * (not held) + [f"{script} --control"] * (caught is False)
            lines = keep.read_text(encoding="utf-8").splitlines() if keep.exists() else []
            found = json.loads(lines[-1]) if len(lines) > len(runs) else {"title": f"{script} did not end"}
            runs.append({**found, "held": held, "control_found_out": caught, "seconds": round(seconds)})
            if not options.scaled:
                RESULTS.write_text(json.dumps(_others(runs, options.only) + runs, indent=1) + "\n", encoding="utf-8")
    print("BROKEN: " + ", ".join(broken) if broken else "every promise held, every control was found out")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
