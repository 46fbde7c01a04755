"""Legal bodies made to cost: a dozen at once must not keep `/health` waiting longer than a dozen valid batches do.

    python benchmarks/faults/floods.py --bundle PlanRec/artifacts

Unknown fields, wide batches, repeated keys, wrong kinds and deep nesting, each as large as the largest valid batch.
`--control` asks with a kind of body that costs what it should not: 24 MB that are read whole, beside small batches.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from planrec_service import Served, serving
from report import Result, finish

AT_ONCE = 12
MOST_RATIO = 1.5
BODY_BYTES = 1_000_000
_RECORD = {
    "usage": [
        {"month": f"{2024 + m // 12}-{m % 12 + 1:02d}", "minutes": 312.5, "messages": 20, "megabytes": 9150.25}
        for m in range(12)
    ],
    "current_plan": "basic-6",
}


def valid(size: int) -> bytes:
    """Return a batch that is answered, of about so many bytes; 1,000 records at most."""
    count = min(1000, size // (len(json.dumps(_RECORD)) + 2))
    return json.dumps({"records": [_RECORD] * count}).encode()


def _repeated(item: bytes, size: int) -> bytes:
    return b",".join([item] * (size // (len(item) + 1)))


def floods(size: int) -> dict[str, tuple[str, bytes]]:
    """Return path and body of each kind of flood, of about so many bytes."""
    keys = b"{" + b",".join(b'"k%05x":1' % number for number in range(size // 11)) + b"}"
    record, half = json.dumps(_RECORD).encode(), size // 2
    nested = b'{"usage":' + b"[[]," * (size // 5) + b"1" + b"]" * (size // 5) + b"}"
    wrong = b'{"usage":[],"age":[{}],"tenure_months":{},"contract_months_left":[],"current_plan":{"a":[{}]}}'
    return {
        "unknown fields": ("/predict", keys),
        "unknown fields in a record": ("/predict/batch", b'{"records":[' + keys + b"]}"),
        "unknown fields after valid records": (
            "/predict/batch",
            b'{"records":[' + _repeated(record, half) + b"," + keys[:half].rsplit(b",", 1)[0] + b"}]}",
        ),
        "unknown fields of advice": ("/recommend", keys),
        "unknown fields of what-if": ("/what-if", keys),
        "empty records": ("/predict/batch", b'{"records":[' + _repeated(b"{}", size) + b"]}"),
        "numbers for records": ("/predict/batch", b'{"records":[' + _repeated(b"1", size) + b"]}"),
        "a known key again and again": ("/predict", b"{" + _repeated(b'"age":1', size) + b"}"),
        "months without fields": ("/predict", b'{"usage":[' + _repeated(b"{}", size) + b"]}"),
        "wrong kinds in every union": ("/predict/batch", b'{"records":[' + _repeated(wrong, size) + b"]}"),
        "deep nesting": ("/predict", nested),
    }


def processor_seconds(served: Served) -> float:
    """Return the processor time the service has used."""
    words = Path(f"/proc/{served.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / 100


def cost(served: Served, path: str, body: bytes, times: int) -> tuple[float, set[int]]:
    """Return processor seconds of one request, and the statuses."""
    before = processor_seconds(served)
    statuses = {served.ask("POST", path, body)[0] for _ in range(times)}
    return (processor_seconds(served) - before) / times, statuses


def waits(served: Served, ask: Callable[[], object], rounds: int) -> list[float]:
    """Return how long `/health` took, seconds, sorted, while so many ask at once again and again."""
    left = threading.Semaphore(AT_ONCE * rounds)
    taken: list[float] = []

    def client() -> None:
        while left.acquire(blocking=False):
            ask()

    clients = [threading.Thread(target=client) for _ in range(AT_ONCE)]
    for one in clients:
        one.start()
    kept = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    while any(one.is_alive() for one in clients):
        begun = time.perf_counter()
        kept.request("GET", "/health")
        kept.getresponse().read()
        taken.append(time.perf_counter() - begun)
        time.sleep(0.002)
    kept.close()
    return sorted(taken)


def tail(taken: list[float]) -> tuple[float, float]:
    """Return 99th percentile and worst, milliseconds."""
    return 1000 * taken[int(0.99 * (len(taken) - 1))], 1000 * taken[-1]


def shortest_tail(
    served: Served, ask: Callable[[], object], rounds: int, most: tuple[float, float]
) -> tuple[float, float]:
    """Return the least `tail` of up to three runs; the first within `most` ends them.

    Other work of the machine makes one run of some seconds slow, and not three. What a body costs comes back each time.
    """
    p99, worst = tail(waits(served, ask, rounds))
    for _ in range(2):
        if p99 <= most[0] and worst <= most[1]:
            break
        again = tail(waits(served, ask, rounds))
        p99, worst = min(p99, again[0]), min(worst, again[1])
    return p99, worst


def measured(served: Served, size: int, rounds: int, times: int, most: float) -> list[Result]:
    """Measure every kind against valid batches of the same size; `/health` may wait `most` times as long."""
    batch = valid(size)
    served.ask("POST", "/predict/batch", batch)
    batch_cost, answered = cost(served, "/predict/batch", batch, times)
    batch_waits = [tail(waits(served, lambda: served.ask("POST", "/predict/batch", batch), rounds)) for _ in range(3)]
    p99, worst = (max(column) for column in zip(*batch_waits, strict=True))
    results = [
        Result("largest valid batch, bytes", len(batch)),
        Result("largest valid batch not answered", int(answered != {200}), 0),
        Result("valid batch: processor ms", 1000 * batch_cost),
        Result("valid batches: /health p99, ms", p99),
        Result("valid batches: /health worst, ms", worst),
    ]
    for kind, (path, body) in floods(size).items():
        body_cost, statuses = cost(served, path, body, times)
        kind_p99, kind_worst = shortest_tail(
            served, lambda p=path, b=body: served.ask("POST", p, b), rounds, (most * p99, most * worst)
        )
        results += [
            Result(f"{kind}: not refused", int(not statuses <= {400, 413, 422}), 0),
            Result(f"{kind}: processor time, of a batch", body_cost / batch_cost, 1.0),
            Result(f"{kind}: /health p99, of batches", kind_p99 / p99, most),
            Result(f"{kind}: /health worst, of batches", kind_worst / worst, most),
        ]
    return results


def control(bundle: Path, folder: Path) -> list[Result]:
    """Hold small batches against bodies of 24 MB: the ratios must break."""
    limits = {"LIMITS__MAX_BODY_BYTES": 1 << 26, "LIMITS__MAX_BATCH_ROWS": 100_000}
    with serving(bundle, folder / "log", settings=limits) as served:
        batch = valid(20_000)
        small, _ = cost(served, "/predict/batch", batch, 20)
        records = ",".join([json.dumps(_RECORD)] * 30_000)
        large, _ = cost(served, "/predict/batch", f'{{"records":[{records},{{"usage":1}}]}}'.encode(), 1)
    return [Result("processor time, of a batch", large / max(small, 1e-3), 1.0)]


def main() -> int:
    """Run all, print the table, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=20, help="times that each of twelve clients asks")
    parser.add_argument("--times", type=int, default=20, help="requests of each kind whose processor time is taken")
    parser.add_argument("--bytes", type=int, default=BODY_BYTES)
    parser.add_argument(
        "--most", type=float, default=MOST_RATIO, help="waits of /health over those beside valid batches"
    )
    parser.add_argument("--control", action="store_true", help="bodies that cost too much: must be found out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.control:
            results = control(options.bundle, folder)
        else:
            with serving(options.bundle, folder / "log") as served:
                results = measured(served, options.bytes, options.rounds, options.times, options.most)
    return finish("Floods", results)


if __name__ == "__main__":
    sys.exit(main())
