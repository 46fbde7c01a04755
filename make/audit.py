"""Look for known vulnerabilities in the locked packages, and write what each image holds as CycloneDX.

Apart from `make check`, because it needs an advisory service. Exit codes: 0 nothing known, 1 something found or the
tool failed, 3 the service could not be reached, which says nothing about the packages.

    python make/audit.py --pip-audit .../pip-audit --cyclonedx .../cyclonedx-py --output sbom
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

__all__ = ["UNREACHABLE", "audit", "reachable"]

ROOT = Path(__file__).resolve().parents[1]
UNREACHABLE = 3
SERVICE = "https://api.osv.dev/v1/query"
_PROBE = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "26.0"}


def reachable(service: str, seconds: float = 10.0) -> bool:
    """Whether an OSV service answers a question; an error, or an answer that is not JSON, counts as no."""
    request = urllib.request.Request(  # noqa: S310  the address is the operator's
        service, json.dumps(_PROBE).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
            return isinstance(json.loads(answer.read(1 << 20)), dict)
    except (OSError, ValueError):
        return False


def audit(pip_audit: str, service: str, locks: list[Path]) -> int:
    """Ask about every package of some locks; return the exit code."""
    if not reachable(service):
        print(f"audit: {service} does not answer; nothing is known about the packages", file=sys.stderr)
        return UNREACHABLE
    worst = 0
    for lock in locks:
        print(f"== audit {lock}")
        command = [pip_audit, "--strict", "--disable-pip", "--require-hashes", "--vulnerability-service", "osv",
                   "--osv-url", service, "--requirement", str(lock)]  # fmt: skip
        worst |= subprocess.run(command, check=False).returncode != 0
    if worst and not reachable(service):
        print(f"audit: {service} stopped answering", file=sys.stderr)
        return UNREACHABLE
    return int(worst)


def bill_of_materials(cyclonedx: str, locks: list[Path], output: Path) -> int:
    """Write `<project>.cdx.json` and `<project>-jobs.cdx.json`, one for each lock; return the exit code."""
    output.mkdir(parents=True, exist_ok=True)
    for lock in locks:
        target = output / f"{lock.parent.name}{lock.stem.removeprefix('requirements')}.cdx.json"
        command = [cyclonedx, "requirements", str(lock), "--output-reproducible", "--of", "JSON", "-o", str(target)]
        if subprocess.run(command, check=False).returncode:
            return 1
        print(f"wrote {target}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Write the bills of materials, then ask; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pip-audit", required=True)
    parser.add_argument("--cyclonedx", required=True)
    parser.add_argument("--service", default=SERVICE)
    parser.add_argument("--output", type=Path, default=ROOT / "sbom")
    options = parser.parse_args(arguments)
    images = sorted([*ROOT.glob("*/requirements.txt"), *ROOT.glob("*/requirements-jobs.txt")])
    if bill_of_materials(options.cyclonedx, images, options.output):
        return 1
    return audit(options.pip_audit, options.service, [ROOT / "requirements.txt", *images])


if __name__ == "__main__":
    sys.exit(main())
