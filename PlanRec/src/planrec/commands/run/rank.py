"""`planrec plans rank`: the plans of a full card for each subscriber, by the bills to expect."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np

from common_utils.command_line.terminal import note
from common_utils.outputs import write_text
from planrec.advice.full_cards import FullPlanRank, rank_full_plans
from planrec.billing.cards import accounts_lines, load_request
from planrec.billing.complete_cards import load_complete_card
from planrec.billing.rating import accounts_of
from planrec.commands.run.full_cards import EventBilling
from planrec.outlook.full_cards import expected_bills
from planrec.rules import Rules, built_in_rules, load_rules
from planrec.usage.billed_events import read_billed_events

__all__ = ["run_plan_rank"]


def run_plan_rank(asked: EventBilling, output: Path, rules_file: Path | None) -> None:
    """Write the plans of each subscriber with the bills to expect in the period after those listed.

    Raises
    ------
    ConfigError
        If the card, the accounts or the rules cannot be used, or the card is prepaid or has a pool.
    DataError
        If the events cannot be used, or nobody has a whole period behind them.
    """
    card, request = load_complete_card(asked.card), load_request(asked.accounts)
    rules: Rules = built_in_rules() if rules_file is None else load_rules(rules_file)
    events = read_billed_events(card, request, asked.events, decimal=asked.decimal)
    with accounts_lines(asked.accounts):
        held = accounts_of(card, request).plan[:, -1]
    bills = expected_bills(card, request, events, np.random.default_rng(0))
    rows = list(rank_full_plans(card, request, held, bills, rules))
    write_text(output, _csv(rows))
    people = {row.subscriber: row.advice for row in rows}
    switch = sum(advice == "switch" for advice in people.values())
    note(f"{len(people):,} subscribers, {switch:,} advised to switch, by {card.version} and rules {rules.version}")
    buyers = sum(bool(holder.bought) for holder in request.subscribers.values())
    if buyers:
        note(
            f"options under `bought` of {buyers:,} subscriber(s) are of their days alone; no later purchase is expected"
        )
    if len(request.subscribers) > len(people):
        left = len(request.subscribers) - len(people)
        note(f"{left:,} without an answer: they have left, or have no whole period behind them")
    note(f"{len(rows):,} rows written to {output}")


def _csv(rows: Iterable[FullPlanRank]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(FullPlanRank)])
    writer.writerows(
        ["" if v is None else str(v).lower() if isinstance(v, bool) else v for v in astuple(r)] for r in rows
    )
    return out.getvalue()
