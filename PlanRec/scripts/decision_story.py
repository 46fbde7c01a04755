"""The story of the decision log: decide, kill, ship, outcomes, query, export, off-policy, forget; nothing is left.

Three clients ask a real service and ask again where no answer came, or where one got lost on their side. Meanwhile the
service, the shipper and, where it is PostgreSQL, the database are killed. What the clients were told is compared with
the log. `python scripts/decision_story.py --bundle B` prints what came of it as JSON, and leaves with 1 if it is wrong.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from decision_canaries import search
from decision_service import PROJECT, Service, asked, command

from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.desk import Desk
from common_utils.decision_log.exports import read_export
from common_utils.errors import DataError
from common_utils.tables import Reading
from common_utils.testing.decisions.canaries import Canaries
from common_utils.testing.postgres import postgres_server
from planrec.advice import AnswerPolicy, Request, recommend_subscriber
from planrec.bundle import PlanRecBundle
from planrec.campaigns.logged_offers import evaluate_policy, logged_offers, policy_chances
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.months import month_index
from planrec.offers.exploration import Exploration

__all__ = ["Story", "tell"]

CLIENTS = ("crm", "app", "shop")
SHARE = 0.4
"""Of offers explored: a short story has few of them."""
_BY = {"who": "check", "why": "letter 18"}
_PATIENCE = 180.0
_MONTHS = tuple(f"2025-{month:02d}" for month in range(5, 11))
_LEAST_SUBSCRIBERS = 6
_NOTHING = "0 decision(s) in the store, 0 not shipped yet."
_AUDIT = {"forget": 1, "show": 1, "export": 4}  # exports: of the story, and one of each kind for the search


@dataclass
class Story:
    """What the clients were told, and what became of it.

    Attributes
    ----------
    events : dict of str to str
        By Idempotency-Key, the event its client was told.
    offers : dict of str to float
        By event, the chance that the offer is accepted.
    seen : Counter
        Retries, answers that differ from the first of their key, unlogged answers.
    killed : Counter
    figures : dict
        What the log says afterwards.
    wrong : list of str
        Each in words.
    lock : Lock
        Of what the clients note.
    """

    events: dict[str, str] = field(default_factory=dict[str, str])
    offers: dict[str, float] = field(default_factory=dict[str, float])
    seen: Counter[str] = field(default_factory=Counter[str])
    killed: Counter[str] = field(default_factory=Counter[str])
    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    wrong: list[str] = field(default_factory=list[str])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Note what was found, and whether it is what was wanted."""
        self.figures[what] = found
        if found != wanted:
            self.wrong.append(f"{what}: {found}, not {wanted}")


def tell(
    bundle: Path,
    folder: Path,
    *,
    decisions: int,
    kills: int,
    seed: int,
    url: str = "",
    kill_database: Callable[[], None] | None = None,
) -> Story:
    """Live the story in an empty folder.

    Parameters
    ----------
    bundle, folder : Path
    decisions : int
        Asked for by all clients together.
    kills : int
        Each takes the next victim of an order that `seed` draws.
    seed : int
    url : str
        Of the store; by default a SQLite file of the folder.
    kill_database : callable, optional
        Kills the database and starts it again.
    """
    story = Story()
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"offers.exploration.share": str(SHARE), "serving.drain_seconds": "0"}
    service = Service(bundle, folder, **settings, **({"decisions.url": url} if url else {}))
    desk = Desk(
        DecisionsConfig(
            journal=folder / "journal", url=url or f"sqlite:///{folder}/log.db", key_file=folder / "decision-keys"
        ),
        "planrec",
        folder,
    )
    with ThreadPoolExecutor() as beside:  # the service takes seconds to start, and so does the search
        started = beside.submit(service.start)
        bodies = _offered_to(bundle, max(6, decisions // 12))
        started.result()
    try:
        _decide(story, service, decisions, bodies, kills, seed, kill_database)
        halves = _accepted(story, seed)
        told = [{"kind": "accepted", "value": value, "date": _today(), "event_id": one} for one, value in halves[0]]
        for start in range(0, len(told), 500):
            service.ask("/outcomes", {"outcomes": told[start : start + 500]})
    finally:
        service.end()
    desk.ship()
    _outcomes_by_file(story, desk, halves[1])
    _compare(story, desk, decisions)
    _judge(story, desk)
    _forget(story, desk, _name(len(bodies) // 2))
    return story


def _offered_to(bundle: Path, most: int) -> list[dict[str, Any]]:
    """Return requests of subscribers to whom two plans or more may be offered, by trying plans and amounts of usage."""
    opened = PlanRecBundle.open(bundle)
    engine, policy = opened.engine(), AnswerPolicy.of(opened.config, opened.rules, "offer", forecast=True)
    wanted = Request(
        month_index(_MONTHS[-1]), policy.history_months, 1, policy.risk_weight, policy.min_gain_cents, policy.offer
    )
    facts: dict[str, Any] = {"tenure_months": 12, "contract_months_left": 0, "contacts_90d": 0}
    facts |= {"consent": True, "holdout": False}
    found: list[dict[str, Any]] = []
    for level, age, plan in product((*range(6, 14), *range(6)), (24, 41, 58), opened.catalogue.plan_ids):
        minutes, megabytes = 25.0 * (level + 1), 600.0 * 1.45**level
        months = [UsageMonth(month_index(month), minutes, 20.0, megabytes) for month in _MONTHS]
        record = SubscriberRecord(months, plan, age=age, **facts)
        if len(recommend_subscriber(record, engine, wanted).offerable) > 1:
            usage = [{"month": one, "minutes": minutes, "messages": 20, "megabytes": megabytes} for one in _MONTHS]
            found.append({"usage": usage, "as_of": _MONTHS[-1], "current_plan": plan, "age": age, **facts})
        if len(found) == most:
            break
    if len(found) < _LEAST_SUBSCRIBERS:
        raise DataError("the bundle offers two plans to too few of the subscribers tried; train it on more.")
    return found


def _question(bodies: Sequence[Mapping[str, Any]], place: int) -> tuple[str, dict[str, Any]]:
    """Return route and body; a subscriber comes back with the same months."""
    body = {**bodies[place % len(bodies)], "subject": _name(place % len(bodies))}
    asked_for = place // len(bodies) % 4  # each subscriber is asked about in each way
    if asked_for == 0:
        return "/predict", {name: body[name] for name in ("usage", "as_of", "current_plan", "age", "subject")}
    return "/recommend", {**body, "mode": "advice" if asked_for == 1 else "offer"}


def _name(place: int) -> str:
    return Canaries(place).text()


def _decide(
    story: Story,
    service: Service,
    decisions: int,
    bodies: Sequence[Mapping[str, Any]],
    kills: int,
    seed: int,
    kill_database: Callable[[], None] | None,
) -> None:
    """Let the clients ask, while things are killed at points of the work that the seed draws."""
    rng = random.Random(seed)  # noqa: S311 - a seeded order of kills
    victims = ["service", "shipper"] if kill_database is None else ["service", "shipper", "database"]
    order = [victims[place % len(victims)] for place in range(kills)]
    rng.shuffle(order)
    points = sorted(rng.sample(range(1, decisions), kills))
    shares = [range(place, decisions, len(CLIENTS)) for place in range(len(CLIENTS))]
    shipper = _shipper(service)
    clients = [
        threading.Thread(target=_client, args=(story, service, name, share, bodies), daemon=True)
        for name, share in zip(CLIENTS, shares, strict=True)
    ]
    for one in clients:
        one.start()
    for point, victim in zip(points, order, strict=True):
        while len(story.events) < point and any(one.is_alive() for one in clients):
            time.sleep(0.002)
        story.killed[victim] += 1
        if victim == "service":
            service.kill()
            service.start()
        elif victim == "shipper":
            shipper.kill()
            shipper.wait()
            shipper = _shipper(service)
        elif kill_database is not None:
            kill_database()
    for one in clients:
        one.join()
    shipper.send_signal(signal.SIGTERM)
    shipper.wait(120)


def _shipper(service: Service) -> subprocess.Popen[bytes]:
    words = ("decisions", "ship", "--follow", "--seconds", "0.05", *service.options)
    with (service.folder / "shipper.log").open("ab") as log:
        return subprocess.Popen(command(*words), cwd=PROJECT, env=service.environment, stdout=log, stderr=log)


def _client(
    story: Story, service: Service, name: str, places: Sequence[int], bodies: Sequence[Mapping[str, Any]]
) -> None:
    """Ask for each order until an answer comes; each third answer gets lost here, and is asked for again."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    for order, place in enumerate(places):
        path, body = _question(bodies, place)
        key = f"{name}-{order}"
        for _ in range(2 if order % 3 == 0 else 1):
            end = time.monotonic() + _PATIENCE
            answer: Any = None
            while answer is None and time.monotonic() < end:
                try:
                    answer = asked(connection, path, body, key=key)
                except OSError:
                    connection.close()
                    with story.lock:
                        story.seen["retries after a kill"] += 1
                    time.sleep(0.1)
            with story.lock:
                _heard(story, key, answer)
    connection.close()


def _heard(story: Story, key: str, answer: Mapping[str, Any] | None) -> None:
    if answer is None or "event_id" not in answer:
        story.seen["unlogged"] += 1
        return
    first = story.events.setdefault(key, answer["event_id"])
    story.seen["another event"] += first != answer["event_id"]
    plans = answer.get("advice", ())
    if plans and plans[0]["p_accept"] is not None and plans[0]["action"] == "switch":
        story.offers[answer["event_id"]] = plans[0]["p_accept"]


def _accepted(story: Story, seed: int) -> list[list[tuple[str, bool]]]:
    """Draw what came of each offer; half of it is told to the service, half is in a file."""
    rng = random.Random(seed)  # noqa: S311
    drawn = [(event, rng.random() < chance) for event, chance in sorted(story.offers.items())]
    return [drawn[::2], drawn[1::2]]


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def _outcomes_by_file(story: Story, desk: Desk, half: Sequence[tuple[str, bool]]) -> None:
    """Read the file twice, with a row of an event nobody knows: nothing counts twice, and that row is rejected."""
    path = desk.folder / "outcomes.csv"
    rows = [f"{event},accepted,{str(value).lower()},{_today()}" for event, value in [*half, ("0" * 32, True)]]
    path.write_text("event_id,kind,value,date\n" + "\n".join(rows) + "\n", encoding="utf-8")
    again = [desk.read_outcomes(path, reading=Reading(), window_days=120) for _ in range(2)]
    story.expect("outcomes of the file", again[0].partition(" new")[0].rpartition(" ")[2], f"{len(half):,}")
    story.expect("of these new at the second reading", again[1].partition(" new")[0].rpartition(" ")[2], "0")


def _compare(story: Story, desk: Desk, decisions: int) -> None:
    held = [one["event"] for one in desk.query(desk.selection(None, None), 10**9)]
    told, stats = set(story.events.values()), desk.stats()
    story.expect("decisions acknowledged", len(told), decisions)
    story.expect("lost", len(told - set(held)), 0)
    story.expect("doubled", len(held) - len(set(held)), 0)
    story.expect("conflicts", stats["conflicts"], 0)
    story.expect("answers of another event", story.seen["another event"], 0)
    story.expect("unlogged", story.seen["unlogged"], 0)
    story.expect("outcomes joined", stats["outcomes"].get("accepted", {}).get("told"), len(story.offers))
    story.expect("in the log", len(held), decisions)


def _judge(story: Story, desk: Desk) -> None:
    """Export, and compare what another policy is said to bring with what it would have brought."""
    path = desk.folder / "story.parquet"
    story.expect("exported", desk.export(desk.selection(None, None), path, **_BY), story.figures["in the log"])
    offers = logged_offers(read_export(path))
    target = policy_chances(offers, "uniform", Exploration())
    report = evaluate_policy(offers, target)
    truth = float((target * offers.p_accept * offers.saving_cents).sum(axis=1).mean())
    story.figures["policy 'uniform' by the log"] = round(report.dr.interval.estimate, 2)
    story.figures["policy 'uniform' in truth"] = round(truth, 2)
    story.figures["effective sample size"] = round(report.effective_sample_size, 1)
    story.expect("estimate within 5 standard errors", abs(report.dr.interval.estimate - truth) < 5 * report.dr.se, True)


def _forget(story: Story, desk: Desk, who: str) -> None:
    """Forget one subscriber, and look for what is left: of that one under the key, of all in the clear."""
    names, before = desk.keys.subjects("planrec", who), story.figures["in the log"]
    events = [one["event"] for one in desk.query(desk.selection(None, None), 10**9) if one["subject"] in names]
    done = desk.forget(who, **_BY)
    story.expect("decisions of the forgotten", done.counts["decisions"], len(events))
    story.expect("decisions left", desk.stats()["decisions"], before - len(events))
    story.expect("exports left", (desk.folder / "story.parquet").exists(), False)
    story.expect("held", desk.show(who, **_BY).splitlines()[0].partition(": ")[2], _NOTHING)
    tables = ("decisions", "outcomes", "conflicts")
    statements = [f"SELECT event FROM {table} WHERE event IN ({{}})" for table in tables]  # noqa: S608 - names of ours
    with closing(desk.open_store()) as store:
        left = sum(len(list(store.rows_in(statement, events))) for statement in statements)
    story.expect("rows of the forgotten's events", left, 0)
    story.expect("names in the clear", search(desk), {})
    story.expect("audit", dict(Counter(one["what"] for one in desk.audit())), _AUDIT)


def main() -> int:
    """Live the story, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--decisions", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="decision-story-")))
        server = stack.enter_context(postgres_server()) if options.store == "postgresql" else None
        story = tell(
            options.bundle,
            folder,
            decisions=options.decisions,
            kills=options.kills,
            seed=options.seed,
            url="" if server is None else server.uri,
            kill_database=None if server is None else server.kill,
        )
    said = {"killed": dict(story.killed), "seen": dict(story.seen), **story.figures, "wrong": story.wrong}
    print(json.dumps(said))
    return int(bool(story.wrong))


if __name__ == "__main__":
    sys.exit(main())
