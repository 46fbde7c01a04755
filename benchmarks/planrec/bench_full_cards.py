"""Full cards against DuckDB: totals of h05's plan and nine variants on 2 million events, against one GROUP BY.

Times are processor seconds of one thread. Ours is a tenth of the time of all ten plans, preparation (local time,
periods, cells) included; the share is DuckDB's time divided by it, the median of paired rounds of one run.
"""

from __future__ import annotations

import time

import duckdb
import numpy as np
from figures import arguments, report

from planrec.billing.cards import BillRequest, FullCard, Tree, parse_card, parse_request, read_marked_tree
from planrec.billing.events import Events
from planrec.billing.rating import plan_totals

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


PLANS = 10


def ten_plans() -> FullCard:
    """Return the card with nine variants of its plan, of other amounts and prices."""
    head, plan = CARD.split("plans:\n")
    plans = [
        plan.replace("plan_id: duo", f"plan_id: duo{i or ''}")
        .replace("amount: 100,", f"amount: {100 + 25 * i},")
        .replace("per_minute: 9}", f"per_minute: {9 + i}}}")
        for i in range(PLANS)
    ]
    return parse_card(read_marked_tree(f"{head}plans:\n{''.join(plans)}".encode(), "card"), "card")


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


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__).parse_args()
    n, rounds = (200_000, 2) if options.quick else (2_000_000, 5)
    events = drawn(n, n // 100)
    request, card = request_of(events), ten_plans()
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(grouped(events))
        began = time.process_time()
        plan_totals(card, request, events)
        ours.append((time.process_time() - began) / PLANS)
    report(
        "planrec_full_cards",
        {
            "events": n,
            "plans": PLANS,
            "duckdb_seconds": round(float(np.median(theirs)), 4),
            "seconds_a_plan": round(float(np.median(ours)), 4),
            "share_of_duckdb": round(float(np.median(np.array(theirs) / np.array(ours))), 3),
        },
        options,
    )


if __name__ == "__main__":
    main()
