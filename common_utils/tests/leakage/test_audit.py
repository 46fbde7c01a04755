from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import DataError, LeakageError
from common_utils.leakage import LeakageReport, LeakFinding, audit

PLANS = np.array(["basic", "light", "medium", "large", "unlimited"])
FEES = np.array([900, 1500, 2500, 3500, 4900])
GROUPS, TARGET = "subscriber_id", "plan"


def _table(seed: int, n: int = 4000) -> tuple[pd.DataFrame, np.ndarray, np.random.Generator]:
    """Four decisions each of n/4 subscribers whose plan follows their usage, with taste on top."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n // 4), 4)
    need = rng.normal(size=(n // 4, 3))[person]
    usage = np.exp(need + 0.3 * rng.normal(size=(n, 3)))
    y = (-2 * np.abs(1.5 * need[:, [0]] - np.linspace(-2, 2, 5)) + rng.gumbel(size=(n, 5))).argmax(axis=1)
    current = np.where(rng.random(n) < 0.85, y, rng.integers(0, 5, n))
    frame = pd.DataFrame(
        {
            GROUPS: [f"s-{number:06d}" for number in person],
            "decided": rng.choice(["2018-05", "2018-06"], n),
            "minutes": 300 * usage[:, 0],
            "messages": np.floor(40 * usage[:, 1]).astype(int),
            "megabytes": np.where(rng.random(n) < 0.05, np.nan, 9000 * usage[:, 2]),
            "tenure_months": rng.integers(0, 100, n // 4)[person],
            "region": rng.choice(list("abcdef"), n),
            "has_5g": rng.random(n) < 0.5,
            "contract": pd.Categorical(rng.choice(["none", "12", "24"], n)),
            "since": pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "current_plan": PLANS[current],
            "current_fee_cents": FEES[current],
            TARGET: PLANS[y],
        }
    )
    return frame, y, rng


def _planted(frame: pd.DataFrame, y: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    n = len(frame)
    return frame.assign(
        noisy_copy=PLANS[np.where(rng.random(n) < 0.2, rng.integers(0, 5, n), y)],
        monthly_charge=FEES[y] / 100,
        charge_with_overage=FEES[y] / 100 + np.where(rng.random(n) < 0.4, rng.exponential(3, n).round(2), 0),
        retention_call=(y == 3) & (rng.random(n) < 0.97),
        discount_code=[f"D{number}" for number in (y * 1000 + rng.integers(0, 40, n)) * 997 % 100_003],
        account=[f"{PLANS[plan][:1].upper()}{rng.integers(0, 10**6)}" for plan in y],
        encoded_id=rng.permutation(n) * 5 + y,
    )


def test_every_planted_leak_is_found_and_no_honest_column_accused_over_20_seeds() -> None:
    for seed in range(20):
        honest, y, rng = _table(seed, n=2000)
        report = audit(honest, TARGET, groups=GROUPS, allowed=["current_plan"], decision_month="decided", seed=seed)
        assert report.ok, report.findings
        assert {note.columns for note in report.notes} == {("current_plan",), ("current_fee_cents",)}
        dirty = _planted(honest, y, rng)
        report = audit(dirty, TARGET, groups=GROUPS, allowed=["current_plan"], decision_month="decided", seed=seed)
        assert [finding.columns[0] for finding in report.findings] == list(dirty.columns[len(honest.columns) :])
        assert {finding.kind for finding in report.findings} == {"single_column"}


def test_a_strong_column_that_was_not_allowed_is_a_finding() -> None:
    frame, _, _ = _table(0)
    report = audit(frame, TARGET, groups=GROUPS)
    assert [finding.columns for finding in report.findings] == [("current_plan",), ("current_fee_cents",)]
    assert not report.notes


def test_a_copy_of_the_target_is_not_excused_by_an_allowed_column() -> None:
    frame, y, rng = _table(0)
    flag = np.where(rng.random(len(y)) < 0.02, y != 4, y == 4)
    report = audit(
        frame.assign(answer=y, flag=flag), TARGET, groups=GROUPS, allowed=["current_plan", "region", "absent"]
    )
    assert [finding.columns for finding in report.findings] == [("answer",), ("flag",)]


def test_a_flag_that_repeats_an_allowed_column_is_noted() -> None:
    frame, _, _ = _table(0)
    frame = frame.assign(is_unlimited=frame["current_plan"] == "unlimited").drop(columns="current_fee_cents")
    report = audit(frame, TARGET, groups=GROUPS, allowed=["current_plan"])
    assert report.ok
    assert [note.columns for note in report.notes] == [("current_plan",), ("is_unlimited",)]
    assert "only repeats that column" in report.notes[1].advice


def test_a_column_that_tells_who_leaves_an_allowed_class_is_found() -> None:
    frame, _, rng = _table(0)
    moves = (frame["current_plan"] != frame[TARGET]).to_numpy()
    complained = rng.random(len(moves)) < np.where(moves, 0.3, 0.05)  # foretells a move honestly
    report = audit(
        frame.assign(call=np.where(rng.random(len(moves)) < 0.02, ~moves, moves), complained=complained),
        TARGET,
        groups=GROUPS,
        allowed=["current_plan"],
    )
    (finding,) = report.findings
    assert (finding.kind, finding.columns) == ("tells_change", ("call",))
    assert "whether the target differs from 'current_plan' (kappa 0." in finding.evidence
    assert audit(frame.assign(call=moves), TARGET, groups=GROUPS, allowed=["region"]).findings[-1].columns != ("call",)


def test_rows_whose_allowed_class_is_unknown_say_nothing_of_a_change() -> None:
    frame, _, rng = _table(0)
    unknown = rng.random(len(frame)) < 0.3
    held = frame["current_plan"].mask(unknown).where(rng.random(len(frame)) > 0.01, "gone")
    frame = frame.assign(current_plan=held, call=(held != frame[TARGET]) & ~unknown).drop(columns="current_fee_cents")
    report = audit(frame.assign(unknown=unknown), TARGET, groups=GROUPS, allowed=["current_plan"])
    assert [(f.kind, f.columns) for f in report.findings] == [("tells_change", ("call",))]


def test_a_flag_with_the_values_of_the_target_is_no_class_held_before() -> None:
    # where few leave, "differs from has_card" is nearly "has no card", which a copy of the flag tells
    rng = np.random.default_rng(0)
    left, has_card = rng.random(3000) < 0.1, rng.random(3000) < 0.7
    frame = pd.DataFrame({"left": left, "has_card": has_card, "card_fee": np.where(has_card, 9.5, 0)})
    assert audit(frame, "left", allowed=["has_card"]).ok


def test_an_allowed_column_that_is_the_target_leaves_no_change_to_tell() -> None:
    frame, y, _ = _table(0)
    report = audit(frame[[GROUPS, "minutes", TARGET]].assign(same=PLANS[y]), TARGET, groups=GROUPS, allowed=["same"])
    assert report.ok
    assert [note.kind for note in report.notes] == ["single_column"]


def test_without_surprises_a_repetition_cannot_be_excused() -> None:
    frame, y, _ = _table(0)
    report = audit(frame[[GROUPS, "minutes", TARGET]].assign(a=y, b=y), TARGET, groups=GROUPS, allowed=["a"])
    assert [finding.columns for finding in report.findings] == [("b",)]


def test_the_evidence_is_a_number_and_names_no_value_of_a_row() -> None:
    frame, y, _ = _table(0)
    frame = frame.drop(columns=["current_plan", "current_fee_cents"]).assign(charge=FEES[y], call=y == 3)
    charge, call = audit(frame, TARGET, groups=GROUPS).findings
    assert "accuracy 1.000, where the most common class gives 0." in charge.evidence
    assert "it tells class 'large' from the rest in unseen rows (kappa 1.00, AUC 1.000)" in call.evidence
    assert "List it under drop_columns" in charge.advice


def test_raise_for_findings_names_columns_evidence_and_remedy() -> None:
    frame, y, rng = _table(0)
    report = audit(_planted(frame, y, rng), TARGET, groups=GROUPS, allowed=["current_plan"])
    with pytest.raises(LeakageError) as caught:
        report.raise_for_findings()
    lines = str(caught.value).splitlines()
    assert lines[0] == "leak audit: 7 finding(s)."
    assert lines[1].startswith("- ['noisy_copy']: alone it predicts the target")
    assert "drop_columns" in lines[1]
    assert lines[6:] == ["- and 2 more"]


def test_a_clean_report_raises_nothing_and_goes_into_json() -> None:
    LeakageReport((), ()).raise_for_findings()
    note = LeakFinding("single_column", ("current_plan",), "strong.", "nothing to do.")
    assert json.loads(json.dumps(LeakageReport((), (note,)).to_dict())) == {
        "findings": [],
        "notes": [
            {"kind": "single_column", "columns": ["current_plan"], "evidence": "strong.", "advice": "nothing to do."}
        ],
    }


def test_the_frame_is_not_modified_and_the_same_seed_gives_the_same_report() -> None:
    frame, y, rng = _table(0)
    frame = _planted(frame, y, rng)
    before = frame.copy(deep=True)
    one, two = (audit(frame, TARGET, groups=GROUPS, decision_month="decided", max_rows=1000, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(frame, before)
    assert one == two


def test_a_quantity_as_target_is_audited_by_its_tenths() -> None:
    rng = np.random.default_rng(0)
    price = np.exp(rng.normal(9, 0.8, 3000))
    frame = pd.DataFrame({"year": (2000 + 3 * np.log(price) + rng.normal(0, 3, 3000)).astype(int), "price": price})
    assert audit(frame, "price").ok
    frame["price_in_euro"] = 0.9 * price + rng.normal(0, 20, 3000)
    frame["luxury"] = price > np.quantile(price, 0.9)
    luxury, euro = sorted(audit(frame, "price").findings, key=lambda finding: finding.columns, reverse=False)
    assert (luxury.columns, euro.columns) == (("luxury",), ("price_in_euro",))
    assert "tells class 'tenth 10'" in luxury.evidence


# --- columns dated after the decision


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(pd.Series(["2018-06", "2018-05", None, "2018-04"]), id="text"),
        pytest.param(pd.Series(["2018-06-01 10:00", "2018-05-31", None, "2018-04-30"]), id="text-days"),
        pytest.param(pd.to_datetime(pd.Series(["2018-06-01", "2018-05-31", None, "2018-04-30"])), id="dates"),
        pytest.param(pd.to_datetime(pd.Series(["2018-06-01", None, None, None]), utc=True), id="zone"),
        pytest.param(pd.Series(pd.PeriodIndex(["2018-06", "2018-05", "NaT", "2018-04"], freq="M")), id="period"),
    ],
)
def test_a_date_in_or_after_the_month_of_decision_is_found_whatever_its_name(late: pd.Series) -> None:
    frame = pd.DataFrame(
        {
            "decided": pd.Series(["2018-06", "2018-06", "2018-06", "2018-05"]),
            "joined": pd.Series(["2018-05", "2017-01", None, "2018-04"]),
            "harmless": late,
            "next_month_number": [1, 2, 3, 4],
            "plan": ["a", "b", "a", "b"],
        }
    )
    (finding,) = audit(frame, "plan", decision_month="decided", month_columns=["harmless"]).findings
    assert (finding.kind, finding.columns) == ("after_decision", ("harmless",))
    assert "in 25.0% of rows" in finding.evidence


def test_one_month_of_decision_for_all_rows() -> None:
    frame = pd.DataFrame({"contract_end": ["2018-11", "2019-02"], "joined": ["2018-01", "2018-11"], "plan": ["a", "b"]})
    report = audit(frame, "plan", decision_month="2018-12", allowed=["contract_end"])
    assert report.ok
    assert [(note.kind, note.columns) for note in report.notes] == [("after_decision", ("contract_end",))]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        pytest.param({"decision_month": "some day"}, "is neither a column of months or dates nor a month", id="month"),
        pytest.param({"decision_month": "age"}, "is neither a column of months", id="numbers"),
        pytest.param({"month_columns": ["joined"]}, "month_columns without decision_month", id="no-decision"),
        pytest.param(
            {"decision_month": "2018-12", "month_columns": ["age"]}, "'age' holds no months", id="declared-number"
        ),
        pytest.param(
            {"decision_month": "2018-12", "month_columns": ["empty"]}, "'empty' holds no months", id="declared-empty"
        ),
        pytest.param({"groups": "person"}, r"missing column\(s\) \['person'\]", id="groups"),
        pytest.param({"train_index": [0], "test_index": [4]}, r"outside \[0, 4\)", id="position"),
        pytest.param({"train_index": [True, False, True, False], "test_index": [1]}, "not a mask", id="mask"),
        pytest.param({"train_index": [0], "test_index": []}, "row positions", id="empty-side"),
    ],
)
def test_unusable_arguments_are_refused(arguments: dict[str, object], match: str) -> None:
    frame = pd.DataFrame(
        {"joined": ["2018-01"] * 4, "age": [30, 40, 50, 60], "empty": [None] * 4, "plan": ["a", "b", "a", "b"]}
    )
    with pytest.raises(DataError, match=match):
        audit(frame, "plan", **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [["a", None, "b"], ["a", "a", "a"]])
def test_a_target_that_cannot_be_learnt_is_refused(values: list[str | None]) -> None:
    with pytest.raises(DataError, match="target 'plan' has missing values or one class only"):
        audit(pd.DataFrame({"plan": values, "x": [1, 2, 3]}), "plan")


def test_a_name_given_twice_is_refused() -> None:
    frame = pd.DataFrame([[1, 2, "a"], [1, 2, "b"]], columns=["x", "x", "plan"])
    with pytest.raises(DataError, match="a name given twice"):
        audit(frame, "plan")


# --- both sides of a split


def _sides(frame: pd.DataFrame, share: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    person = pd.factorize(frame[GROUPS])[0]
    test = person < share * (person.max() + 1)
    return np.flatnonzero(~test), np.flatnonzero(test)


def test_a_split_by_group_is_clean_and_a_split_by_row_is_not() -> None:
    frame, _, rng = _table(0)
    frame = frame.drop(columns=["current_plan", "current_fee_cents"])
    train, test = _sides(frame)
    assert audit(frame, TARGET, groups=GROUPS, train_index=train, test_index=test).ok
    order = rng.permutation(len(frame))
    (finding,) = audit(frame, TARGET, groups=GROUPS, train_index=order[:3000], test_index=order[3000:]).findings
    assert (finding.kind, finding.columns) == ("group_on_both_sides", (GROUPS,))
    assert "98." in finding.evidence
    assert "of the test rows belong to a group that is in training" in finding.evidence


def test_a_split_in_time_may_allow_known_people() -> None:
    frame, _, _ = _table(0)
    frame = frame.drop(columns=["current_plan", "current_fee_cents"])
    early = (frame["decided"] == "2018-05").to_numpy()
    sides = {"train_index": np.flatnonzero(early), "test_index": np.flatnonzero(~early)}
    report = audit(frame, TARGET, groups=GROUPS, allowed=[GROUPS], decision_month="decided", **sides)
    assert report.ok
    assert [note.kind for note in report.notes] == ["group_on_both_sides"]


def test_rows_on_both_sides_are_found() -> None:
    frame, _, _ = _table(0)
    report = audit(frame, TARGET, allowed=["current_plan"], train_index=range(3000), test_index=range(2900, 4000))
    assert [finding.kind for finding in report.findings] == ["row_on_both_sides", "identical_rows"]
    assert "9.1% of the test rows are training rows" in report.findings[0].evidence


def test_reposts_on_both_sides_are_found_though_date_and_person_differ() -> None:
    frame, _, rng = _table(0)
    frame = frame.drop(columns=["current_plan", "current_fee_cents"])
    train, test = _sides(frame)
    twins = frame.iloc[train[:60]].assign(
        subscriber_id=[f"t-{number}" for number in range(60)],
        decided="2018-07",
        since=pd.Timestamp("2014-01-01"),
        plan=rng.choice(PLANS, 60),
    )
    table = pd.concat([frame, twins], ignore_index=True)
    test = np.r_[test, np.arange(len(frame), len(table))]
    (finding,) = audit(table, TARGET, groups=GROUPS, train_index=train, test_index=test).findings
    assert finding.kind == "identical_rows"
    assert finding.columns == ("minutes", "messages", "megabytes", "tenure_months", "region", "has_5g", "contract")
    assert "5.7% of the test rows have a twin in training" in finding.evidence


def test_an_audit_of_many_columns_of_many_kinds_accuses_none() -> None:
    rng = np.random.default_rng(0)
    n = 6_000
    numbers = {f"usage_{column}": rng.gamma(2, 100, n) for column in range(25)}
    texts = {f"code_{column}": rng.integers(0, 10**6, n).astype(str) for column in range(5)}
    counts = {f"count_{column}": rng.integers(0, 10**5, n) for column in range(10)}
    frame = pd.DataFrame({**numbers, **texts, **counts, "plan": rng.choice(PLANS, n), GROUPS: np.arange(n) // 5})
    report = audit(frame, "plan", groups=GROUPS, train_index=range(4_000), test_index=range(4_000, n))
    assert report.ok
