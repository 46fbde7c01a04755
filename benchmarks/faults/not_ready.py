"""A service without a model: no bundle, a damaged one, one whose probe fails. It lives, says so, and is not ready.

    python benchmarks/faults/not_ready.py --bundle PlanRec/artifacts

`--control` starts the service with the good bundle, as if nothing had been looked at: it must be found out.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from planrec_service import BODY, FAILED_PROBE, serving
from report import Result, finish

from common_utils.bundle import open_bundle


def damaged(bundle: Path, folder: Path) -> Path:
    """Copy a bundle and change the last byte of its scorer."""
    source = open_bundle(bundle)
    copy = folder / source.version
    shutil.copytree(source.path, copy)
    scorer = copy / "scorer.npz"
    scorer.chmod(0o600)
    content = scorer.read_bytes()
    scorer.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return copy


def broken_promises(bundle: Path, log: Path, program: str | None = None) -> int:
    """Count what is not as it must be while a service has no model."""
    with serving(bundle, log, program=program, wait_for="/health") as served:
        statuses = [served.ask("GET", "/health")[0], served.ask("GET", "/ready")[0]]
        statuses += [served.ask("POST", path, BODY)[0] for path in ("/predict", "/recommend")]
        metrics = served.ask("GET", "/metrics")[1]
    return sum(a != b for a, b in zip(statuses, (200, 503, 503, 503), strict=True)) + (
        b"model_ready 0.0" not in metrics
    )


def main() -> int:
    """Start each, ask, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--control", action="store_true", help="with a model: must be found out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases: dict[str, tuple[Path, str | None]] = {
            "no bundle": (folder / "none", None),
            "a damaged bundle": (damaged(options.bundle, folder), None),
            "a probe that fails": (options.bundle, FAILED_PROBE),
        }
        if options.control:
            cases = {"the good bundle": (options.bundle, None)}
        (folder / "none").mkdir()
        results = [
            Result(f"wrong answers with {what}", broken_promises(bundle, folder / "log", program), 0)
            for what, (bundle, program) in cases.items()
        ]
    return finish("Not ready: /health 200, /ready and all that needs the model 503, a metric", results)


if __name__ == "__main__":
    sys.exit(main())
