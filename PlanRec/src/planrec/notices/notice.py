"""Best-tariff notices: what the present plan and the best tariffs cost on the subscriber's own months.

A notice carries its basis, and its figures are worked out from that basis and the rate card alone, so that anybody
can work them out again. All amounts are whole cents. An average a month is the total over the months divided by their
number, half a cent up; a year is 12 such months; plans are ranked by that average, so what is printed decides.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from common_utils.bundle import fingerprint_bytes, library_versions
from common_utils.errors import DataError
from planrec.billing import MAX_USAGE, Catalogue
from planrec.billing.catalogue import Rounding
from planrec.months import MONTH_PATTERN
from planrec.notices.basis_cells import BasisCells
from planrec.notices.schedule import NoticeKind

__all__ = [
    "MILLIONTHS",
    "Basis",
    "Notice",
    "NoticeFigures",
    "NoticeLine",
    "PlanCost",
    "Unit",
    "Versions",
    "basis_of",
    "usage_digest",
    "versions_of",
]

MILLIONTHS = 1_000_000
_STRICT = ConfigDict(extra="forbid", strict=True)

Unit = Literal["seconds", "messages", "megabytes"]
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
        `usage_digest` of the above and of the cells.
    versions : Versions
    cells : BasisCells or None
        Cells of those months, which price full plans. None where none were given, or where they lack a month or
        contradict the usage: then full plans are not compared.
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
    cells: BasisCells | None = None

    @property
    def kind(self) -> NoticeKind:
        """The notice this basis is for."""
        return "yearly" if self.contract_end is None else "end-of-contract"


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A line of the bills of a full plan, over all months of the basis.

    Attributes
    ----------
    name : str
        As a bill says it.
    quantity : dict of str to str
        What it charges for beyond what allowances cover, after increments: `seconds`, `messages` or `megabytes`, exact
        decimals. Empty where the line charges for no use, as a fee does.
    cents : int
        Below 0 for a discount.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    quantity: dict[Unit, str]
    cents: int


@dataclass(frozen=True, slots=True)
class PlanCost:
    """What one plan costs on the months of the basis; whole cents.

    Attributes
    ----------
    plan_id, name : str
    contract_months : int
        Months that taking the plan binds for; 0 for the current plan, which goes on month by month.
    monthly_fee_cents : int
        Of a full plan the fee in the month of the change, to the cent, before tax that the card adds.
    bills_cents : tuple of int
        Bill of each month of the basis, in its order.
    fee_cents, minutes_cents, messages_cents, data_cents : int or None
        Line items over all months; they add up to the sum of the bills. None for a full plan.
    monthly_cents, yearly_cents : int
        Average bill a month, and 12 of them.
    lowest_cents, highest_cents : int
        Range of the bills.
    saving_yearly_cents : int
        The current plan's `yearly_cents` less this one's.
    months_dearer : int
        Months in which the bill is above the current plan's.
    items : tuple of NoticeLine or None
        Of a full plan: what the bills are made of, lines of 0 cents left out; they add up to the sum of the bills. None
        for a plan in the short form.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    plan_id: str
    name: str
    contract_months: int
    monthly_fee_cents: int
    bills_cents: tuple[int, ...]
    fee_cents: int | None
    minutes_cents: int | None
    messages_cents: int | None
    data_cents: int | None
    monthly_cents: int
    yearly_cents: int
    lowest_cents: int
    highest_cents: int
    saving_yearly_cents: int
    months_dearer: int
    items: tuple[NoticeLine, ...] | None = None


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
        Plan -> code of why it was not compared: on the day of the run or on `change_from` it cannot be taken, neither
        usage months nor cells price it, or it does not sell what was used.
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
    cells: BasisCells | None = None,
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
        cells,
    )
    return replace(bare, usage_sha256=usage_digest(bare))


def usage_digest(basis: Basis) -> str:
    """Return the sha256 of the usage rows: one line `subscriber,month,minutes,messages,megabytes` each, UTF-8.

    Usage stands in millionths of its unit; lines are ascending by month and end in LF. Where there are cells, a line
    `cells,scheme` and a line for each of their rows, as JSON without spaces in ASCII, come after them.

    Raises
    ------
    DataError
        If there is not as much usage as there are months.
    """
    if {len(basis.minutes), len(basis.messages), len(basis.megabytes)} != {len(basis.months)}:
        raise DataError("notices: usage that does not fit the months of its basis.")
    rows = zip(basis.months, basis.minutes, basis.messages, basis.megabytes, strict=True)
    lines = [f"{basis.subscriber_id},{month},{a},{b},{c}\n" for month, a, b, c in rows]
    if basis.cells is not None:
        lines.append(f"cells,{basis.cells.scheme}\n")
        lines += [f"{json.dumps(row, separators=(',', ':'))}\n" for row in basis.cells.rows]
    return fingerprint_bytes("".join(lines).encode())
