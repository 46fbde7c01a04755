"""One subscriber's answer, from record to answer, over advice; and advice of a table over the bare rating of its bills.

All in process, processor time, the ways in turns: advice to somebody with six months, answers to the questionnaire,
offers. The table is ranked as batches do it, in pieces, without sentences; the bare version is the sum a bill is,
written plainly on ready arrays of whole units: it checks, forecasts, rounds and ranks nothing. Forecast and offers are
learnt from made-up people: what they say is of no account, only what is to be computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from figures import arguments, report

from planrec.advice import AnswerPolicy, Engine, Request, Subscribers
from planrec.advice.engine import OfferModels
from planrec.batch.rankers import policy_ranker, some_subscribers
from planrec.billing import Catalogue, Usage, bill_totals, load_catalogue
from planrec.billing.month_bills import billable_units
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.months import month_index
from planrec.offers import AcceptanceModel, LeavingModel, OfferWeights
from planrec.outlook import SERVICES, History, Questionnaire, UsageForecast, fit_usage_forecast, history_of
from planrec.quick import RowAdviser
from planrec.rules import Facts, built_in_rules

CARD = Path(__file__).resolve().parents[2] / "PlanRec" / "configs" / "plans.yaml"
MONTH, MONTHS, PIECE = month_index("2025-10"), 6, 1_000
LEVELS = {"minutes": 300.0, "messages": 20.0, "megabytes": 9000.0}
POLICY = AnswerPolicy(MONTHS, 0.1, 100, basis="forecast")


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__).parse_args()
    rounds, people, rows = (5, 100, 2_000) if options.quick else (25, 500, 10_000)
    catalogue, rng = load_catalogue(CARD), np.random.default_rng(5)
    engine = Engine(catalogue, built_in_rules(), _forecast(rng), _offers(rng))
    ways = _one_by_one(engine, _records(catalogue, people, rng))
    sizes = dict.fromkeys(ways, people)
    for name, forecast in (("forecast", engine.forecast), ("past", None)):
        of_table = _tables(Engine(catalogue, engine.rules, forecast), rows, rng)
        ways |= {f"{name}_{way}": work for way, work in of_table.items()}
        sizes |= dict.fromkeys((f"{name}_advice", f"{name}_bare"), rows)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            begun = time.process_time()
            work()
            found[name].append((time.process_time() - begun) / sizes[name] * 1e6)
    report(
        "planrec_one_subscriber",
        {
            "advice_microseconds": round(float(np.median(found["advice"])), 1),
            "questionnaires_over_advice": _ratio(found, "questionnaires", "advice"),
            "offers_over_advice": _ratio(found, "offers", "advice"),
            "table_forecast_over_bare_rating": _ratio(found, "forecast_advice", "forecast_bare"),
            "table_past_over_bare_rating": _ratio(found, "past_advice", "past_bare"),
        },
        options,
    )


def _ratio(found: dict[str, list[float]], one: str, other: str) -> float:
    return round(float(np.median(np.array(found[one]) / np.array(found[other]))), 2)


def _one_by_one(engine: Engine, records: Sequence[SubscriberRecord]) -> dict[str, Callable[[], object]]:
    adviser = RowAdviser(engine)
    advice = Request(MONTH, MONTHS, 3, POLICY.risk_weight, POLICY.min_gain_cents)
    offer = Request(MONTH, MONTHS, 3, 0.1, 300, offer=OfferWeights(0.1, 0.1, 2000.0, 10))
    said = [
        Request(
            MONTH, MONTHS, 3, 0.1, 100, answers=Questionnaire(data="music", minutes_a_day=one.months[0].minutes / 30)
        )
        for one in records
    ]
    nobody = [SubscriberRecord((), one.current_plan, one.age) for one in records]
    return {
        "advice": lambda: [adviser(one, advice) for one in records],
        "questionnaires": lambda: [adviser(one, asked) for one, asked in zip(nobody, said, strict=True)],
        "offers": lambda: [adviser(one, offer) for one in records],
    }


def _tables(engine: Engine, rows: int, rng: np.random.Generator) -> dict[str, Callable[[], object]]:
    catalogue, rank = engine.catalogue, policy_ranker(engine, POLICY).rank
    history = history_of(_columns(rows, rng), MONTHS)
    held = rng.integers(0, len(catalogue.plans), rows)
    people = Subscribers.of(history, Facts.of(MONTH, held, age=rng.integers(18, 80, rows).astype(float)))
    pieces = [some_subscribers(people, slice(i, i + PIECE)) for i in range(0, rows, PIECE)]
    rated = [history if engine.forecast is None else engine.forecast.scenarios(history) for history in _basis(pieces)]
    units = [billable_units(basis.usage, catalogue) for basis in rated]
    np.testing.assert_array_equal(_bare(catalogue, units[0]), bill_totals(rated[0].usage, catalogue))
    return {
        "advice": lambda: [rank(piece) for piece in pieces],
        "bare": lambda: [_bare(catalogue, of_piece) for of_piece in units],
    }


def _basis(pieces: Sequence[Subscribers]) -> list[History]:
    return [piece.history for piece in pieces]


def _bare(catalogue: Catalogue, units: Sequence[Any]) -> Any:
    prices = catalogue.prices
    minutes, messages, data = (of_service[..., None] for of_service in units)
    return (
        prices.fee_cents
        + np.maximum(minutes - prices.included_minutes, 0) * prices.cents_per_minute
        + np.maximum(messages - prices.included_messages, 0) * prices.cents_per_message
        + np.maximum(data - prices.included_data_units, 0) * prices.cents_per_data_unit
    )


def _columns(n: int, rng: np.random.Generator) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for service, level in LEVELS.items():
        own = level * rng.lognormal(0, 0.8, n)
        for lag in range(1, MONTHS + 1):
            columns[f"{service}_{lag}"] = (own * rng.lognormal(0, 0.3, n) * (rng.random(n) > 0.05)).round(2)
    return columns


def _forecast(rng: np.random.Generator) -> UsageForecast:
    n, columns = 1_000, _columns(1_000, rng)
    ahead = Usage.of(*(columns[f"{s}_1"][:, None] * rng.lognormal(0, 0.3, (n, 3)) for s in SERVICES))
    return fit_usage_forecast(history_of(columns, MONTHS), ahead, np.ones((n, 3), dtype=bool))


def _offers(rng: np.random.Generator) -> OfferModels:
    def of(kind: type[Any]) -> Any:
        k = len(kind.FEATURES)
        return kind(rng.normal(0, 0.01, k), -1.0, np.diag(np.full(k + 1, 1e-5)))

    return OfferModels(of(AcceptanceModel), of(LeavingModel))


def _records(catalogue: Catalogue, n: int, rng: np.random.Generator) -> list[SubscriberRecord]:
    columns, held = _columns(n, rng), rng.integers(0, len(catalogue.plans), n).tolist()
    return [
        SubscriberRecord(
            [
                UsageMonth(MONTH - lag, *(float(columns[f"{s}_{lag + 1}"][i]) for s in SERVICES))
                for lag in range(MONTHS)
            ],
            catalogue.plan_ids[held[i]],
            age=40.0,
            tenure_months=20.0,
            contract_months_left=0.0,
            consent=True,
            contacts_90d=0.0,
            holdout=False,
        )
        for i in range(n)
    ]


if __name__ == "__main__":
    main()
