"""Offers of a simulated operator's moments of contact, logged by a real service and by the function behind it."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from decision_service import KEY_LINE, Service, asked

from common_utils.decision_log.journal.lines import Decision
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keys import parse_keys
from planrec.advice import AnswerPolicy
from planrec.bundle import PlanRecBundle
from planrec.campaigns.logged_offers import PolicyReport, evaluate_policy, logged_offers, policy_chances
from planrec.offers.exploration import Exploration
from planrec.simulator.operator import simulate
from planrec.study.logged_policy import AskedMoments, PolicyCoverage, asked_moments, http_body, offered, policy_coverage

__all__ = ["EXPLORED", "HttpRun", "Offers"]

EXPLORED = Exploration(share=0.05)
_BATCH = 100
_TRIES = 20
_KEYS = parse_keys(KEY_LINE, "the check's key")


@dataclass(frozen=True)
class HttpRun:
    """What one run over HTTP logged against the function behind the service.

    Attributes
    ----------
    offers, different : int
        Entries, and how many of them differ in answer or propensity.
    served, in_process : PolicyReport
        Of the policy "uniform" by either log, with the same outcomes.
    truth : float
        Its true value over the moments asked about.
    """

    offers: int
    different: int
    served: PolicyReport
    in_process: PolicyReport
    truth: float


class Offers:
    """Moments of contact of an operator that `seed` draws, and the engine of a bundle.

    Parameters
    ----------
    bundle : Path
    seed : int
    subscribers : int
    """

    def __init__(self, bundle: Path, seed: int, *, subscribers: int = 6000) -> None:
        opened = PlanRecBundle.open(bundle)
        config = opened.config.simulator.model_copy(update={"subscribers": subscribers})
        operator = simulate(config, opened.catalogue, np.random.default_rng(seed))
        policy = AnswerPolicy.of(opened.config, opened.rules, "offer", forecast=True)
        self.seed = seed
        self.engine = opened.engine()
        self.moments: AskedMoments = asked_moments(operator, self.engine, policy)

    def coverage(self, *, offers: int, runs: int) -> PolicyCoverage:
        """Return how often the intervals hold the true value of another policy."""
        return policy_coverage(self.moments, "uniform", EXPLORED, offers=offers, runs=runs, seed=self.seed)

    def over_http(self, service: Service, offers: int) -> HttpRun:
        """Let the service make offers, and compare its journal with the function behind it, with the same draws."""
        rng = np.random.default_rng(self.seed)
        places = rng.integers(0, len(self.moments.records), offers).tolist()
        events = self._events(service, places)
        entries = {one.event: one for one in _entries(service.folder / "journal") if one.mode == "offer"}
        luck, rows, different = rng.random(offers).tolist(), list[list[dict[str, Any]]](), 0
        for at, event, drawn in zip(places, events, luck, strict=True):
            advice = offered(self.moments, self.engine, EXPLORED, at, _KEYS.draw(event))
            here, there = (advice.decided(), advice.propensity), (entries[event].answer, entries[event].propensity)
            different += here != there
            rows.append([self._row(at, event, drawn, *one) for one in (there, here)])
        served, in_process = (_report([pair[side] for pair in rows]) for side in (0, 1))
        return HttpRun(offers, different, served, in_process, self._truth(places))

    def _events(self, service: Service, places: list[int]) -> list[str]:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        events: list[str] = []
        for start in range(0, len(places), _BATCH):
            records = [http_body(self.moments, at) for at in places[start : start + _BATCH]]
            answer = _patiently(connection, {"records": records}, f"offers-{start}")
            events += [one["event_id"] for one in answer["recommendations"]]
        connection.close()
        return events

    def _row(self, at: int, event: str, drawn: float, answer: Any, propensity: float | None) -> dict[str, Any]:
        """Return an exported row; the truth says how likely the offer is accepted."""
        plan = self.engine.catalogue.index(answer["plans"][0]["plan_id"])
        return {
            "event": event,
            "mode": "offer",
            "subject": str(self.moments.subscribers[at]),
            "propensity": propensity,
            "accepted": drawn < self.moments.truth[at, plan],
            "answer": answer,
        }

    def _truth(self, places: list[int]) -> float:
        moments = self.moments
        even = moments.offerable / moments.offerable.sum(axis=1, keepdims=True)
        return float((even * moments.truth * moments.saving_cents).sum(axis=1)[places].mean())


def _patiently(connection: http.client.HTTPConnection, body: object, key: str) -> Any:
    """Ask again where a busy machine let the deadline pass; under the same key that is the same event."""
    for _ in range(_TRIES):
        try:
            return asked(connection, "/recommend/batch", body, key=key)
        except OSError:
            connection.close()
    raise OSError("/recommend/batch does not answer in time")


def _report(rows: list[dict[str, Any]]) -> PolicyReport:
    offers = logged_offers(rows)
    return evaluate_policy(offers, policy_chances(offers, "uniform", EXPLORED))


def _entries(folder: Path) -> list[Decision]:
    parts = (part for segment in segments(folder) for part in segment.read())
    return [one for part in parts for one in part.entries if isinstance(one, Decision)]
