"""Best-tariff notices: what the present plan and the best tariffs cost on the subscriber's own months.

A notice carries its basis, and its figures are worked out from that basis and the rate card alone, so that anybody
can work them out again. All amounts are whole cents. An average a month is the total over the months divided by their
number, half a cent up; a year is 12 such months; plans are ranked by that average, so what is printed decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import chain
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from common_utils.array_types import IntArray
from common_utils.bundle import fingerprint_bytes, library_versions
from common_utils.errors import DataError
from planrec.advice.ranking import rank_plans
from planrec.billing import MAX_USAGE, Bills, Catalogue, Usage, rate
from planrec.billing.catalogue import Rounding
from planrec.months import MONTH_PATTERN, month_text
from planrec.notices.schedule import NoticeKind
from planrec.rules import ExclusionCode, exclusions, without_detail

__all__ = [
    "MILLIONTHS",
    "Basis",
    "Notice",
    "NoticeFigures",
    "PlanCost",
    "Versions",
    "basis_of",
    "figures_of",
    "usage_digest",
    "versions_of",
]

MILLIONTHS = 1_000_000
_STRICT = ConfigDict(extra="forbid", strict=True)

_Used = Annotated[int, Field(ge=0, le=MAX_USAGE * MILLIONTHS)]
_Month = Annotated[str, Field(pattern=MONTH_PATTERN)]


@dataclass(frozen=True, slots=True)
class Versions:
    """What priced a notice: rate card, its rounding, and the version of planrec."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    planrec: str
    catalogue: str
    rate_card_sha256: str
    currency: str
    rounding: Rounding


@dataclass(frozen=True, slots=True)
class Basis:
    """All that the figures of one notice rest on, with the rate card.

    Attributes
    ----------
    subscriber_id : str
    as_of : date
        Day of the run; only months that ended before it are looked at.
    contract_end : date or None
        Last day the contract binds; None where none does, and then the notice is the yearly one.
    current_plan : str
    age : float or None
        Years; None where unknown, and then no plan with an age limit is shown.
    months : tuple of str
        YYYY-MM, ascending; at least one.
    minutes, messages, megabytes : tuple of int
        Usage of those months in millionths of the unit, as the rater reads it.
    usage_sha256 : str
        `usage_digest` of the above.
    versions : Versions
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    subscriber_id: str
    as_of: date
    contract_end: date | None
    current_plan: str
    age: float | None
    months: tuple[_Month, ...]
    minutes: tuple[_Used, ...]
    messages: tuple[_Used, ...]
    megabytes: tuple[_Used, ...]
    usage_sha256: str
    versions: Versions

    @property
    def kind(self) -> NoticeKind:
        """The notice this basis is for."""
        return "yearly" if self.contract_end is None else "end-of-contract"


@dataclass(frozen=True, slots=True)
class PlanCost:
    """What one plan costs on the months of the basis; whole cents.

    Attributes
    ----------
    plan_id, name : str
    contract_months : int
        Months that taking the plan binds for; 0 for the current plan, which goes on month by month.
    monthly_fee_cents : int
    bills_cents : tuple of int
        Bill of each month of the basis, in its order.
    fee_cents, minutes_cents, messages_cents, data_cents : int
        Line items over all months; they add up to the sum of the bills.
    monthly_cents, yearly_cents : int
        Average bill a month, and 12 of them.
    lowest_cents, highest_cents : int
        Range of the bills.
    saving_yearly_cents : int
        The current plan's `yearly_cents` less this one's.
    months_dearer : int
        Months in which the bill is above the current plan's.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    plan_id: str
    name: str
    contract_months: int
    monthly_fee_cents: int
    bills_cents: tuple[int, ...]
    fee_cents: int
    minutes_cents: int
    messages_cents: int
    data_cents: int
    monthly_cents: int
    yearly_cents: int
    lowest_cents: int
    highest_cents: int
    saving_yearly_cents: int
    months_dearer: int


@dataclass(frozen=True, slots=True)
class NoticeFigures:
    """The answer of a notice.

    Attributes
    ----------
    change_from : date
        First day another plan can be had: the day after the contract ends; where none binds, the first of the month
        after the run.
    current, best : PlanCost
        The plan held, and the one with the lowest average; a tie goes to the plan held, then to the shorter contract.
    best_without_contract : PlanCost or None
        The lowest average among the plans that bind nobody anew, the plan held among them, and ties as above; never
        dearer than staying. None in files of earlier versions, which left the plan held out where it has a term.
    stay : bool
        Whether `best` is the plan held.
    not_offered : dict of str to str
        Plan -> code of why it was not compared: on the day of the run or on `change_from` it cannot be taken, or usage
        months do not price it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    change_from: date
    current: PlanCost
    best: PlanCost
    best_without_contract: PlanCost | None
    stay: bool
    not_offered: dict[str, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice, as it is written; `subscriber_id` and `kind` repeat what the basis says."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    subscriber_id: str
    kind: NoticeKind
    basis: Basis
    figures: NoticeFigures
    text: str


def versions_of(catalogue: Catalogue, rate_card_sha256: str) -> Versions:
    """Return what a notice says of the rate card and the program that priced it."""
    planrec = library_versions(["planrec"])["planrec"]
    return Versions(planrec, catalogue.version, rate_card_sha256, catalogue.currency, catalogue.rounding)


def basis_of(
    subscriber_id: str,
    *,
    as_of: date,
    contract_end: date | None,
    current_plan: str,
    age: float | None,
    months: Sequence[str],
    usage: tuple[Sequence[int], Sequence[int], Sequence[int]],
    versions: Versions,
) -> Basis:
    """Return a basis with the digest of its usage; `usage` is minutes, messages and megabytes in millionths.

    Examples
    --------
    >>> card = Versions("0", "v1", "", "USD", Rounding(minutes="call"))
    >>> basis_of("a", as_of=date(2018, 2, 1), contract_end=None, current_plan="surf", age=None, months=["2018-01"],
    ...          usage=([510_000_000], [0], [0]), versions=card).kind
    'yearly'
    """
    minutes, messages, megabytes = (tuple(part) for part in usage)
    bare = Basis(
        subscriber_id,
        as_of,
        contract_end,
        current_plan,
        age,
        tuple(months),
        minutes,
        messages,
        megabytes,
        "",
        versions,
    )
    return replace(bare, usage_sha256=usage_digest(bare))


def usage_digest(basis: Basis) -> str:
    """Return the sha256 of the usage rows: one line `subscriber,month,minutes,messages,megabytes` each, UTF-8.

    Usage stands in millionths of its unit; lines are ascending by month and end in LF.
    """
    rows = zip(basis.months, basis.minutes, basis.messages, basis.megabytes, strict=True)
    lines = [f"{basis.subscriber_id},{month},{a},{b},{c}\n" for month, a, b, c in rows]
    return fingerprint_bytes("".join(lines).encode())


def figures_of(bases: Sequence[Basis], catalogue: Catalogue) -> list[NoticeFigures]:
    """Return the figures of each basis: from it and the rate card alone.

    Parameters
    ----------
    bases : sequence of Basis
    catalogue : Catalogue

    Raises
    ------
    DataError
        If a basis holds no month, usage of another length than its months, or a plan the rate card lacks.

    Examples
    --------
    >>> basis = basis_of("a", as_of=date(2018, 3, 1), contract_end=None, current_plan="ultimate", age=None,
    ...                  months=["2018-01", "2018-02"], versions=versions_of(megaline, ""),
    ...                  usage=([510_000_000, 0], [0, 0], [0, 16_384_000_000]))
    >>> figures = figures_of([basis], megaline)[0]  # surf: 20.30 and 30.00
    >>> figures.best.plan_id, figures.best.monthly_cents, figures.best.saving_yearly_cents, str(figures.change_from)
    ('surf', 2515, 53820, '2018-04-01')
    """
    if not bases:
        return []
    _check(bases, catalogue)
    current = np.array([catalogue.index(basis.current_plan) for basis in bases], dtype=np.int64)
    changes = [_change_from(basis) for basis in bases]
    comparison = _Comparison(bases, catalogue, current)
    excluded = _excluded(bases, changes, catalogue, current)
    best, free = comparison.best(excluded)
    return [
        NoticeFigures(
            change_from=changes[i],
            current=comparison.tariff(i, int(current[i])),
            best=comparison.tariff(i, int(best[i])),
            best_without_contract=comparison.tariff(i, int(free[i])),
            stay=bool(best[i] == current[i]),
            not_offered={
                **{catalogue.plan_ids[p]: ExclusionCode(excluded[i, p]).name for p in np.flatnonzero(excluded[i])},
                **without_detail(catalogue),
            },
        )
        for i in range(len(bases))
    ]


class _Comparison:
    """Every plan on the months of every basis: the months of all bases in a row, `starts` where each begins."""

    def __init__(self, bases: Sequence[Basis], catalogue: Catalogue, current: IntArray) -> None:
        self.catalogue, self.current = catalogue, current
        self.counts = np.array([len(basis.months) for basis in bases], dtype=np.int64)
        self.starts = np.cumsum(self.counts) - self.counts
        self.bills = rate(_usage(bases), catalogue)
        totals = self.bills.total_cents
        today = totals[np.arange(len(totals)), np.repeat(current, self.counts)]
        self.dearer = self._per_basis((totals > today[:, None]).astype(np.int64))
        self.items = [self._per_basis(part) for part in _line_items(self.bills)]
        count = self.counts[:, None]
        self.monthly = (2 * self._per_basis(totals) + count) // (2 * count)  # half a cent up

    def best(self, excluded: IntArray) -> tuple[IntArray, IntArray]:
        """Return the best plan of each basis, and the best that binds nobody anew; staying is among both."""
        terms = np.array([plan.contract_months for plan in self.catalogue.plans], dtype=np.int64)
        new_terms = np.broadcast_to(terms, self.monthly.shape).copy()
        new_terms[np.arange(len(self.current)), self.current] = 0  # staying binds nobody anew
        # Equal averages are decided by the shorter contract: cents count a thousand times a month.
        key = (1000 * self.monthly + new_terms).astype(np.float64)
        order, _ = rank_plans(key, excluded, self.current, 0)
        free, _ = rank_plans(key, ((excluded > 0) | (new_terms > 0)).astype(np.int64), self.current, 0)
        return order[:, 0], free[:, 0]

    def tariff(self, row: int, plan: int) -> PlanCost:
        """Return what one plan costs on the months of one basis."""
        start, held = int(self.starts[row]), int(self.current[row])
        bills = self.bills.total_cents[start : start + int(self.counts[row]), plan].tolist()
        fee, minutes, messages, data = (int(part[row, plan]) for part in self.items)
        monthly, today = int(self.monthly[row, plan]), int(self.monthly[row, held])
        chosen = self.catalogue.plans[plan]
        return PlanCost(
            plan_id=chosen.plan_id,
            name=chosen.name,
            contract_months=0 if plan == held else chosen.contract_months,
            monthly_fee_cents=chosen.monthly_fee_cents,
            bills_cents=tuple(bills),
            fee_cents=fee,
            minutes_cents=minutes,
            messages_cents=messages,
            data_cents=data,
            monthly_cents=monthly,
            yearly_cents=12 * monthly,
            lowest_cents=min(bills),
            highest_cents=max(bills),
            saving_yearly_cents=12 * (today - monthly),
            months_dearer=int(self.dearer[row, plan]),
        )

    def _per_basis(self, values: IntArray) -> IntArray:
        return np.add.reduceat(values, self.starts, axis=0)


def _check(bases: Sequence[Basis], catalogue: Catalogue) -> None:
    torn = sum({len(b.minutes), len(b.messages), len(b.megabytes)} != {len(b.months)} or not b.months for b in bases)
    if torn:
        raise DataError(f"notices: {torn} basis(es) hold no month, or usage that does not fit their months.")
    foreign = sum(catalogue.index(basis.current_plan) < 0 for basis in bases)
    if foreign:
        raise DataError(
            f"notices: {foreign} basis(es) name a plan that rate card {catalogue.version!r} lacks; "
            "give the rate card the notices were written with."
        )


def _usage(bases: Sequence[Basis]) -> Usage:
    def flat(parts: Sequence[tuple[int, ...]]) -> NDArray[np.float64]:
        return np.array(list(chain.from_iterable(parts)), dtype=np.float64) / MILLIONTHS

    return Usage(
        flat([basis.minutes for basis in bases]),
        flat([basis.messages for basis in bases]),
        flat([basis.megabytes for basis in bases]),
    )


def _line_items(bills: Bills) -> tuple[IntArray, ...]:
    return bills.fee_cents, bills.minutes_cents, bills.messages_cents, bills.data_cents


def _change_from(basis: Basis) -> date:
    if basis.contract_end is not None:
        return basis.contract_end + timedelta(days=1)
    return date.fromisoformat(f"{month_text(_month(basis.as_of) + 1)}-01")


def _excluded(bases: Sequence[Basis], changes: Sequence[date], catalogue: Catalogue, current: IntArray) -> IntArray:
    """Return why plans are not offered: now, or on the day of the change."""
    age = np.array([np.nan if basis.age is None else basis.age for basis in bases], dtype=np.float64)
    now, then = (
        exclusions(catalogue, np.array([_month(day) for day in days], dtype=np.int64), current, age)
        for days in ([basis.as_of for basis in bases], changes)
    )
    return np.where(now != ExclusionCode.NONE, now, then)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1
