"""A card of full plans beside one in the short form, and cells of usage that it counts; figures are easy by hand."""

from __future__ import annotations

from pathlib import Path

from planrec.billing.cards import load_request
from planrec.billing.cell_months import count_cells, load_cell_plans
from planrec.usage.billed_events import read_billed_events
from planrec.usage.cell_files import write_cells

CALLS = "{kind: call, item: calls, setup: 5, increment: 60/1, per_minute: 6}"
CARD = f"""version: cells-1
currency: EUR
timezone: Europe/Madrid
rounding: {{minutes: call, data_unit_megabytes: 1024}}
plans:
  - plan_id: metered
    name: By the second
    rates: [{CALLS}, &sms {{kind: sms, item: messages, each: 3}}, &data {{kind: data, item: data, per_mb: 0.2}}]
  - plan_id: flat
    fee: 2000
    rates: [{{kind: call, item: calls, per_minute: 0}}, *sms, *data]
  - plan_id: least
    rates: [{{kind: call, item: calls, minimum: 15, per_minute: 9}}, *sms, *data]
  - plan_id: calls-only
    not_sold: [{{kind: data}}]
    rates: [{CALLS}, *sms]
"""
FULL_ALONE = CARD.replace("rounding: {minutes: call, data_unit_megabytes: 1024}\n", "")
SHORT = """  - plan_id: surf
    name: Surf
    monthly_fee_cents: 2000
    included: {minutes: 500, messages: 50, megabytes: 15360}
    overage: {cents_per_minute: 3, cents_per_message: 3, cents_per_data_unit: 1000}
"""
ACCOUNTS = """bill: ["2025-09", "2025-10"]
subscribers: {a: {plan: flat}, b: {plan: flat}, d: {plan: flat}, e: {plan: flat}, f: {plan: flat}}
"""
EVENTS = """event,subscriber,kind,start,seconds,mb,to,at
e1,a,call,2025-09-03T10:00:00,100,,,home
e2,a,call,2025-10-03T10:00:00,30,,,home
e3,a,data,2025-10-03T11:00:00,,1000,,home
e4,b,data,2025-10-03T11:00:00,,20000,,home
e5,d,call,2025-10-03T11:00:00,60,,,home
e6,e,data,2025-10-03T11:00:00,,500,,home
e7,f,call,2025-10-03T11:00:00,60,,,home
"""


def write_cell_files(folder: Path, usage: str, card_text: str = CARD + SHORT) -> dict[str, Path]:
    """Write a card, usage months and the cells of the events, as CSV and Parquet; return the files by name."""
    texts = {"card.yaml": card_text, "accounts.yaml": ACCOUNTS, "events.csv": EVENTS, "usage.csv": usage}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    card, request = load_cell_plans(folder / "card.yaml").card, load_request(folder / "accounts.yaml")
    events = read_billed_events(card, request, folder / "events.csv")
    names = ("cells.csv", "cells.parquet")
    for name in names:
        write_cells(count_cells(card, request, events), folder / name)
    return {name: folder / name for name in ("card.yaml", "usage.csv", *names)}
