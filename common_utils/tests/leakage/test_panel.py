from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.leakage.panel import PanelPower, audit_panel, panel_powers

PEOPLE, MONTHS = 150, 8
FEES = {"small": 900.0, "middle": 1900.0, "large": 3900.0}
LIMITS = {"small": 400.0, "middle": 900.0, "large": np.inf}
ARGUMENTS = {"groups": "who", "month": "month", "known": ("usage", "plan")}


def _panel(seed: int = 0, people: int = PEOPLE) -> pd.DataFrame:
    """Eight months each of subscribers with a level, noise, and a plan that changes in one month of eight."""
    rng = np.random.default_rng(seed)
    level = rng.normal(6, 0.8, (people, 1))
    usage = np.exp(level + 0.4 * rng.normal(size=(people, MONTHS)))
    drawn = rng.integers(0, 3, (people, MONTHS))
    for month in range(1, MONTHS):
        drawn[:, month] = np.where(rng.random(people) < 1 / 8, drawn[:, month], drawn[:, month - 1])
    return pd.DataFrame(
        {
            "who": np.repeat([f"s-{number}" for number in range(people)], MONTHS),
            "month": [f"2025-{month + 1:02d}" for month in range(MONTHS)] * people,
            "usage": usage.ravel(),
            "plan": np.array(list(FEES))[drawn.ravel()],
        }
    )


def _next(panel: pd.DataFrame, column: str) -> pd.Series:
    return panel.groupby("who")[column].shift(-1)


def _overage(usage: pd.Series, plan: pd.Series) -> pd.Series:
    return (usage - plan.map(LIMITS)).clip(lower=0) * 0.05


LATE: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "usage": lambda p: _next(p, "usage"),
    "rounded-usage-as-text": lambda p: (_next(p, "usage") // 100).astype("str"),
    "overage": lambda p: _overage(_next(p, "usage"), _next(p, "plan")),
    "bill": lambda p: _next(p, "plan").map(FEES) + _overage(_next(p, "usage"), _next(p, "plan")),
    "plan": lambda p: _next(p, "plan").astype("category"),
    "plan-changes": lambda p: (_next(p, "plan") != p["plan"]) & _next(p, "plan").notna(),
    "date-of-a-change": lambda p: pd.to_datetime(p["month"]).where(_next(p, "plan") != p["plan"]),
    "one-in-twenty-wrong": lambda p: _next(p, "usage").where(np.arange(len(p)) % 20 > 0, 0.0),
}
HONEST: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "bill": lambda p: p["plan"].map(FEES) + _overage(p["usage"], p["plan"]),
    "fee": lambda p: p["plan"].map(FEES),
    "average": lambda p: p.groupby("who")["usage"].transform(lambda usage: usage.expanding().mean()),
    "last-month": lambda p: p.groupby("who")["usage"].shift(1),
    "region": lambda _: pd.Series(np.random.default_rng(1).choice(list("abcd"), PEOPLE)).repeat(MONTHS),
    "rare-flag": lambda p: pd.Series(np.random.default_rng(2).random(len(p)) < 0.02),
    "complaint": lambda p: pd.Series(
        np.random.default_rng(3).random(len(p)) < np.where(_next(p, "plan") != p["plan"], 0.25, 0.05)
    ),
    # the level itself, as a survey before the first month might know it; `_panel` draws it first
    "level": lambda _: pd.Series(np.exp(np.random.default_rng(0).normal(6, 0.8, PEOPLE)).round(-1)).repeat(MONTHS),
    "constant": lambda p: pd.Series(np.ones(len(p))),
    "all-missing": lambda p: pd.Series([None] * len(p), dtype=object),
}


@pytest.mark.parametrize("name", LATE)
def test_a_column_written_a_month_too_late_is_found(name: str) -> None:
    panel = _panel()
    report = audit_panel(panel.assign(harmless=LATE[name](panel).to_numpy()), **ARGUMENTS)
    assert [(finding.kind, finding.columns) for finding in report.findings] == [("written_later", ("harmless",))]


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_column_is_not_accused(name: str) -> None:
    panel = _panel()
    assert audit_panel(panel.assign(next_month_leak=HONEST[name](panel).to_numpy()), **ARGUMENTS).ok


def test_each_column_is_judged_by_itself_and_in_any_order_of_rows() -> None:
    panel = _panel()
    late = panel.assign(**{name: column(panel).to_numpy() for name, column in LATE.items() if name != "plan"})
    together = panel_powers(late.drop(columns=["usage"]).assign(usage=panel["usage"], other=late["usage"]), **ARGUMENTS)
    assert together is not None
    alone = panel_powers(panel.assign(bill=late["bill"]), **ARGUMENTS)
    assert alone == {"bill": together["bill"]}


def test_the_evidence_says_what_was_explained_and_allowed_columns_are_noted() -> None:
    panel = _panel()
    panel["limit"] = _next(panel, "usage")
    before = panel.copy(deep=True)
    (finding,) = audit_panel(panel, **ARGUMENTS).findings
    assert re.search(r"explain 6\d\.\d% of it in unseen rows, with the month after (99\.\d|100\.0)%:", finding.evidence)
    assert "List it under drop_columns" in finding.advice
    report = audit_panel(panel, **ARGUMENTS, allowed=["limit"])
    assert report.ok
    assert report.notes == (finding,)
    pd.testing.assert_frame_equal(panel, before)


def test_the_same_seed_draws_the_same_rows() -> None:
    panel = _panel()
    panel["limit"] = _next(panel, "usage")
    one, two, other = (panel_powers(panel, **ARGUMENTS, max_rows=500, seed=seed) for seed in (3, 3, 4))
    assert one == two != other


def test_a_month_left_out_is_not_the_month_after() -> None:
    # every other month is missing: no row has a month after it, whatever row comes next
    panel = _panel()[lambda p: p["month"].str[-1].isin(list("1357"))]
    assert panel_powers(panel, **ARGUMENTS) is None


def test_too_few_rows_are_noted() -> None:
    report = audit_panel(_panel(people=20), **ARGUMENTS)
    assert report.ok
    assert [note.kind for note in report.notes] == ["too_few_rows"]


def test_months_without_history_do_where_there_are_no_others() -> None:
    # one month known: a second one tells half of what it leaves open in the level, which is honest all the same
    panel = _panel(people=500)[lambda p: p["month"] <= "2025-02"]
    level = np.repeat(np.random.default_rng(0).normal(6, 0.8, 500), 2)
    panel = panel.assign(limit=_next(panel, "usage"), bill=HONEST["bill"](panel), level=level)
    assert [finding.columns for finding in audit_panel(panel, **ARGUMENTS).findings] == [("limit",)]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        pytest.param({"groups": "person"}, r"missing column\(s\) \['person'\]", id="groups"),
        pytest.param({"known": ()}, "no known column", id="nothing-known"),
        pytest.param({"month": "usage"}, "month column 'usage' holds no months", id="month"),
    ],
)
def test_unusable_arguments_are_refused(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(DataError, match=match):
        audit_panel(_panel(people=2), **{**ARGUMENTS, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("power", "late"),
    [
        pytest.param(PanelPower(0.4, 0.9, 0.95), True, id="late"),
        pytest.param(PanelPower(0.0, 0.0, 0.6), True, id="takes-both-months"),
        pytest.param(PanelPower(0.0, 0.4, 0.45), True, id="serves-better-than-its-own"),
        pytest.param(PanelPower(0.0, 0.39, 0.59), False, id="below-both-bounds"),
        pytest.param(PanelPower(0.5, 0.5, 0.75), False, id="level-that-any-month-tells"),
        pytest.param(PanelPower(0.99, 1.0, 1.0), False, id="share-of-next-to-nothing"),
        pytest.param(PanelPower(1.0, 1.0, 1.0), False, id="nothing-left-open"),
    ],
)
def test_late_needs_a_share_more_than_its_own_month_and_a_gain(power: PanelPower, late: bool) -> None:
    assert power.late is late


@given(own=st.floats(0, 1), instead=st.floats(0, 1), both=st.floats(0, 1))
def test_shares_are_of_what_is_left_open(own: float, instead: float, both: float) -> None:
    power = PanelPower(own, instead, both)
    assert max(power.share, power.instead_share) <= 1
    assert not (power.late and both <= own)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 1000))
def test_order_preserving_changes_of_a_column_change_nothing(seed: int) -> None:
    panel = _panel(seed)
    late = _next(panel, "usage")
    powers = [panel_powers(panel.assign(x=x), **ARGUMENTS) for x in (late, np.exp(late / 1000), 3 * late - 7)]
    assert powers[0] == powers[1] == powers[2]
