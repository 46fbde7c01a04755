"""What the services are asked: made from a seed, mostly valid, some not. Only the standard library draws."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["MAKERS", "PLANS", "Request", "bank_customer", "car", "requests", "subscriber", "telecom_month"]

PLANS = (
    "prepaid-0", "flex-5", "young-10", "basic-6", "talk-800", "smart-12", "senior-talk", "data-20", "smart-25",
    "family-40", "voice-free", "unlimited", "max-voice",
)  # fmt: skip
_CARS = (
    "ford f-150", "ford f150", "chevrolet silverado 1500", "toyota camry", "honda civic", "honda accord",
    "bmw x5", "jeep wrangler", "ram 1500", "nissan altima", "cadillac escalade", "toyota prius", "ford mustang",
    "chevrolet corvette", "gmc sierra", "dodge charger", "ford econoline", "never heard of",
)  # fmt: skip
_BODIES = (
    "hatchback", "sedan", "wagon", "mini-van", "SUV", "coupe", "convertible", "offroad", "van", "bus", "truck",
    "pickup", "other",
)  # fmt: skip
_PAINTS = ("black", "blue", "brown", "custom", "green", "grey", "orange", "purple", "red", "silver", "white", "yellow")
_WRONG: tuple[Any, ...] = (-1, 1e12, "many", None, [], {}, True, 0.5, "", "gone", float("nan"))
_SPOILT = 0.08


@dataclass(frozen=True)
class Request:
    """One request: path and body; GET where there is none."""

    path: str
    body: bytes | None = None


def requests(kind: str, count: int) -> list[Request]:
    """Return requests of a kind, the same ones every time.

    Parameters
    ----------
    kind : str
        A key of `MAKERS`.
    count : int

    Examples
    --------
    >>> first = requests("recommend", 2)[0]
    >>> first.path, sorted(json.loads(first.body))[:2], requests("recommend", 2)[0] == first
    ('/recommend', ['age', 'as_of'], True)
    """
    path, make = MAKERS[kind]
    rng = random.Random(f"same answers: {kind}")  # noqa: S311 - payloads, not secrets
    return [Request(path, _body(make(rng), rng)) for _ in range(count)]


def subscriber(rng: random.Random, *, latest: int | None = None) -> dict[str, Any]:
    """Return what is known about one subscriber: usage months and, where drawn, plan, age, contract and tenure.

    Parameters
    ----------
    rng : Random
    latest : int, optional
        Number of the last month there may be, 1 to 12 of 2025; else drawn.
    """
    after = 2025 * 12 + 1 + (rng.randint(4, 11) if latest is None else latest)
    count = rng.choice((1, 2, 3, 4, 6, rng.randint(1, 9)))
    months = sorted(rng.sample(range(after - count - rng.choice((0, 0, 2)), after), count))
    level = (rng.lognormvariate(5.6, 0.9), rng.lognormvariate(3.3, 1.0), rng.lognormvariate(9.0, 1.0))
    record: dict[str, Any] = {"usage": [_month(month, level, rng) for month in months]}
    if rng.random() < 0.85:
        record["current_plan"] = rng.choice(PLANS)
    if rng.random() < 0.8:
        record["age"] = rng.choice((18, 27, 28, 34.5, 59, 60, rng.randint(16, 95)))
    if rng.random() < 0.6:
        record["contract_months_left"] = rng.choice((0, 0, 0, 1, 3, rng.randint(0, 24)))
    if rng.random() < 0.6:
        record["tenure_months"] = rng.randint(0, 200)
    return record


def bank_customer(rng: random.Random) -> dict[str, Any]:
    """Return one bank customer, as a row of the table."""
    record = {
        "CreditScore": rng.randint(350, 850),
        "Geography": rng.choice(("France", "Germany", "Spain")),
        "Gender": rng.choice(("Female", "Male")),
        "Age": rng.choice((18, 25, 39, 40, 65, rng.randint(18, 92))),
        "Tenure": rng.choice((None, 0, rng.randint(0, 10))),
        "Balance": rng.choice((0, round(rng.uniform(1, 250_000), 2))),
        "NumOfProducts": rng.randint(1, 4),
        "HasCrCard": rng.randint(0, 1),
        "IsActiveMember": rng.randint(0, 1),
        "EstimatedSalary": round(rng.uniform(12, 200_000), 2),
    }
    if record["Tenure"] is None and rng.random() < 0.5:
        del record["Tenure"]
    return record


def car(rng: random.Random) -> dict[str, Any]:
    """Return one used car, as a row of the table; what is not known is null."""
    return {
        "model": rng.choice(_CARS),
        "model_year": rng.choice((None, 1990, 2019, rng.randint(1990, 2020), rng.randint(2003, 2019))),
        "odometer": rng.choice((None, 0, 1, rng.randint(1, 400_000), round(rng.uniform(0, 200_000), 1))),
        "condition": rng.choice(("salvage", "fair", "good", "excellent", "like new", "new")),
        "cylinders": rng.choice((None, 4, 6, 8, 10)),
        "fuel": rng.choice(("gas", "gas", "diesel", "hybrid", "other", "electric")),
        "transmission": rng.choice(("automatic", "manual", "other")),
        "type": rng.choice(_BODIES),
        "paint_color": rng.choice((None, *_PAINTS)),
        "is_4wd": rng.choice((None, 0, 1)),
    }


def telecom_month(rng: random.Random) -> dict[str, Any]:
    """Return one month of usage, as a row of the table."""
    calls = rng.choice((0, rng.randint(0, 250)))
    return {
        "calls": calls,
        "minutes": round(calls * rng.uniform(3, 11), 2),
        "messages": rng.choice((0, rng.randint(0, 230))),
        "mb_used": round(rng.lognormvariate(9.5, 0.6), 2),
    }


def _month(month: int, level: tuple[float, float, float], rng: random.Random) -> dict[str, Any]:
    minutes, messages, megabytes = (amount * rng.lognormvariate(0, 0.3) for amount in level)
    named = f"{(month - 1) // 12}-{(month - 1) % 12 + 1:02}"
    edge = rng.random()
    if edge < 0.03:
        return {"month": named, "minutes": 0, "messages": 0, "megabytes": 0}
    if edge < 0.08:  # on and beside an allowance
        return {"month": named, "minutes": 400, "messages": 101, "megabytes": rng.choice((12288, 12288.01, 13312))}
    if edge < 0.1:
        return {"month": named, "minutes": 99_999.5, "messages": 50_000, "megabytes": 9_999_999.25}
    return {
        "month": named,
        "minutes": rng.choice((round(minutes), round(minutes, 2))),
        "messages": round(messages),
        "megabytes": round(megabytes, 2),
    }


def _advice(rng: random.Random) -> dict[str, Any]:
    record = subscriber(rng)
    last = record["usage"][-1]["month"]
    options: dict[str, Any] = {
        "as_of": rng.choice((last, "2025-10", "2026-01", record["usage"][0]["month"])),
        "exclude": rng.sample(PLANS, rng.randint(0, 4)),
        "top_k": rng.choice((1, 2, 5, 13, 50)),
        "min_gain_cents": rng.choice((0, 50, 400, 2500)),
        "risk_weight": rng.choice((0, 0.25, 1, 2.5)),
        "history_months": rng.choice((1, 2, 3, 12)),
    }
    return record | {name: value for name, value in options.items() if rng.random() < 0.3}


def _offer(rng: random.Random) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "consent": rng.random() < 0.9,
        "contacts_90d": rng.choice((0, 0, 1, 2, 3)),
        "holdout": rng.random() < 0.1,
        "contract_months_left": rng.choice((0, 0, 0, 0, 2)),
    }
    told = {name: value for name, value in facts.items() if rng.random() < 0.95}
    record = _advice(rng)
    if rng.random() < 0.8:
        record.setdefault("current_plan", rng.choice(PLANS))
    return record | told | {"mode": "offer"}


def _asked(rng: random.Random) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "calls": rng.choice(("hardly", "some", "daily", "often", "constantly")),
        "messages": rng.choice(("none", "few", "daily", "many")),
        "data": rng.choice(("wifi", "chat", "social", "music", "video", "everything")),
        "minutes_a_day": rng.choice((0, 12.5, 60, rng.randint(0, 300))),
        "messages_a_day": rng.choice((0, 3, rng.randint(0, 60))),
        "gigabytes_a_month": rng.choice((0, 0.5, 20, rng.randint(0, 90))),
    }
    said = {name: value for name, value in answers.items() if rng.random() < 0.45}
    record = _offer(rng) if rng.random() < 0.3 else _advice(rng)
    if rng.random() < 0.85:
        record |= {"usage": [], "as_of": rng.choice(("2025-04", "2025-10", "2025-12"))}
    return record | {"questionnaire": said}


def _what_if(rng: random.Random) -> dict[str, Any]:
    services = ("minutes", "messages", "megabytes")
    parts: dict[str, Any] = {
        "change": {name: rng.choice((0, 0.5, 1.2, 3)) for name in services if rng.random() < 0.6},
        "travel": {name: rng.choice((0, 1.5, 4)) for name in services if rng.random() < 0.3},
        "plan": _draft(rng),
        "min_gain_cents": rng.choice((0, 300)),
        "risk_weight": rng.choice((0, 0.7)),
        "history_months": rng.choice((1, 4)),
    }
    always = rng.choice(("change", "travel", "plan"))
    return subscriber(rng) | {name: part for name, part in parts.items() if name == always or rng.random() < 0.25}


def _draft(rng: random.Random) -> dict[str, Any]:
    none = rng.random() < 0.2
    plan: dict[str, Any] = {
        "plan_id": rng.choice(("next-30", "tiny.1", "smart-12")),
        "name": "Next",
        "monthly_fee_cents": rng.randint(300, 6000),
        "included": {
            "minutes": None if none else rng.randint(0, 1500),
            "messages": rng.choice((None, 0, 100)),
            "megabytes": rng.choice((0, 5120, 30720)),
        },
        "overage": {
            "cents_per_minute": 0 if none else rng.randint(1, 9),
            "cents_per_message": rng.choice((0, 5)),
            "cents_per_data_unit": rng.randint(100, 400),
        },
    }
    if rng.random() < 0.4:
        plan |= {"contract_months": rng.choice((0, 12, 24)), "perks": ["streaming"], "eligibility": {"max_age": 27}}
    return plan


def _batch(make: Callable[[random.Random], dict[str, Any]]) -> Callable[[random.Random], dict[str, Any]]:
    def batch(rng: random.Random) -> dict[str, Any]:
        return {"records": [make(rng) for _ in range(rng.choice((1, 2, 3, 3, 5)))]}

    return batch


MAKERS: dict[str, tuple[str, Callable[[random.Random], dict[str, Any]]]] = {
    "predict": ("/predict", subscriber),
    "predict batch": ("/predict/batch", _batch(subscriber)),
    "recommend": ("/recommend", _advice),
    "recommend offers": ("/recommend", _offer),
    "recommend questionnaires": ("/recommend", _asked),
    "what-if": ("/what-if", _what_if),
    "bankchurn": ("/predict", bank_customer),
    "bankchurn batch": ("/predict/batch", _batch(bank_customer)),
    "carvision": ("/predict", car),
    "carvision batch": ("/predict/batch", _batch(car)),
    "telecom": ("/predict", telecom_month),
    "telecom batch": ("/predict/batch", _batch(telecom_month)),
}
"""Path and maker of each kind of request."""


def _body(payload: dict[str, Any], rng: random.Random) -> bytes:
    if rng.random() >= _SPOILT:
        return json.dumps(payload).encode()
    if rng.random() < 0.1:
        return rng.choice((b"", b"{", b"[]", b"null", b'{"usage": ' + b"[" * 60, b"\xff\xfe"))
    _spoil(payload, rng)
    return json.dumps(payload).encode()


def _spoil(payload: dict[str, Any], rng: random.Random) -> None:
    """Break one thing of a payload: an object of it loses a key, gains an unknown one, or holds a wrong value."""
    broken = rng.choice(list(_objects(payload)))
    what = rng.random()
    name = rng.choice(sorted(broken)) if broken else "unknown"
    if what < 0.2:
        broken.pop(name, None)
    elif what < 0.35:
        broken["unknown"] = 1
    else:
        broken[name] = rng.choice(_WRONG)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from _objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from _objects(part)
