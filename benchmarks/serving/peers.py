"""Requests/s of `/predict` against MLflow's own server with the multiclass pipeline, default settings, in one run.

MLflow is installed in an environment of its own, in a temporary folder or the one that --environment names, never in
the project's. Both servers get the same subscribers: ours as `POST /predict` takes them, MLflow's as rows of the
table its pipeline takes. wrk (Debian: `apt-get install wrk`) asks.

    python benchmarks/serving/peers.py --bundle PlanRec/artifacts --output benchmarks/serving/peers.md
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import HERE, PROJECT, Target, free_port, load, running, service, three
from payloads import bodies, wrk_script

ROOT = HERE.parents[1]
MLFLOW = "3.17.2"
MUST = {1: 55.0, 16: 100.0}


def environment(folder: Path) -> Path:
    """Install MLflow and the project's packages into `folder` unless they are there; return its Python."""
    python = folder / "bin" / "python"
    if not (folder / "bin" / "mlflow").exists():
        uv = str(ROOT / ".tools" / "bin" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        own = [f"{ROOT}/common_utils[ml,tables]", str(PROJECT)]
        editable = [part for package in own for part in ("--editable", package)]
        # As trained: another scikit-learn would open the pipeline with a warning, or not at all.
        pins = ["scikit-learn", "numpy", "pandas"]
        listed = subprocess.run(
            [uv, "pip", "freeze", "--python", sys.executable], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        same = [line for line in listed if line.partition("==")[0] in pins]
        command = [uv, "pip", "install", "--quiet", "--python", str(python), f"mlflow=={MLFLOW}", *same, *editable]
        subprocess.run(command, check=True)
    return python


def mlflow(python: Path, bundle: Path, folder: Path, payloads: int) -> Target:
    """Save the model for MLflow and return its server."""
    command = [str(python), str(HERE / "mlflow_model.py"), str(bundle), str(folder), str(payloads)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(HERE)})
    path = f"{python.parent}:{os.environ['PATH']}"
    serve = [str(python.parent / "mlflow"), "models", "serve", "--env-manager", "local", "--port", "PORT"]
    return Target("mlflow", [*serve, "--model-uri", str(folder / "model")], {"PATH": path}, ready="/ping")


def measure(options: argparse.Namespace, folder: Path) -> tuple[Target, Target]:
    """Let both servers take turns at each number of connections."""
    python = environment((options.environment or folder / "environment").resolve())
    peer = mlflow(python, options.bundle.resolve(), folder, options.payloads)
    ours = service(options.bundle)
    scripts = {target.name: folder / f"{target.name}.lua" for target in (peer, ours)}
    wrk_script(scripts["mlflow"], json.loads((folder / "bodies.json").read_text(encoding="utf-8")), {})
    wrk_script(scripts["service"], bodies(options.payloads), {})
    with running(peer, free_port()) as theirs, running(ours, free_port()) as mine:
        for rounds, seconds in ((1, 1.0), (options.rounds, options.seconds)):
            for target in (peer, ours):  # the first round warms up
                target.rates.clear()
            for _ in range(rounds):
                for connections in MUST:
                    load(peer, f"{theirs}/invocations", scripts["mlflow"], connections, seconds)
                    load(ours, f"{mine}/predict", scripts["service"], connections, seconds)
    return peer, ours


def report(peer: Target, ours: Target, options: argparse.Namespace) -> tuple[str, bool]:
    """Return the table, and whether every ratio holds its must and every answer was 200."""
    lines = [
        "# Serving benchmark against a peer",
        "",
        f"`python benchmarks/serving/peers.py {' '.join(sys.argv[1:])}`",
        "",
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; "
        f"{options.rounds} rounds of {options.seconds:g} s, {options.payloads:,} subscribers. MLflow {MLFLOW} with its "
        "default settings serves the multiclass baseline of the bundle; ours answers with the "
        "choice model. Figures are min / median / max over the "
        "rounds; ratios are taken within a round.",
        "",
        "| connections | MLflow, requests/s | service, requests/s | times as many | must |",
        "|---|---|---|---|---|",
    ]
    holds = not peer.refused and not ours.refused
    for connections, must in MUST.items():
        theirs, mine = peer.rates["/invocations", connections], ours.rates["/predict", connections]
        times = [a / b for a, b in zip(mine, theirs, strict=True)]
        holds &= statistics.median(times) >= must
        lines.append(
            f"| {connections} | {three(theirs, ',.1f')} | {three(mine, ',.0f')} | {three(times, '.0f')} | {must:g} |"
        )
    lines += ["", f"Answers other than 200: {peer.refused} of MLflow's, {ours.refused} of ours.", ""]
    return "\n".join(lines), holds


def main() -> int:
    """Measure, print the table, write it if asked; return 1 if a must does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="root of bundles, or a bundle")
    parser.add_argument("--environment", type=Path, help="folder of MLflow's environment, kept for another run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--payloads", type=int, default=1000)
    parser.add_argument("--output", type=Path, help="write the table to this file")
    options = parser.parse_args()
    if (options.bundle / "current").exists():
        options.bundle = (options.bundle / "current").resolve()
    with tempfile.TemporaryDirectory() as name:
        text, holds = report(*measure(options, Path(name)), options)
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    return int(not holds)


if __name__ == "__main__":
    sys.exit(main())
