"""Columns a real operator's table carries and a model may see: what a leak audit must never accuse.

Each holds what is known at the end of its own month: traits that never change, what the month was billed, what the
past adds up to, and signs that foretell a change of plan as honestly as a complaint does.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from common_utils.array_types import FloatArray, IntArray
from planrec.billing import Catalogue, Usage, rate
from planrec.columns import CURRENT_PLAN, MEGABYTES, MINUTES, SUBSCRIBER, USAGE

__all__ = ["with_legitimate_columns"]

_Columns = dict[str, np.ndarray]


def with_legitimate_columns(months: pd.DataFrame, catalogue: Catalogue, rng: np.random.Generator) -> pd.DataFrame:
    """Return usage months with further honest columns.

    Parameters
    ----------
    months : DataFrame
        Usage months sorted by subscriber and month, each with a plan of the catalogue; not modified.
    catalogue : Catalogue
    rng : numpy.random.Generator

    Returns
    -------
    DataFrame
        The columns of `months`, then traits (`region`, `device_class`, `account_number`, `consent`), the month's own
        bill (`charge`, `overage`, `plan_fee`, `tariff_code`, `perks`, `unused_megabytes`, `bill_shock`), the past
        (`charge_average`, `megabytes_average`, `megabytes_trend`, `value_segment`, `plan_months`, `plan_changes`,
        `previous_plan`), chance (`roamed`, `support_contacts`, `balance`, `days_late`), and signs of a change to come
        (`complained`: 25 % before a change, 5 % else; `tariff_page_visits`: 2 on average before one, 0.7 else).

    Examples
    --------
    >>> months = pd.DataFrame({"subscriber_id": ["a", "a"], "minutes": [510.0, 0], "messages": [0.0, 0],
    ...                        "megabytes": [0.0, 0], "current_plan": ["surf", "ultimate"]})
    >>> table = with_legitimate_columns(months, megaline, np.random.default_rng(0))
    >>> table[["charge", "overage", "plan_changes"]].to_numpy().tolist()
    [[20.3, 0.3, 0.0], [70.0, 0.0, 1.0]]
    """
    people = pd.factorize(months[SUBSCRIBER])[0].astype(np.int64)
    plan = np.array([catalogue.index(p) for p in months[CURRENT_PLAN]], dtype=np.int64)
    billed = _billed(months, plan, catalogue)
    columns = {
        **_traits(people, rng),
        **billed,
        **_past(months, people, plan, billed["charge"], catalogue),
        **_chance(len(months), rng),
        **_signs(people, plan, rng),
    }
    return months.assign(**columns)


def _traits(people: IntArray, rng: np.random.Generator) -> _Columns:
    count = int(people.max()) + 1
    values: Mapping[str, np.ndarray] = {
        "region": rng.choice(np.array(list("ABCDEFGH"), dtype=object), count),
        "device_class": rng.choice(np.array(["basic", "middle", "flagship"], dtype=object), count),
        "account_number": 4_000_000.0 + rng.permutation(count),
        "consent": rng.random(count) < 0.7,
    }
    return {name: column[people] for name, column in values.items()}


def _billed(months: pd.DataFrame, plan: IntArray, catalogue: Catalogue) -> _Columns:
    rows = np.arange(len(months))
    bills = rate(Usage.of(*(months[service] for service in USAGE)), catalogue)
    charge, fee = bills.total_cents[rows, plan] / 100, bills.fee_cents[rows, plan] / 100
    included = [p.included.megabytes for p in catalogue.plans]
    allowance = np.array([np.nan if limit is None else limit for limit in included], dtype=np.float64)[plan]
    return {
        "charge": charge,
        "overage": np.round(charge - fee, 2),
        "plan_fee": fee,
        "tariff_code": np.array([f"T{37 * p % 101:03d}" for p in range(len(catalogue.plans))], dtype=object)[plan],
        "perks": np.array([", ".join(p.perks) for p in catalogue.plans], dtype=object)[plan],
        "unused_megabytes": np.maximum(allowance - months[MEGABYTES].to_numpy(), 0),
        "bill_shock": charge > 1.3 * fee,
    }


def _past(months: pd.DataFrame, people: IntArray, plan: IntArray, charge: FloatArray, catalogue: Catalogue) -> _Columns:
    first = np.append(True, people[1:] != people[:-1])
    changed = np.append(False, plan[1:] != plan[:-1]) & ~first
    spell = np.cumsum(first | changed)  # months on one plan without a break
    megabytes = months[MEGABYTES].to_numpy(dtype=np.float64)
    average = _mean_so_far(megabytes, people)
    heavy, chatty = average > 8000, _mean_so_far(months[MINUTES].to_numpy(dtype=np.float64), people) > 300
    plans = np.array([*catalogue.plan_ids, None], dtype=object)
    return {
        "charge_average": _mean_so_far(charge, people),
        "megabytes_average": average,
        "megabytes_trend": megabytes / np.maximum(average, 1),
        "value_segment": np.array(["quiet", "talks", "surfs", "both"], dtype=object)[2 * heavy + chatty],
        "plan_months": pd.Series(spell).groupby(spell).cumcount().to_numpy(dtype=np.float64),
        "plan_changes": pd.Series(changed).groupby(people).cumsum().to_numpy(dtype=np.float64),
        "previous_plan": plans[np.where(first, -1, np.roll(plan, 1))],
    }


def _mean_so_far(values: FloatArray, people: IntArray) -> FloatArray:
    by_person = pd.Series(values).groupby(people)
    return np.asarray(by_person.cumsum() / (by_person.cumcount() + 1), dtype=np.float64)


def _chance(count: int, rng: np.random.Generator) -> _Columns:
    return {
        "roamed": rng.random(count) < 0.04,
        "support_contacts": rng.poisson(0.6, count).astype(np.float64),
        "balance": np.round(rng.normal(0, 20, count), 2),
        "days_late": np.where(rng.random(count) < 0.9, 0.0, rng.geometric(0.1, count)),
    }


def _signs(people: IntArray, plan: IntArray, rng: np.random.Generator) -> _Columns:
    changes = np.append((people[1:] == people[:-1]) & (plan[1:] != plan[:-1]), False)
    return {
        "complained": rng.random(len(plan)) < np.where(changes, 0.25, 0.05),
        "tariff_page_visits": rng.poisson(np.where(changes, 2.0, 0.7)).astype(np.float64),
    }
