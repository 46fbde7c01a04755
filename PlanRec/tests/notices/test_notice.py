"""Figures and words of a notice, worked out by hand on a small rate card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.billing import Catalogue, Usage, bill_totals, parse_catalogue
from planrec.notices import Basis, NoticeFigures, notices_of
from planrec.notices.figures import figures_of
from planrec.notices.files import notice_line, reproduce
from planrec.notices.notice import basis_of, usage_digest, versions_of
from planrec.notices.text import notice_text


def _plan(plan_id: str, fee: int, included: int, cents: int, more: str = "") -> str:
    return (
        f"  - {{plan_id: {plan_id}, name: {plan_id.title()}, monthly_fee_cents: {fee}, "
        f"included: {{minutes: {included}, messages: null, megabytes: null}}, "
        f"overage: {{cents_per_minute: {cents}, cents_per_message: 0, cents_per_data_unit: 0}}{more}}}\n"
    )


CARD = "version: t1\ncurrency: EUR\nrounding: {minutes: call, data_unit_megabytes: 1024}\nplans:\n" + "".join(
    [
        _plan("now", 2000, 100, 10, ", contract_months: 12"),
        _plan("long", 500, 0, 15, ", contract_months: 24"),
        _plan("free", 1500, 0, 4),
        _plan("gone", 1, 0, 0, ", on_sale: {to: 2025-06}"),
        _plan("ending", 2, 0, 0, ", on_sale: {to: 2025-12}"),
        _plan("coming", 3, 0, 0, ", on_sale: {from: 2026-01}"),
        _plan("senior", 4, 0, 0, ", eligibility: {min_age: 60}"),
    ]
)
SMALL = parse_catalogue(CARD.encode(), "test")


def basis(
    minutes: Sequence[int] = (60, 120),
    *,
    plan: str = "now",
    end: str | None = "2025-12-31",
    age: float | None = None,
    card: Catalogue = SMALL,
    months: Sequence[str] | None = None,
) -> Basis:
    n = len(minutes)
    return basis_of(
        "s1",
        as_of=date(2025, 12, 1),
        contract_end=None if end is None else date.fromisoformat(end),
        current_plan=plan,
        age=age,
        months=months or [f"2025-{12 - n + i:02d}" for i in range(n)],
        usage=([m * 1_000_000 for m in minutes], [0] * n, [0] * n),
        versions=versions_of(card, "f" * 64),
    )


def figures(one: Basis, card: Catalogue = SMALL) -> NoticeFigures:
    return figures_of([one], card)[0]


def test_figures_compare_the_plan_held_with_the_best_and_the_best_without_a_contract() -> None:
    found = figures(basis())
    assert found.change_from == date(2026, 1, 1)
    # now: 20.00, and 20.00 + 20 x 0.10; long: 5.00 + 60 and 120 x 0.15; free: 15.00 + 60 and 120 x 0.04
    assert found.current.bills_cents == (2000, 2200)
    assert (found.current.monthly_cents, found.current.yearly_cents) == (2100, 25200)
    assert (found.current.fee_cents, found.current.minutes_cents) == (4000, 200)
    assert (found.best.plan_id, found.best.bills_cents) == ("long", (1400, 2300))
    assert (found.best.monthly_cents, found.best.saving_yearly_cents, found.best.months_dearer) == (1850, 3000, 1)
    assert (found.best.lowest_cents, found.best.highest_cents, found.best.contract_months) == (1400, 2300, 24)
    free = found.best_without_contract
    assert free is not None
    assert (free.plan_id, free.bills_cents, free.saving_yearly_cents) == ("free", (1740, 1980), 2880)
    assert not found.stay


def test_plan_must_be_on_sale_on_the_day_of_the_run_and_of_the_change() -> None:
    assert figures(basis()).not_offered == {
        "gone": "NO_LONGER_SOLD",
        "ending": "NO_LONGER_SOLD",
        "coming": "NOT_YET_ON_SALE",
        "senior": "AGE_UNKNOWN",
    }


def test_plan_for_an_age_is_shown_to_that_age() -> None:
    assert figures(basis(age=60.0)).best.plan_id == "senior"
    assert figures(basis(age=59.0)).not_offered["senior"] == "BELOW_MINIMUM_AGE"


def test_text_of_an_end_of_contract_notice_names_dates_amounts_and_the_contract() -> None:
    assert notice_text(basis(), figures(basis())) == (
        "Your contract for Now ends on 31 December 2025: from 1 January 2026 on it continues month by month at the "
        "same fee of 20.00 EUR, and you can change plans. "
        "With your usage of the 2 months from October 2025 to November 2025 it costs 21.00 EUR a month on average, "
        "between 20.00 EUR and 22.00 EUR, 1.00 EUR of it for minutes beyond what is included. "
        "On Long the same usage would have cost 18.50 EUR a month on average, 30.00 EUR less a year; in 1 of 2 months "
        "it would have been dearer; taking it binds you for 24 months. "
        "Without a new contract the cheapest is Free at 18.60 EUR a month on average, 28.80 EUR less a year."
    )


def test_text_says_stay_where_nothing_costs_less() -> None:
    one = basis([60, 60], plan="gone", end=None)
    found = figures(one)
    assert found.stay
    assert found.best == found.current
    assert notice_text(one, found) == (
        "No contract binds you to Gone: you can change plans from 1 January 2026 on. "
        "With your usage of the 2 months from October 2025 to November 2025 it costs 0.01 EUR a month on average. "
        "Of the plans you can take none would have cost you less, so staying with Gone is the best choice."
    )


def test_text_says_where_months_are_missing_between() -> None:
    one = basis(months=["2025-08", "2025-11"])
    assert "the 2 months from August 2025 to November 2025 that we know of" in notice_text(one, figures(one))


def test_ties_go_to_the_plan_held_then_to_the_shorter_contract() -> None:
    plans = [
        _plan("held", 900, 0, 0, ", contract_months: 12"),
        _plan("bound", 900, 0, 0, ", contract_months: 24"),
        _plan("open", 900, 0, 0),
        _plan("dear", 999, 0, 0),
    ]
    card = parse_catalogue((CARD.partition("plans:\n")[0] + "plans:\n" + "".join(plans)).encode(), "test")
    held = figures(basis(plan="held", card=card), card)
    assert (held.stay, held.best.contract_months) == (True, 0)
    assert figures(basis(plan="dear", card=card), card).best.plan_id == "open"


def test_best_without_a_contract_is_never_dearer_than_staying() -> None:
    plans = "".join([_plan("now", 2000, 100, 10, ", contract_months: 12"), _plan("long", 500, 0, 15, "")])
    card = parse_catalogue((CARD.partition("plans:\n")[0] + "plans:\n" + plans).encode(), "test")
    bound = parse_catalogue(
        (CARD.partition("plans:\n")[0] + "plans:\n" + plans.splitlines(keepends=True)[0]).encode(), "test"
    )
    free = figures(basis(card=card), card).best_without_contract  # 5.00 + 60 and 120 x 0.15
    assert free is not None
    assert free.plan_id == "long"
    # Staying goes on month by month, so the plan held counts although taking it anew would bind.
    dearer = figures(basis([400, 400], card=card), card)  # now: 20.00 + 300 x 0.10; long: 5.00 + 400 x 0.15
    assert (dearer.current.monthly_cents, dearer.best_without_contract) == (5000, dearer.current)
    assert figures(basis(card=bound), bound).best_without_contract == figures(basis(card=bound), bound).current


def test_december_yearly_change_is_on_new_years_day_and_half_a_cent_goes_up() -> None:
    found = figures(basis([100, 101, 100, 101], end=None))  # 2000, 2010, 2000, 2010
    assert found.current.monthly_cents == 2005
    odd = figures(basis([1, 0], plan="free", end=None))  # 1504, 1500 on free; 515, 500 on long: 507.5
    assert odd.best.monthly_cents == 508
    assert odd.change_from == date(2026, 1, 1)


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=7), st.sampled_from(["now", "long", "free"]))
def test_no_plan_that_is_offered_beats_the_best_and_averages_are_exact(minutes: list[int], plan: str) -> None:
    one = basis(minutes, plan=plan, end=None)
    found = figures(one)
    totals = bill_totals(Usage.of(minutes, [0] * len(minutes), [0] * len(minutes)), SMALL).sum(axis=0).tolist()
    averages = [int(Fraction(total, len(minutes)) + Fraction(1, 2)) for total in totals]
    offered = [i for i, plan_id in enumerate(SMALL.plan_ids) if plan_id not in found.not_offered]
    assert found.best.monthly_cents == min(averages[i] for i in offered)
    assert found.best.saving_yearly_cents >= 0
    assert found.stay == (found.best.saving_yearly_cents == 0)
    for tariff in (found.current, found.best):
        assert tariff.monthly_cents == averages[SMALL.index(tariff.plan_id)]
        items = tariff.fee_cents + tariff.minutes_cents + tariff.messages_cents + tariff.data_cents
        assert items == sum(tariff.bills_cents)
        assert tariff.lowest_cents <= tariff.monthly_cents <= tariff.highest_cents


def test_batch_of_notices_equals_one_by_one() -> None:
    bases = [basis([60, 120]), basis([10], plan="free", end=None), basis([500, 1, 2, 3])]
    together = notices_of(bases, SMALL)
    assert [notice_line(n) for n in together] == [notice_line(notices_of([b], SMALL)[0]) for b in bases]
    assert [reproduce(notice, SMALL) for notice in together] == [notice.figures for notice in together]
    assert notices_of([], SMALL) == []


def test_usage_digest_covers_subscriber_month_and_usage() -> None:
    one = basis()
    changed = [
        replace(one, subscriber_id="s2"),
        replace(one, months=("2025-09", "2025-11")),
        replace(one, minutes=(60_000_000, 120_000_001)),
    ]
    assert len({usage_digest(b) for b in (one, *changed)}) == 4


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        pytest.param(replace(basis(), minutes=(1,)), "1 basis\\(es\\) hold no month, or usage", id="torn"),
        pytest.param(
            replace(basis(), months=(), minutes=(), messages=(), megabytes=()), "hold no month", id="no-month"
        ),
        pytest.param(replace(basis(), current_plan="other"), "a plan that rate card 't1' lacks", id="foreign-plan"),
    ],
)
def test_basis_that_cannot_be_priced_is_refused(broken: Basis, message: str) -> None:
    with pytest.raises(DataError, match=message):
        figures_of([broken], SMALL)


def test_refusals_count_the_bases_at_fault() -> None:
    with pytest.raises(DataError, match=r"notices: 1 basis\(es\) hold no month"):
        figures_of([basis(), replace(basis(), minutes=(1,))], SMALL)
    with pytest.raises(DataError, match=r"notices: 1 basis\(es\) name a plan"):
        figures_of([replace(basis(), current_plan="other"), basis()], SMALL)


def test_a_batch_keeps_months_and_plans_of_different_people_apart() -> None:
    # free: 15.00 + 1, 2 and 3 x 0.04; now: 20.00, and 20.00 + 20 x 0.10; each with its own plan held.
    first, second = figures_of([basis([1, 2, 3], plan="free", end=None), basis()], SMALL)
    assert first.current.bills_cents == (1504, 1508, 1512)
    assert (first.current.lowest_cents, first.current.highest_cents, first.current.monthly_cents) == (1504, 1512, 1508)
    assert (second.current.bills_cents, second.current.fee_cents) == ((2000, 2200), 4000)
    assert (first.best.plan_id, first.best.months_dearer, second.best.months_dearer) == ("long", 0, 1)


def test_text_without_a_new_contract_is_said_only_where_it_saves() -> None:
    # free: 15.00 + 400 x 0.04 = 31.00 beats now at 20.00 + 300 x 0.10 = 50.00; long costs 65.00 and binds.
    text = said(basis([400]))
    assert "On Free the same usage would have cost 31.00 EUR" in text
    assert "Without a new contract" not in text  # the best one is that already
    assert "binds you" not in text
    # long: 5.00 + 40 x 0.15 = 11.00 is best and binds; free at 16.60 saves on now at 20.00 as well.
    assert "Without a new contract the cheapest is Free at 16.60 EUR" in said(basis([40]))
    # now as a plan of 12.00: free costs more than that, so that only the plan with a contract is named.
    cheap = parse_catalogue(CARD.replace("monthly_fee_cents: 2000", "monthly_fee_cents: 1200").encode(), "test")
    assert "Without a new contract" not in said(basis([40], card=cheap), cheap)
    assert "On Long the same usage" in said(basis([40], card=cheap), cheap)


def said(one: Basis, card: Catalogue = SMALL) -> str:
    return notice_text(one, figures(one, card))
