"""Hold what two commits answer on the committed rate cards of the short form against each other, byte for byte.

    python make/same_answers.py BEFORE [AFTER] [--megaline FOLDER] [--card PLANS.yaml ...] [--write]

Each commit is checked out in a folder of its own and asked by its own code, in one process a card: bills, advice and
offers of a bundle it trains, advice from past months, notices, what-if and draft, and the service on /recommend,
/predict and /what-if for some subscribers. Without AFTER, the tree as it lies here answers. Where bytes differ, the
columns or keys that do are counted. What must be different (versions, moments) stands in `UNSTEADY` and is left out;
what a later change was asked to add stands in `MEANT`, with the change.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from earlier_tree import ROOT, checked_out, environment

CARDS = (
    "configs/plans.yaml",
    "configs/operators/plans_6.yaml",
    "configs/operators/plans_40.yaml",
    "configs/operators/plans_earlier_launch.yaml",
)
MEGALINE = "configs/plans_megaline.yaml"
RESULTS = ROOT / "benchmarks" / "results" / "same_answers.json"
UNSTEADY = ("model_version", "bundle", "created", "request_id", "code", "software")
# Where answers are meant to differ: what ends the place -> the change that asked for it. These count as explained.
MEANT = {".event_id only after": "an answer names its entry of the decision log"}
SMALL = ("simulator.subscribers=700", "training.model.max_iter=4", "training.challenger.max_iter=4",
         "training.challenger.folds=2", "training.split.folds=2", "evaluation.resamples=50")  # fmt: skip
_PEOPLE = 500  # whose usage commands are asked about
_SUBSCRIBERS = {"configs/operators/plans_40.yaml": 3000}  # so that somebody is on each plan in every fold
_ASKED = 40  # subscribers that the service is asked about
_AS_OF = {MEGALINE: "2018-11"}
_DRAFT = """plan_id: draft-1
name: Draft
monthly_fee_cents: 1500
included: {minutes: 300, messages: null, megabytes: 10240}
overage: {cents_per_minute: 5, cents_per_message: 0, cents_per_data_unit: 250}
"""


def ask(card: str, folder: Path, megaline: Path | None) -> None:
    """Write what the code of this process answers on a card to a folder; runs in the folder of the project."""
    usage, told = folder / "usage.csv", folder / "told.txt"
    source = ("--data-source", "megaline", "--data", str(megaline)) if card == MEGALINE else ()
    overrides = SMALL if card == MEGALINE else (*SMALL, f"data.simulator.plans={card}")
    if card in _SUBSCRIBERS:
        overrides = (*overrides, f"simulator.subscribers={_SUBSCRIBERS[card]}")
    sets = [word for one in overrides for word in ("--set", one)]
    codes = {"train": _command("train", *source, "--output", folder / "artifacts", *sets)}
    _usage(card, folder, usage, sets, megaline)
    as_of = _AS_OF.get(card, "2025-10")
    month = ("--usage", usage, "--as-of", as_of)
    past = (*month, "--plans", card)
    bundle = (*month, "--bundle", folder / "artifacts")
    plan = folder / "plan.yaml"
    plan.write_text(_DRAFT, encoding="utf-8")
    asked: dict[str, tuple[object, ...]] = {
        "bills": ("bill", "--usage", usage, "--plans", card),
        "past": ("recommend", *past, "--explain", "--top", 50, "--excluded-output", folder / "past_excluded.csv"),
        "advice": ("recommend", *bundle, "--explain", "--top", 50, "--excluded-output", folder / "advice_excluded.csv"),
        "offers": ("recommend", *bundle, "--mode", "offer", "--explain", "--excluded-output", folder / "no_offer.csv"),
        "what_if": ("what-if", *bundle, "--travel", "--usage-factor", 1.2, "--plan", plan),
        "what_if_past": ("what-if", *past, "--usage-factor", 0.8),
        "draft": ("draft", *bundle, "--plan", plan),
        "chosen": ("predict", *bundle),
    }
    for name, words in asked.items():
        codes[name] = _command(*words, "--output", folder / f"{name}.csv")
    day = ("--as-of", f"{as_of[:4]}-{int(as_of[5:]) + 1:02d}-05")
    notices = folder / "notices.jsonl"
    codes["notices"] = _command("notices", "--plans", card, "--usage", usage, *day, "--output", notices)
    codes["verified"] = _command("notices", "--plans", card, "--verify", notices)
    told.write_text(json.dumps(codes, indent=1), encoding="utf-8")
    if (folder / "artifacts").is_dir():
        _ask_service(folder, usage)


def _command(*words: object) -> int:
    """Run the command line of the process's own code."""
    from planrec import cli

    sys.argv = ["planrec", *map(str, words)]
    try:
        cli.main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    return 0


def _usage(card: str, folder: Path, usage: Path, sets: list[str], megaline: Path | None) -> None:
    """Write usage months of people on the card, with what notices and offers ask for."""
    import pandas as pd

    if card == MEGALINE:
        from planrec.billing import load_catalogue
        from planrec.config import load_planrec_config
        from planrec.data import load_usage

        words = [*SMALL, "data.source=megaline", f"data.folder={megaline}"]
        settings = load_planrec_config(Path.cwd(), overrides=words, environ={})
        table = load_usage(settings, load_catalogue(Path(card)), Path.cwd()).months
    else:
        _command("simulate", "--output", folder / "simulated", *sets)
        table = pd.read_parquet(folder / "simulated" / "usage_months.parquet")
    table = table[table["subscriber_id"].isin(table["subscriber_id"].unique()[:_PEOPLE])]
    if "contract_months_left" not in table:  # notices ask for it
        table = table.assign(contract_months_left=table["subscriber_id"].factorize()[0] % 4)
    table.assign(consent=True, contacts_90d=0, holdout=False).to_csv(usage, index=False)


def _ask_service(folder: Path, usage: Path) -> None:
    """Write the service's answers on the bundle."""
    import pandas as pd
    from fastapi.testclient import TestClient

    os.environ["PLANREC_BUNDLE"] = str(folder / "artifacts")
    create_app = importlib.import_module("app.fastapi_app").create_app  # the member's folder is on the path

    answers: dict[str, Any] = {}
    table = pd.read_csv(usage)
    with TestClient(create_app()) as service:
        for name, part in list(table.groupby("subscriber_id"))[:_ASKED]:
            body = _body(part)
            travel = body | {"change": {"minutes": 1.2, "messages": 1.2, "megabytes": 1.2}, "travel": {}}
            offer = body | {"mode": "offer", "consent": True, "contacts_90d": 0, "holdout": False}
            for path, said in (
                ("/recommend", body | {"top_k": 50}),
                ("/recommend", offer),
                ("/predict", body),
                ("/what-if", travel),
            ):
                answer = service.post(path, json=said)
                answers[f"{name} {path} {said.get('mode', '')}"] = [answer.status_code, answer.json()]
    (folder / "service.json").write_text(json.dumps(answers, indent=1), encoding="utf-8")


def _body(part: Any) -> dict[str, Any]:
    import pandas as pd

    last = part.iloc[-1]
    body: dict[str, Any] = {"usage": part[["month", "minutes", "messages", "megabytes"]].tail(12).to_dict("records")}
    for name in ("current_plan", "age", "tenure_months", "contract_months_left"):
        if name in part and not pd.isna(last[name]):
            body[name] = last[name] if name == "current_plan" else int(last[name])
    return body


def answers_of(tree: Path, folder: Path, card: str, megaline: Path | None) -> None:
    """Let the code of a tree answer on a card."""
    folder.mkdir(parents=True)
    words = [sys.executable, str(Path(__file__).resolve()), "--ask", card, str(folder)]
    words += ["--megaline", str(megaline)] if megaline else []
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        subprocess.run(words, cwd=tree / "PlanRec", env=environment(tree), stdout=log, stderr=log, check=True)


def compared(before: Path, after: Path) -> dict[str, dict[str, Any]]:
    """Return, for each file of answers, its digest and what differs in it."""
    found: dict[str, dict[str, Any]] = {}
    names = sorted({p.name for folder in (before, after) for p in folder.glob("*.*")} - {"log.txt", "plan.yaml"})
    for name in names:
        old, new = (_steady(folder / name) for folder in (before, after))
        kept: dict[str, Any] = {"sha256": hashlib.sha256(json.dumps(new, sort_keys=True).encode()).hexdigest()[:16]}
        differs = Counter(_differing(old, new))
        kept["answers"] = len(new) if isinstance(new, list | dict) else 0
        kept["same"] = len(differs) == 0
        meant = {place: n for place, n in differs.items() if place.endswith(tuple(MEANT))}
        if meant:
            kept["meant"] = dict(sorted(meant.items()))
        if len(meant) < len(differs):
            kept["differs"] = {place: n for place, n in sorted(differs.items()) if place not in meant}
        found[name] = kept
    return found


def _steady(path: Path) -> Any:
    """Return what a file says, as rows or objects, without what has to be another in every run."""
    if not path.exists():
        return {"absent": path.name}
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [_without(json.loads(line)) for line in text.splitlines()]
    if path.suffix in (".json", ".txt"):
        return _without(json.loads(text))
    head, *rows = text.splitlines() or [""]
    return [head, *rows]


def _without(said: Any) -> Any:
    if isinstance(said, dict):
        return {key: _without(value) for key, value in said.items() if key not in UNSTEADY}
    return [_without(one) for one in said] if isinstance(said, list) else said


def _differing(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Yield the place of each difference, without numbers of rows or names of people."""
    if isinstance(old, list) and old and isinstance(old[0], str) and isinstance(new, list) and isinstance(new[0], str):
        yield from _rows_differing(old, new)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            step = key.split(" ", 1)[1] if " /" in key else key
            if (key in old) != (key in new):
                yield f"{where}.{step} only {'before' if key in old else 'after'}"
            else:
                yield from _differing(old[key], new[key], f"{where}.{step}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for before, after in zip(old, new, strict=True):
            yield from _differing(before, after, where)
    elif old != new:
        yield where or "all"


def _rows_differing(old: list[str], new: list[str]) -> Iterator[str]:
    import csv

    tables = [list(csv.DictReader(lines)) for lines in (old, new)]
    if len(tables[0]) != len(tables[1]):
        yield f"rows: {len(tables[0])} before, {len(tables[1])} after"
        return
    for before, after in zip(*tables, strict=True):
        yield from (f"column {name}" for name in {**before, **after} if before.get(name) != after.get(name))


def main() -> int:
    """Compare; return 1 if an answer differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", nargs="?", help="commit")
    parser.add_argument("after", nargs="?", help="commit; default: the tree as it lies here")
    parser.add_argument("--card", action="append", help="default: every committed card of the short form")
    parser.add_argument("--megaline", type=Path, help="folder of the Megaline tables, for its card")
    parser.add_argument("--ask", nargs=2, metavar=("CARD", "FOLDER"), help="only answer here, by the code on the path")
    parser.add_argument("--folder", type=Path, help="keep the answers here; default: nowhere")
    parser.add_argument("--write", action="store_true", help="keep the outcome in benchmarks/results")
    options = parser.parse_args()
    if options.ask:
        ask(options.ask[0], Path(options.ask[1]), options.megaline)
        return 0
    cards: list[str] = options.card or [*CARDS, *([MEGALINE] if options.megaline else [])]
    pair = f"{options.before}..{options.after or _head()}"
    differ = False
    after = checked_out(options.after) if options.after else nullcontext(ROOT)
    with tempfile.TemporaryDirectory() as name, checked_out(options.before) as then, after as now:
        for card in cards:
            folder = (options.folder or Path(name)) / Path(card).stem
            for tree, side in ((then, "before"), (now, "after")):
                answers_of(tree, folder / side, card, options.megaline)
            found = compared(folder / "before", folder / "after")
            differ = differ or any("differs" in kept for kept in found.values())
            tell(pair, card, found, write=options.write)
    return int(differ)


def tell(pair: str, card: str, found: dict[str, Any], *, write: bool) -> None:
    """Print, and keep, how the answers on a card compare."""
    for name, kept in found.items():
        print(f"{pair} {card} {name}: {kept['answers']} answers, {kept.get('differs', 'the same')}", flush=True)
    if write:
        all_kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        all_kept[pair] = {**all_kept.get(pair, {}), card: found}
        RESULTS.write_text(json.dumps(all_kept, indent=1) + "\n", encoding="utf-8")


def _head() -> str:
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
