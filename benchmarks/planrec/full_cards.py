"""Full cards against DuckDB: totals of h05's plan and nine variants on 2 million events, against one GROUP BY.

Usage: python benchmarks/planrec/full_cards.py [EVENTS] [ROUNDS]

Times are processor seconds of one thread, preparation (local time, periods, cells) included.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import duckdb
import numpy as np

from planrec.billing.cards import BillRequest, FullCard, Tree, parse_card, parse_request, read_marked_tree
from planrec.billing.events import Events
from planrec.billing.rating import bill_events

CARD = """
version: bench
currency: EUR
timezone: Europe/Berlin
bands: {weekend: [{days: [sat, sun], from: "00:00", to: "24:00"}]}
plans:
  - plan_id: duo
    fee: 1490
    allowances:
      - {name: weekend, kind: call, to: [on_net], when: weekend, amount: unlimited}
      - {name: EU minutes, kind: call, to: [intl_eu], amount: 30, unit: minute}
      - {name: national minutes, kind: call, to: [on_net, off_net, fixed], amount: 100, unit: minute}
      - {name: any minutes, kind: call, to: [on_net, off_net, fixed, intl_eu], amount: 20, unit: minute}
      - {name: messages, kind: sms, to: [national], amount: 3}
      - {name: data, kind: data, amount: 500}
    rates:
      - {kind: call, to: [on_net, off_net, fixed], item: calls national, setup: 10, increment: 60/60, per_minute: 9}
      - {kind: call, to: [intl_eu], item: calls EU, setup: 10, increment: 60/1, per_minute: 19}
      - {kind: sms, to: [national], item: messages, each: 9}
      - {kind: data, item: data, block_mb: 100, per_block: 200, rounded: period}
"""
CLASSES = ("", "on_net", "off_net", "fixed", "intl_eu", "national")


def variant(i: int) -> FullCard:
    """Return the card with other amounts and prices."""
    text = CARD.replace("amount: 100,", f"amount: {100 + 25 * i},").replace("per_minute: 9}", f"per_minute: {9 + i}}}")
    return parse_card(read_marked_tree(text.encode(), "card"), "card")


def drawn(n: int, subscribers: int) -> Events:
    """Return n events of two months, sorted by subscriber and time."""
    rng = np.random.default_rng(1)
    who = np.sort(rng.integers(0, subscribers, n))
    start = int(np.datetime64("2025-06-01T00:00:00", "s").astype(np.int64)) - 7200
    instant = rng.integers(start, start + 61 * 86_400, n)
    order = np.lexsort((instant, who))
    kind = rng.choice(4, n, p=[0.45, 0.0, 0.15, 0.4]).astype(np.int8)
    seconds, micro = rng.integers(0, 1200, n), rng.integers(0, 60_000_000, n)
    quantity = np.where(kind == 0, seconds, np.where(kind == 2, 1, micro))
    to = np.where(kind == 0, rng.integers(1, 5, n), np.where(kind == 2, 5, 0))
    names = tuple(f"s{i}" for i in range(subscribers))
    return Events(
        None,
        names,
        CLASSES,
        ("home",),
        who,
        kind,
        instant[order] * 1_000_000,
        quantity,
        to,
        np.zeros(n, dtype=np.int64),
    )


def request_of(events: Events) -> BillRequest:
    """Return a request that bills everybody on the plan."""
    subscribers: Tree = {name: {"plan": "duo"} for name in events.subscribers}
    return parse_request({"bill": ["2025-06", "2025-07"], "subscribers": subscribers}, "request")


def grouped(events: Events) -> float:
    """Return processor seconds of DuckDB's GROUP BY over the same events."""
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    period = (events.instant >= 1751320800 * 1_000_000).astype(np.int64)
    columns = {"subscriber": events.subscriber, "period": period, "seconds": events.quantity, "mb": events.quantity}
    connection.register("columns_of", columns)
    connection.execute("CREATE TABLE events AS SELECT * FROM columns_of")
    began = time.process_time()
    query = "SELECT subscriber, period, sum(seconds), sum(mb), count(*) FROM events GROUP BY ALL"
    connection.execute(query).fetchnumpy()
    return time.process_time() - began


def main(arguments: list[str]) -> int:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("events", nargs="?", type=int, default=2_000_000, help="number of events")
    parser.add_argument("rounds", nargs="?", type=int, default=3, help="paired rounds")
    told = parser.parse_args(arguments)
    n, rounds = told.events, told.rounds
    events = drawn(n, n // 100)
    request = request_of(events)
    cards = [variant(i) for i in range(10)]
    ours, theirs = [], []
    for round_ in range(rounds):
        theirs.append(grouped(events))
        began = time.process_time()
        bill_events(cards[round_ % 10], request, events)
        ours.append(time.process_time() - began)
    ratio = float(np.median(theirs) / np.median(ours))
    figures = {"events": n, "duckdb_s": round(float(np.median(theirs)), 4), "ours_s": round(float(np.median(ours)), 4)}
    print(json.dumps({**figures, "share_of_duckdb": round(ratio, 3), "script": Path(__file__).name}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
