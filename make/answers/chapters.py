"""What is asked of a checkout, in chapters that need nothing of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

from answers.files import bundle_items, document, line_items, table_items
from answers.payloads import MAKERS, Request, bank_customer, car, requests, telecom_month
from answers.records import Item
from answers.running import Checkout
from answers.tables import write_records, write_usage

__all__ = ["CHAPTERS"]

_PLANS = "configs/plans.yaml"
_PAYLOADS, _FEWER = 1000, 300
_SUBSCRIBERS, _TO_NOTIFY = 400, 2000
_NEW_PLAN = """plan_id: next-30
name: Next 30
monthly_fee_cents: 2590
included: {minutes: 500, messages: null, megabytes: 30720}
overage: {cents_per_minute: 4, cents_per_message: 0, cents_per_data_unit: 180}
perks: [streaming]
"""
_RULES = """version: other-rules
minimum_gain: {advice_cents: 300, offer_cents: 50}
contract: {while_bound: allow_dearer}
offers: {consent_required: false, max_contacts_90d: null, respect_holdout: true}
plans:
  - {plans: [prepaid-0], modes: [offer], holders_of: [unlimited], why: not promoted since March}
  - {plans: [family-40, talk-800], why: stock is short}
"""
_OTHER = (
    "simulator.subscribers=2000",
    "simulator.choice_process=satisficing",
    "evaluation.resamples=50",
    "advice.history_months=3",
    "offer.margin_weight=0.3",
)
_STUDY = (
    "simulator.subscribers=600",
    "evaluation.study.seeds=[101,102]",
    "evaluation.study.offer_runs=10",
    "evaluation.study.clean_seeds=1",
    "evaluation.resamples=50",
)
_SWITCHES = (
    "simulator.subscribers=300",
    "simulator.event_subscribers=20",
    "simulator.choice_process=satisficing",
    "simulator.drift=[{kind: price_rise, start: 2025-05, size: 0.1}, {kind: data_growth, start: 2025-07, size: 1.4}, "
    "{kind: flagship_launch, start: 2025-06, size: 22}, {kind: unit_slip, start: 2025-08, size: 0.05}, "
    "{kind: roaming_ban, start: 2025-09, size: 0.5}, {kind: new_segment, start: 2025-04, size: 0.4}]",
    "simulator.defects={duplicates: 0.01, negatives: 0.01, month_13: 0.01, unknown_plan: 0.01, decimal_comma: 0.01, "
    "plan_changed: 0.01, clock_shift: 0.01, orphans: 0.01}",
    "simulator.leaks=[monthly_charge, overage_fee, plan_discount_code, next_month_usage, retention_call, account_ref]",
)
_SAMPLE = (
    "data.source=sample",
    "data.sample_rows=1500",
    "model.members=[{kind: catboost, iterations: 30, depth: 4}, {kind: lightgbm, iterations: 20, leaves: 8}, "
    "{kind: hist, iterations: 20, leaves: 8}]",
    "training.split.folds=2",
    "training.split.repeats=1",
    "evaluation.resamples=50",
)
_RECORDS = MappingProxyType({"bankchurn": bank_customer, "carvision": car, "telecom": telecom_month})
_FURTHER = MappingProxyType(
    {
        "carvision": (
            "model.interval_members=[{kind: lightgbm, iterations: 20, leaves: 8}, {kind: hist, iterations: 9}]",
        )
    }
)
_ROUTES = ("predict", "predict batch", "recommend", "recommend offers", "recommend questionnaires", "what-if")


def default_bundle(checkout: Checkout) -> Iterator[Item]:
    """Yield what `make -C PlanRec train` makes, and everything that is answered from that bundle."""
    name, folder = "PlanRec default bundle", checkout.folder
    bundle, usage = folder / "artifacts", write_usage(folder / "usage.csv", _SUBSCRIBERS)
    parquet, rules, plan = checkout.to_parquet(usage), _file(folder, "rules.yaml", _RULES), _new_plan(folder)
    checkout.run("planrec", "train", "--output", bundle)
    yield from bundle_items(name, bundle)
    common = ("--as-of", "2025-10", "--bundle", bundle)
    for form, table in (("CSV", usage), ("Parquet", parquet)):
        output = folder / f"predictions{table.suffix}"
        checkout.run("planrec", "predict", "--usage", table, *common, "--output", output)
        yield from _table(checkout, f"{name}: predict, {form}", output)
    offers = (*common, "--mode", "offer", "--explain", "--excluded-output", folder / "no_offers.csv")
    checkout.run("planrec", "recommend", "--usage", usage, *offers, "--output", folder / "offers.csv")
    yield from table_items(f"{name}: recommend offers, CSV", folder / "offers.csv")
    yield from table_items(f"{name}: recommend offers, plans not offered", folder / "no_offers.csv")
    output = folder / "offers.parquet"
    words = (*common, "--mode", "offer", "--rules", rules, "--top", "5", "--min-gain-cents", "20")
    checkout.run("planrec", "recommend", "--usage", parquet, *words, "--output", output)
    yield from _table(checkout, f"{name}: recommend offers, Parquet, other rules", output)
    asked = ("--usage-factor", "1.2", "--travel", "--plan", plan, "--output", folder / "what_if.csv")
    checkout.run("planrec", "what-if", "--usage", usage, *common, *asked)
    yield from table_items(f"{name}: what-if", folder / "what_if.csv")
    checkout.run("planrec", "draft", "--usage", usage, *common, "--plan", plan, "--output", folder / "draft.csv")
    yield from table_items(f"{name}: draft", folder / "draft.csv", by=["plan_id"])
    with checkout.service("planrec", bundle) as service:
        for path in ("/plans", "/model", "/health", "/nowhere"):
            yield from service.items(f"{name}: GET {path}", [Request(path)])
        for kind in _ROUTES:
            yield from service.items(f"{name}: POST {_shown(kind)}", requests(kind, _PAYLOADS))


def other_bundle(checkout: Checkout) -> Iterator[Item]:
    """Yield what is answered from a bundle whose settings are not the project's: issue 12, section 2."""
    name, folder = "PlanRec other settings", checkout.folder
    bundle, usage = folder / "artifacts", write_usage(folder / "usage.csv", _SUBSCRIBERS)
    plan, rules = _new_plan(folder), _file(folder, "rules.yaml", _RULES)
    checkout.run("planrec", "train", "--output", bundle, *_set(_OTHER))
    yield from bundle_items(name, bundle)
    yield document(f"{name}: evaluate", checkout.run("planrec", "evaluate", "--json", "--bundle", bundle))
    common = ("--usage", usage, "--as-of", "2025-10", "--bundle", bundle)
    checkout.run("planrec", "recommend", *common, "--mode", "offer", "--output", folder / "offers.csv")
    yield from table_items(f"{name}: recommend offers", folder / "offers.csv")
    checkout.run("planrec", "predict", *common, "--output", folder / "predictions.csv")
    yield from table_items(f"{name}: predict", folder / "predictions.csv")
    checkout.run("planrec", "what-if", *common, "--minutes-factor", "2", "--output", folder / "what_if.csv")
    yield from table_items(f"{name}: what-if", folder / "what_if.csv")
    card = _file(folder, "draft.yaml", _card(checkout.root) + _indented(plan.read_text(encoding="utf-8")))
    words = ("--draft", card, "--bound-decide", "--output", folder / "draft.csv")
    checkout.run("planrec", "draft", *common, *words)
    yield from table_items(f"{name}: draft card", folder / "draft.csv", by=["plan_id"])
    with checkout.service("planrec", bundle, "--rules", rules) as service:
        for kind in _ROUTES:
            yield from service.items(f"{name}, other rules: POST {_shown(kind)}", requests(kind, _FEWER))


def without_bundle(checkout: Checkout) -> Iterator[Item]:
    """Yield what needs no bundle: the simulator with all its switches on, bills, advice, what-if, notices, refusals."""
    name, folder = "PlanRec without a bundle", checkout.folder
    usage = write_usage(folder / "usage.csv", _SUBSCRIBERS, defects=True)
    rules, plan = _file(folder, "rules.yaml", _RULES), _new_plan(folder)
    yield from _simulated(checkout, name)
    for source, table in (("simulator", folder / "simulated"), ("table", usage)):
        checkout.run("planrec", "data", "--data-source", source, "--data", table)
    events = ("--data-source", "table", "--data", folder / "simulated" / "events")
    checkout.run("planrec", "data", *events, "--set", "data.table.kind=events")
    checkout.run("planrec", "bill", "--usage", usage, "--plans", _PLANS, "--output", folder / "bills.csv")
    yield from table_items(f"{name}: bill", folder / "bills.csv")
    advice = ("--plans", _PLANS, "--as-of", "2025-10")
    words = (*advice, "--explain", "--excluded-output", folder / "excluded.csv", "--output", folder / "advice.csv")
    checkout.run("planrec", "recommend", "--usage", usage, *words)
    yield from table_items(f"{name}: recommend advice, CSV", folder / "advice.csv")
    yield from table_items(f"{name}: recommend advice, plans not offered", folder / "excluded.csv")
    table, output = checkout.to_parquet(write_usage(folder / "clean.csv", _SUBSCRIBERS)), folder / "advice.parquet"
    options = ("--rules", rules, "--history-months", "3", "--risk-weight", "0.8", "--top", "13")
    checkout.run("planrec", "recommend", "--usage", table, *advice, *options, "--output", output)
    yield from _table(checkout, f"{name}: recommend advice, Parquet, other rules", output)
    asked = ("--megabytes-factor", "0.5", "--travel", "--plan", plan, "--output", folder / "what_if.csv")
    checkout.run("planrec", "what-if", "--usage", usage, *advice, *asked)
    yield from table_items(f"{name}: what-if", folder / "what_if.csv")
    yield from _notices(checkout, name)
    checkout.run("planrec", "rules", "--check", rules, "--plans", _PLANS)
    _refused(checkout, usage)


def megaline(checkout: Checkout) -> Iterator[Item]:
    """Yield the back-test on the Megaline events, and a bundle trained on them."""
    bundle, usage = checkout.folder / "artifacts", write_usage(checkout.folder / "usage.csv", _SUBSCRIBERS)
    source = ("--data-source", "megaline")
    checkout.run("planrec", "data", *source)
    yield document("Megaline: back-test", checkout.run("planrec", "evaluate", *source, "--json"))
    checkout.run("planrec", "train", *source, "--output", bundle)
    yield from bundle_items("Megaline bundle", bundle)
    output = checkout.folder / "predictions.csv"
    words = ("--usage", usage, "--as-of", "2025-10", "--bundle", bundle, "--output", output)
    checkout.run("planrec", "predict", *words)
    yield from table_items("Megaline bundle: predict", output)


def study(checkout: Checkout) -> Iterator[Item]:
    """Yield the study of promises on small operators; too small to keep them, so that it leaves with 5."""
    yield document("PlanRec study", checkout.run("planrec", "study", "--json", *_set(_STUDY), expect=5))


def sibling(command: str, checkout: Checkout) -> Iterator[Item]:
    """Yield what a project on one table answers after training on its sample, with forests of each library."""
    folder, bundle, make = checkout.folder, checkout.folder / "artifacts", _RECORDS[command]
    records = write_records(folder / "records.csv", make, _PAYLOADS)
    checkout.run(command, "train", "--output", bundle, *_set((*_SAMPLE, *_FURTHER.get(command, ()))))
    yield from bundle_items(command, bundle)
    yield document(f"{command}: evaluate", checkout.run(command, "evaluate", "--json", "--bundle", bundle))
    asked = ("--input", records, "--bundle", bundle)
    checkout.run(command, "predict", *asked, "--output", folder / "predictions.csv")
    yield from table_items(f"{command}: predict", folder / "predictions.csv", by=["row"])
    for row in ("2", "9"):
        told = checkout.run(command, "explain", *asked, "--row", row, "--json")
        yield document(f"{command}: explain row {row}", told)
    if command == "carvision":
        checkout.run(command, "market", "--bundle", bundle)
    with checkout.service(command, bundle) as service:
        yield from service.items(f"{command}: GET /model", [Request("/model")])
        for kind in (command, f"{command} batch"):
            yield from service.items(f"{command}: POST {MAKERS[kind][0]}", requests(kind, _PAYLOADS))


def bankchurn(checkout: Checkout) -> Iterator[Item]:
    """Yield the answers of BankChurn-Predictor."""
    return sibling("bankchurn", checkout)


def carvision(checkout: Checkout) -> Iterator[Item]:
    """Yield the answers of CarVision-Market-Intelligence."""
    return sibling("carvision", checkout)


def telecom(checkout: Checkout) -> Iterator[Item]:
    """Yield the answers of TelecomAI-Customer-Intelligence."""
    return sibling("telecom", checkout)


CHAPTERS: MappingProxyType[str, Callable[[Checkout], Iterator[Item]]] = MappingProxyType(
    {
        "default": default_bundle,
        "other": other_bundle,
        "tables": without_bundle,
        "bankchurn": bankchurn,
        "carvision": carvision,
        "telecom": telecom,
        "megaline": megaline,
        "study": study,
    }
)
"""Every chapter, the longest first, so that two at a time end together."""


def _simulated(checkout: Checkout, name: str) -> Iterator[Item]:
    folder = checkout.folder / "simulated"
    checkout.run("planrec", "simulate", "--output", folder, *_set(_SWITCHES))
    tables = sorted(folder.rglob("*.parquet"))
    for table, text in zip(tables, checkout.to_csv(tables), strict=True):
        yield from table_items(f"{name}: simulate, {table.relative_to(folder)}", text)
        text.unlink()


def _notices(checkout: Checkout, name: str) -> Iterator[Item]:
    usage = write_usage(checkout.folder / "november.csv", _TO_NOTIFY, defects=True, latest=11)
    first, second = checkout.folder / "december.jsonl", checkout.folder / "january.jsonl"
    common = ("--usage", usage, "--plans", _PLANS)
    checkout.run("planrec", "notices", *common, "--as-of", "2025-12-01", "--output", first)
    yield from line_items(f"{name}: notices", first)
    words = ("--as-of", "2026-01-01", "--history-months", "3", "--sent", first, "--output", second)
    checkout.run("planrec", "notices", *common, *words)
    yield from line_items(f"{name}: notices after earlier ones", second)
    checkout.run("planrec", "notices", "--verify", first, "--plans", _PLANS)
    altered = first.read_text(encoding="utf-8").replace('"monthly_cents":', '"monthly_cents":1', 1)
    changed = _file(checkout.folder, "altered.jsonl", altered)
    checkout.run("planrec", "notices", "--verify", changed, "--plans", _PLANS, expect=5)


def _refused(checkout: Checkout, usage: Path) -> None:
    """Ask what must be refused; exit codes are among what is printed."""
    folder, output = checkout.folder, checkout.folder / "refused.csv"
    common = ("--usage", usage, "--as-of", "2025-10", "--output", output)
    empty, table = folder / "empty", _file(folder, "no_month.csv", "subscriber_id,minutes\ns1,3\n")
    bad = _file(folder, "bad_rules.yaml", _RULES.replace("offer_cents", "offer_cent"))
    checkout.run("planrec", "recommend", *common, expect=2)
    checkout.run("planrec", "recommend", *common, "--mode", "offer", "--risk-weight", "1", expect=2)
    checkout.run("planrec", "what-if", *common, "--plans", _PLANS, expect=2)
    checkout.run("planrec", "train", "--set", "training.sead=1", expect=2)
    checkout.run("planrec", "rules", "--check", bad, expect=2)
    checkout.run("planrec", "bill", "--usage", table, "--plans", _PLANS, "--output", output, expect=3)
    checkout.run("planrec", "predict", *common, "--bundle", empty, expect=4)


def _table(checkout: Checkout, name: str, path: Path) -> Iterator[Item]:
    """Yield a table that a command wrote, CSV or Parquet; an empty item where it wrote none."""
    readable = checkout.to_csv([path])[0] if path.suffix == ".parquet" and path.is_file() else path
    return table_items(name, readable)


def _set(settings: tuple[str, ...]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _new_plan(folder: Path) -> Path:
    return _file(folder, "plan.yaml", _NEW_PLAN)


def _card(root: Path) -> str:
    return (root / "PlanRec" / _PLANS).read_text(encoding="utf-8").replace("operator-2025-01", "draft-1")


def _indented(plan: str) -> str:
    return "".join(f"  {'- ' if place == 0 else '  '}{line}\n" for place, line in enumerate(plan.splitlines()))


def _shown(kind: str) -> str:
    return f"/{kind.split()[0]}" + (f", {rest}" if (rest := " ".join(kind.split()[1:])) else "")
