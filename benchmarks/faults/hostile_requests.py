"""Hostile requests: no 5xx, no status the OpenAPI document does not declare, nothing sent is ever said again.

A corpus of bodies that parsers trip over goes to every route; 200 hostile names stand in every path, query and field; a
canary value travels in 10,000 requests and is looked for in all answers to errors and in the log. With `--schemathesis`
(the command, from an environment of its own: `pip install schemathesis`) that tool makes requests from the document.

    python benchmarks/faults/hostile_requests.py --bundle PlanRec/artifacts --schemathesis .../bin/schemathesis
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hostile_names import hostile_names
from planrec_service import BODY, Served, serving
from report import Result, finish

from common_utils.testing.services import hostile_bodies

CANARY = "CANARY-7f3a9"
_SEEDS = ("1", "2")
_BATCH, _FEWER = "/batch", 5
POSTS = ("/predict", "/predict/batch", "/recommend", "/recommend/batch", "/what-if")


def corpus() -> Iterator[bytes]:
    """Yield bodies that are not JSON, not one thing, not finite, not small or not ours."""
    yield from hostile_bodies(BODY, number=b"312", text=b"basic-6")
    yield BODY.replace(b'"minutes":312', b'"minutes":312,"minutes":1')
    yield BODY.replace(b"basic-6", b"no-such-plan")
    yield BODY.replace(b"2025-09", b"2025-13")
    yield BODY.replace(b"2025-09", b"2025-10")
    yield b'{"usage":[' + b",".join([b'{"month":"2025-01","minutes":1,"messages":1,"megabytes":1}'] * 100_000) + b"]}"
    yield b'{"records":[' + b",".join([BODY] * 100_000) + b"]}"
    yield b'{"records":[' + b",".join([BODY] * 1001) + b"]}"
    yield BODY.replace(b'"age":34', b'"top_k":1000000000000000000000000000000')


class Watch:
    """Counts what must not be."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.declared = {
            (method.upper(), path): set(operation["responses"])
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        }
        self.asked = self.faults = self.undocumented = self.echoes = self.unanswered = 0

    def ask(self, served: Served, method: str, path: str, body: bytes | None, secret: str | None = None) -> None:
        """Send one request and look at the answer."""
        self.asked += 1
        try:
            status, said, _ = served.ask(method, path, body)
        except (OSError, http.client.HTTPException):
            # The answer to a body that is too large comes before all of it was sent; the kernel may then reset.
            self.unanswered += body is None or len(body) < 1 << 20
            return
        self.faults += status >= 500
        known = self.declared.get((method, path))
        self.undocumented += known is not None and str(status) not in known
        if secret is not None and status >= 400:
            self.echoes += secret.encode() in said


def canaries(count: int) -> Iterator[tuple[str, str, bytes | None]]:
    """Yield requests that carry the canary in a path, a query, a key or a value."""
    draw = random.Random(3)
    places = (
        BODY.replace(b'"basic-6"', f'"{CANARY}"'.encode()),
        BODY.replace(b"312", f'"{CANARY}"'.encode()),
        BODY.replace(b'"age"', f'"{CANARY}"'.encode()),
        BODY.replace(b"2025-09", CANARY.encode()),
        BODY[:-1] + f',"x":{CANARY}'.encode(),
        b'{"records":[' + BODY.replace(b"34", f'"{CANARY}"'.encode()) + b"]}",
    )
    for _ in range(count):
        if draw.random() < 0.2:
            yield draw.choice(("GET", "DELETE", "POST")), f"/{CANARY}?{CANARY}={CANARY}", None
        else:
            yield "POST", draw.choice(POSTS), draw.choice(places)


def names(served: Served, watch: Watch, most: int) -> None:
    """Put hostile names into every path, query and text field."""
    for name in list(hostile_names())[:most]:
        plain = quote(name.encode("utf-8", "surrogatepass"), safe="")
        for method, path in sorted(watch.declared):
            watch.ask(served, method, f"{path}/{plain}", BODY if method == "POST" else None)
            watch.ask(served, method, f"{path}?{plain}={plain}", BODY if method == "POST" else None)
        value = json.dumps(name).encode()
        for path in POSTS:
            watch.ask(served, "POST", path, BODY.replace(b'"basic-6"', value))
            watch.ask(served, "POST", path, BODY.replace(b'"2025-09"', value))


def no_plan_left(served: Served, watch: Watch) -> None:
    """Ask for advice where every plan is excluded: the catalogue is empty."""
    every = [plan["plan_id"] for plan in json.loads(served.ask("GET", "/plans")[1])["plans"]]
    without = json.loads(BODY) | {"exclude": every}
    for asked in (without, {name: value for name, value in without.items() if name != "current_plan"}):
        watch.ask(served, "POST", "/recommend", json.dumps(asked).encode())


def by_schemathesis(command: str, served: Served, cases: int, folder: Path) -> tuple[int, int]:
    """Let schemathesis make requests from the document; return how many, and how many failed a check.

    Two processes, each with a seed and half of the cases: making them takes longer than answering them. A batch of
    random records takes ten times as long to make as one of them, and asks the same of each: those get fewer.
    """
    document = json.loads(served.ask("GET", "/openapi.json")[1])
    # Of a request without a body there are few different cases.
    bodies = [path for path, found in document["paths"].items() for one in found.values() if "requestBody" in one]
    batches = sum(path.endswith(_BATCH) for path in bodies)
    most = -(-cases // len(_SEEDS)) / (len(bodies) - batches + batches / _FEWER)
    parts = [["--exclude-path-regex", f"{_BATCH}$", "--max-examples", str(ceil(most))]]
    if batches:
        parts.append(["--include-path-regex", f"{_BATCH}$", "--max-examples", str(ceil(most / _FEWER))])
    words = [
        str(Path(shutil.which(command) or command).absolute()),
        "run",
        f"http://127.0.0.1:{served.port}/openapi.json",
    ]
    words += ["--checks", "not_a_server_error,status_code_conformance", "--continue-on-failure"]
    made = bad = 0
    for part in parts:
        runs = [
            subprocess.Popen(
                [*words, *part, "--seed", seed],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for seed in _SEEDS
        ]
        for run in runs:
            now_made, now_bad = _counted(run.communicate()[0], failed=bool(run.returncode))
            made, bad = made + now_made, bad + now_bad
    return made, bad


def _counted(text: str, *, failed: bool) -> tuple[int, int]:
    """Return how many cases one run made, and how many failed."""
    generated = re.search(r"(\d[\d,]*) generated", text)
    if generated is None:
        raise SystemExit(f"schemathesis said nothing that can be read:\n{text[-3000:]}")
    made = int(generated[1].replace(",", ""))
    if not failed:
        return made, 0
    print(text[-6000:])
    found = re.search(r"(\d+) unique failures?|(\d+) found", text)
    return made, int(next(filter(None, found.groups()))) if found else 1


def main() -> int:
    """Attack, print what was found, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--canaries", type=int, default=10_000)
    parser.add_argument("--names", type=int, default=200)
    parser.add_argument("--cases", type=int, default=20_000, help="what schemathesis is asked for")
    parser.add_argument("--schemathesis", help="its command")
    options = parser.parse_args()
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(options.bundle, folder / "log", settings={"LOG_SAMPLE": 1}) as served:
            watch = Watch(json.loads(served.ask("GET", "/openapi.json")[1]))
            for body in corpus():
                for path in POSTS:
                    watch.ask(served, "POST", path, body)
            no_plan_left(served, watch)
            results.append(Result("bodies of the corpus x routes", watch.asked))
            before = watch.asked
            names(served, watch, options.names)
            results.append(Result("hostile names x routes x places", watch.asked - before))
            for method, path, body in canaries(options.canaries):
                watch.ask(served, method, path, body, CANARY)
            results.append(Result("requests with the canary", options.canaries))
            if options.schemathesis:
                made, failed = by_schemathesis(options.schemathesis, served, options.cases, folder)
                results += [Result("cases of schemathesis", made), Result("checks failed", failed, 0)]
            alive = served.ask("POST", "/predict", BODY)[0]
        logged = (folder / "log").read_text(encoding="utf-8", errors="replace")
    results += [
        Result("5xx", watch.faults, 0),
        Result("statuses not in the document", watch.undocumented, 0),
        Result("requests without an answer", watch.unanswered, 0),
        Result("echoes in answers to errors", watch.echoes, 0),
        Result("echoes in the log", logged.count(CANARY), 0),
        Result("lines in the log", logged.count("\n")),
        Result("not answered at the end", int(alive != 200), 0),
        Result("exit code of the service", abs(served.process.returncode or 0), 0),
    ]
    return finish("Hostile requests", results)


if __name__ == "__main__":
    sys.exit(main())
