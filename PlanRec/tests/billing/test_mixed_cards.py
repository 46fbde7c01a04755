"""Cards that hold plans in the short form beside full ones: who is priced from three totals, and who never is."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import ConfigError
from planrec.advice.ranking import AdvicePolicy
from planrec.advice.subscriber import advise_subscriber
from planrec.advice.what_if import parse_plan
from planrec.billing import Usage, bill_totals, load_catalogue, parse_catalogue
from planrec.billing.cards import MarkedTree, in_full, parse_card, parse_request, read_marked_tree
from planrec.billing.events import read_events
from planrec.billing.rating import bill_events
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.months import month_index
from planrec.notices.figures import figures_of
from planrec.notices.notice import basis_of, versions_of
from planrec.pricing.draft import check_draft
from planrec.rules import Rules, built_in_rules
from planrec.rules.rulebook import PlanRule, check_rules

MONTH = month_index("2025-03")
CARD = """version: mixed-1
currency: EUR
timezone: Europe/Madrid
rounding: {minutes: call, data_unit_megabytes: 1024}
bands: {night: [{days: [mon], from: "00:00", to: "07:00"}]}
plans:
  - plan_id: cero
    rates:
      - {kind: call, to: [fixed], when: night, item: calls, setup: 18.15, per_minute: [[0, 0], [300, 3.63]]}
      - {kind: data, item: data, per_mb: 0.8}
  - plan_id: basic
    name: Basic
    monthly_fee_cents: 900
    included: {minutes: 100, messages: null, megabytes: 1024}
    overage: {cents_per_minute: 9, cents_per_message: 9, cents_per_data_unit: 500}
  - plan_id: big
    name: Big
    monthly_fee_cents: 3000
    included: {minutes: null, messages: 10, megabytes: 20480}
    overage: {cents_per_minute: 0, cents_per_message: 7, cents_per_data_unit: 200}
    contract_months: 12
"""
NEEDS = (
    "the class of the number called (rates[0].to)",
    "the time of each use (rates[0].when)",
    "each call (rates[0].setup)",
)
USAGE = """subscriber_id,month,minutes,messages,megabytes,current_plan
a,2025-01,50,5,500,big
a,2025-02,60,5,500,big
a,2025-03,50,5,500,big
"""


def test_short_plans_of_a_mixed_card_are_priced_and_the_others_say_what_they_need() -> None:
    catalogue = parse_catalogue(CARD.encode(), "card")
    assert catalogue.plan_ids == ("basic", "big")
    assert [(p.plan_id, p.needs) for p in catalogue.detailed] == [("cero", NEEDS)]


def test_short_plan_of_a_mixed_card_costs_what_it_costs_alone() -> None:
    alone = CARD[: CARD.index("timezone")] + CARD[CARD.index("rounding") : CARD.index("bands")]
    alone += "plans:\n" + CARD[CARD.index("  - plan_id: basic") :]
    usage = Usage.of([150.0, 50.0], [20.0, 0.0], [30000.0, 1024.0])
    mixed = bill_totals(usage, parse_catalogue(CARD.encode(), "card"))
    assert mixed.tolist() == bill_totals(usage, parse_catalogue(alone.encode(), "card")).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_short_plan_written_out_bills_events_as_its_three_totals(seed: int) -> None:
    rng = np.random.default_rng(seed)
    card = parse_card(read_marked_tree(CARD.encode(), "card"), "card")
    lines, minutes, messages, micro = ["event,subscriber,kind,start,seconds,mb,to,at"], 0, 0, 0
    for i in range(200):
        kind, day = str(rng.choice(["call", "sms", "data"])), int(rng.integers(1, 31))
        seconds, mb = int(rng.integers(0, 400)), int(rng.integers(0, 10**9))
        start = f"2025-03-{day:02d}T12:00:00+01:00"
        lines.append(
            f"e{i},A,{kind},{start},{seconds if kind == 'call' else ''},"
            f"{mb / 10**6 if kind == 'data' else ''},fixed,home"
        )
        minutes += -(-seconds // 60) if kind == "call" else 0
        messages += kind == "sms"
        micro += mb if kind == "data" else 0
    events = read_events("\n".join(lines).encode(), "events.csv", card.timezone, ["A"])
    catalogue = parse_catalogue(CARD.encode(), "card")
    wanted = bill_totals(Usage.of([minutes], [messages], [micro / 10**6]), catalogue)[0]
    for plan, cents in zip(catalogue.plan_ids, wanted.tolist(), strict=True):
        request = parse_request({"bill": ["2025-03"], "subscribers": {"A": {"plan": plan}}}, "request")
        assert bill_events(card, request, events).totals.tolist() == [[cents]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("minutes: call", "minutes: month", "rounding.minutes: plans in the short form", id="month"),
        pytest.param("contract_months: 12", "contrct: 12", r"plans\.2\.contrct: unknown key", id="unknown-key"),
        pytest.param("messages: 10, ", "", r"plans\.2\.included: write minutes", id="missing-part"),
        pytest.param("monthly_fee_cents: 900", "monthly_fee_cents: 9.5", r"line 13, plans\.1\.monthly_fee", id="cents"),
        pytest.param("plan_id: big", "plan_id: basic", "stands twice", id="twice"),
    ],
)
def test_mixed_card_is_refused_with_its_key(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_catalogue(CARD.replace(old, new).encode(), "card")


def test_card_without_a_short_plan_prices_nobody_from_three_totals() -> None:
    full = CARD[: CARD.index("  - plan_id: basic")].replace(
        "rounding: {minutes: call, data_unit_megabytes: 1024}\n", ""
    )
    with pytest.raises(ConfigError, match=r"from the three totals of usage months: cero needs the class of the number"):
        parse_catalogue(full.encode(), "card")


def test_whole_short_tree_is_left_alone_where_nothing_is_short() -> None:
    marked = MarkedTree({"plans": [{"plan_id": "a"}]})
    assert in_full(marked, "card") is marked


def test_recommend_excludes_what_needs_detail_and_says_what_would_be_needed(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "card.yaml").write_text(CARD, encoding="utf-8")
    (tmp_path / "usage.csv").write_text(USAGE, encoding="utf-8")
    out, why = tmp_path / "out.csv", tmp_path / "why.csv"
    asked = ("--usage", tmp_path / "usage.csv", "--plans", tmp_path / "card.yaml", "--as-of", "2025-03")
    assert run("recommend", *asked, "--output", out, "--excluded-output", why) == 0
    assert set(pd.read_csv(out)["plan_id"]) <= {"basic", "big"}
    reasons = pd.read_csv(why)
    assert reasons.loc[reasons["plan_id"] == "cero", "reason_code"].tolist() == ["NEEDS_USAGE_DETAIL"]
    said = capsys.readouterr()
    assert "each call (rates[0].setup)" in said.out + said.err


def test_bill_of_usage_months_leaves_it_out_and_says_so(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "card.yaml").write_text(CARD, encoding="utf-8")
    (tmp_path / "usage.csv").write_text(USAGE, encoding="utf-8")
    out = tmp_path / "out.csv"
    assert run("bill", "--usage", tmp_path / "usage.csv", "--plans", tmp_path / "card.yaml", "--output", out) == 0
    assert set(pd.read_csv(out)["plan_id"]) == {"basic", "big"}
    said = capsys.readouterr()
    assert "NEEDS_USAGE_DETAIL" in said.out + said.err
    assert load_catalogue(tmp_path / "card.yaml").version == "mixed-1"


def test_plans_say_what_detailed_plans_need_and_bill() -> None:
    from app.responses import PlansResponse

    shown = PlansResponse.of(parse_catalogue(CARD.encode(), "card")).needs_usage_detail
    assert [(p.plan_id, tuple(p.needs), p.items) for p in shown] == [("cero", NEEDS, ["calls", "data"])]


def test_notices_name_the_plans_that_were_not_compared() -> None:
    catalogue = parse_catalogue(CARD.encode(), "card")
    basis = basis_of(
        "a",
        as_of=date(2025, 4, 1),
        contract_end=None,
        current_plan="big",
        age=None,
        months=["2025-03"],
        usage=([50_000_000], [0], [0]),
        versions=versions_of(catalogue, "f" * 64),
    )
    assert figures_of([basis], catalogue)[0].not_offered == {"cero": "NEEDS_USAGE_DETAIL"}


def test_notices_of_a_mixed_card_are_written_and_verified(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card, usage, out = tmp_path / "card.yaml", tmp_path / "usage.csv", tmp_path / "out.jsonl"
    card.write_text(CARD, encoding="utf-8")
    lines = USAGE.splitlines()
    told = [f"{lines[0]},contract_months_left", *(f"{line},{2 - i}" for i, line in enumerate(lines[1:]))]
    usage.write_text("\n".join(told) + "\n", encoding="utf-8")
    asked = ("--usage", usage, "--plans", card, "--as-of", "2025-04-01")
    assert run("notices", *asked, "--output", out) == 0
    assert "plan cero is left out (NEEDS_USAGE_DETAIL)" in "".join(capsys.readouterr())
    assert run("notices", "--verify", out, "--plans", card) == 0


def test_rules_may_name_a_plan_that_usage_months_do_not_price() -> None:
    catalogue = parse_catalogue(CARD.encode(), "card")
    check_rules(Rules(version="mine", plans=(PlanRule(plans=("cero",), why="new customers only"),)), catalogue)
    with pytest.raises(ConfigError, match="'cera' is not a plan of rate card"):
        check_rules(Rules(version="mine", plans=(PlanRule(plans=("cera",), why="old"),)), catalogue)


def test_draft_with_a_full_plan_says_what_it_needs() -> None:
    full = b"plan_id: cero\nrates: [{kind: data, item: data, per_mb: 0.8}]\n"
    with pytest.raises(ConfigError, match=r"draft plan x: it is written as a full card's plan .*`planrec plans diff`"):
        parse_plan(full, "x")
    current = parse_catalogue(CARD.encode(), "card")
    big = CARD[CARD.index("  - plan_id: big") :]
    turned = CARD.replace(big, "  - {plan_id: big, rates: [{kind: data, item: data, per_mb: 0.8, at: [usa]}]}\n")
    with pytest.raises(ConfigError, match=r"draft rate card: plan big is left out .* the place of each use"):
        check_draft(current, parse_catalogue(turned.encode(), "draft"))


def test_single_answer_says_that_a_plan_needs_detail() -> None:
    catalogue = parse_catalogue(CARD.encode(), "card")
    record = SubscriberRecord([UsageMonth(MONTH, 510, 0, 100.0)], "big")
    asked = {"month": MONTH, "history_months": 6, "top_k": 5}
    advice = advise_subscriber(record, catalogue, AdvicePolicy(), built_in_rules(), **asked)
    assert advice.excluded["cero"] == "NEEDS_USAGE_DETAIL"
    assert {p.plan.plan_id for p in advice.plans} <= {"basic", "big"}
