"""A card of short and full plans in a small bundle, and people whose months are known as totals and as cells."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from common_utils.bundle import Bundle, write_bundle
from planrec.billing.cards import parse_card, parse_request, read_marked_tree
from planrec.billing.cell_months import count_cells, scheme_of
from planrec.billing.events import read_events
from planrec.bundle.contents import CATALOGUE_FILE
from planrec.usage.cell_files import write_cells

__all__ = ["FULL", "FURTHER", "PEOPLE", "cells_of", "mixed_bundle", "mixed_card", "scheme_digest", "write_case"]

PEOPLE = 12
FULL = """plans:
  - plan_id: basic-6x
    name: Basic 6 by the second
    rates:
      - {kind: call, to: [fixed], item: calls to fixed lines, setup: 18.15, increment: 60/1, per_minute: 3}
      - {kind: call, item: calls, per_minute: [[0, 0], [300, 3.63]]}
      - {kind: sms, item: messages, each: 9}
      - {kind: data, item: data, per_mb: 0.8}
"""
FURTHER = """  - plan_id: gigas-x
    name: Gigas
    fee: 1000
    allowances:
      - {kind: data, name: four gigabytes, amount: 4096}
      - {kind: sms, amount: 5}
    rates:
      - {kind: call, item: calls, per_minute: 1}
      - {kind: sms, item: messages, each: 9}
      - {kind: data, item: data, per_mb: 0.1}
  - plan_id: least-x
    name: Least price
    rates: [{kind: call, item: calls, minimum: 15, per_minute: 9}, {kind: sms, item: messages, each: 3}]
    not_sold: [{kind: data}]
  - plan_id: talk-x
    name: Talk
    rates: [{kind: call, item: calls, per_minute: 2}, {kind: sms, item: messages, each: 3}]
    not_sold: [{kind: data}]
"""


def mixed_card(project: Path, full: str = FULL) -> str:
    """Return the shipped plans behind some that three totals do not price."""
    short = (project / "configs" / "plans.yaml").read_text(encoding="utf-8")
    return short.replace("rounding:", "timezone: Europe/Madrid\nrounding:", 1).replace("plans:\n", full, 1)


def mixed_bundle(bundle: Bundle, card: str, folder: Path) -> Bundle:
    """Write the small bundle with that card in the place of its own; all else, the models too, is the same."""

    def write(into: Path) -> None:
        for name in bundle.files:
            (into / name).write_bytes(card.encode() if name == CATALOGUE_FILE else bundle.read_bytes(name))

    return write_bundle(folder, info=dict(bundle.info), write=write)


def _months(plans: Iterable[str]) -> pd.DataFrame:
    """Six months of a few people, each on a plan of the card."""
    held = tuple(plans)
    rows = [
        {
            "subscriber_id": f"s{i:02d}",
            "month": f"2025-{5 + back:02d}",
            "minutes": 40 * i + 10 * back,
            "messages": 3 * i,
            "megabytes": 900.5 * i + 100 * back,
            "current_plan": held[i % len(held)],
            "age": 20 + 4 * i,
            "tenure_months": 10 + back,
            "contract_months_left": i % 3 + 5 - back,
            "consent": i % 4 > 0,
            "contacts_90d": 0,
            "holdout": False,
        }
        for i in range(PEOPLE)
        for back in range(6)
    ]
    return pd.DataFrame(rows)


def write_case(card: str, folder: Path, plans: Iterable[str]) -> tuple[Path, Path]:
    """Write the usage months and the same as cells: one call, one session and single messages a month."""
    months = _months(plans)
    months.to_csv(folder / "usage.csv", index=False)
    lines = ["event,subscriber,kind,start,seconds,mb,to,at"]
    for i, row in enumerate(months.itertuples()):
        start = f"{row.month}-03T10:00:00"
        uses = [("call", f"{row.minutes * 60}", "")] * (row.minutes > 0)
        uses += [("data", "", f"{row.megabytes}")] * (row.megabytes > 0) + [("sms", "", "")] * row.messages
        lines += [
            f"{i}-{k},{row.subscriber_id},{kind},{start},{seconds},{mb},{'fixed' * (kind != 'data')},home"
            for k, (kind, seconds, mb) in enumerate(uses)
        ]
    tree = parse_card(read_marked_tree(card.encode(), "card"), "card")
    who = {name: {"plan": "basic-6x"} for name in sorted(set(months["subscriber_id"]))}
    request = parse_request({"bill": sorted(set(months["month"])), "subscribers": who}, "accounts")
    events = read_events("\n".join(lines).encode(), "events.csv", tree.timezone, request.subscribers)
    write_cells(count_cells(tree, request, events), folder / "cells.parquet")
    return folder / "usage.csv", folder / "cells.parquet"


def scheme_digest(card: str) -> str:
    """Return the digest of the scheme of a card's cells."""
    return scheme_of(parse_card(read_marked_tree(card.encode(), "card"), "card")).digest


def cells_of(path: Path) -> dict[str, dict[str, Any]]:
    """Return the cells of a Parquet file as the part `cells` of requests, by subscriber."""
    table = pq.read_table(path)
    digest = table.schema.metadata[b"cell_scheme"].decode()
    found: dict[str, dict[str, Any]] = {}
    for row in table.to_pylist():
        told = {name: value for name, value in row.items() if value is not None and name != "subscriber_id"}
        beyond = [told.pop(name) for name in list(told) if name.startswith("seconds_beyond_")]
        part = found.setdefault(row["subscriber_id"], {"scheme": digest, "rows": []})
        part["rows"].append({**told, **({"seconds_beyond": beyond} if beyond else {})})
    return found
