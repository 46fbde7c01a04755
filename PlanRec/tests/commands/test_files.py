"""Commands on files of usage months: bills, advice, rules."""

from __future__ import annotations

import pandas as pd
import pytest

from common_utils.bundle import Bundle
from tests.commands.cases import USAGE


def test_bill_writes_one_row_for_each_month_and_plan_with_line_items(run, usage, plans, tmp_path) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "bills.csv"
    assert run("bill", "--usage", usage, "--plans", plans, "--output", output) == 0
    bills = pd.read_csv(output)
    assert bills.columns.tolist() == [
        *("subscriber_id", "month", "plan_id", "total_cents"),
        *("fee_cents", "minutes_cents", "messages_cents", "data_cents"),
    ]
    assert len(bills) == 8
    first = bills[(bills["subscriber_id"] == "a") & (bills["plan_id"] == "surf")]
    assert first["total_cents"].tolist() == [2030, 3000]
    assert first["data_cents"].tolist() == [0, 1000]


def test_recommend_ranks_and_says_stay(run, usage, plans, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    output, excluded = tmp_path / "advice.parquet", tmp_path / "excluded.csv"
    code = run(
        "recommend", "--usage", usage, "--plans", plans, "--as-of", "2018-02", "--output", output,
        "--top", 2, "--mode", "advice", "--risk-weight", 0, "--history-months", 6, "--min-gain-cents", 0,
        "--excluded-output", excluded, "--explain",
    )  # fmt: skip
    assert code == 0
    advice = pd.read_parquet(output)
    assert advice.columns.tolist() == [
        "subscriber_id", "rank", "plan_id", "advice", "action", "is_current", "expected_bill_cents", "saving_cents",
        "p_pay_more", "stay_reason", "basis", "reasons",
    ]  # fmt: skip
    assert (advice["advice"] == advice["action"]).all()
    assert set(advice["basis"]) == {"past"}
    rows = advice[["subscriber_id", "rank", "plan_id", "advice", "is_current", "expected_bill_cents", "saving_cents"]]
    assert rows.to_numpy().tolist() == [
        ["a", 1, "surf", "switch", False, 2515, 4485],
        ["a", 2, "ultimate", "switch", True, 7000, 0],
        ["b", 1, "surf", "stay", True, 2000, 0],
        ["b", 2, "ultimate", "stay", False, 7000, -5000],
    ]
    assert "44.85 less than Ultimate" in advice["reasons"][0]
    assert "1 subscriber(s) have no usage month up to 2018-02: not answered" in capsys.readouterr().err
    assert pd.read_csv(excluded).empty


def test_recommend_leaves_saving_empty_for_an_unknown_plan(run, usage, plans, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    usage.write_text(USAGE.replace("surf", "gone"), encoding="utf-8")
    output = tmp_path / "advice.csv"
    assert run("recommend", "--usage", usage, "--plans", plans, "--as-of", "2018-02", "--output", output) == 0
    advice = pd.read_csv(output)
    assert advice[advice["subscriber_id"] == "b"]["saving_cents"].isna().all()
    assert "1 subscriber(s) hold a plan that the rate card does not price" in capsys.readouterr().err


def test_later_months_change_no_earlier_advice(run, usage, plans, tmp_path) -> None:  # type: ignore[no-untyped-def]
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    arguments = ("recommend", "--usage", usage, "--plans", plans, "--as-of", "2018-02", "--output")
    run(*arguments, first)
    usage.write_text(USAGE + "a,2018-03,9999,999,99999,surf\n", encoding="utf-8")
    run(*arguments, second)
    assert first.read_bytes() == second.read_bytes()


def test_recommend_says_how_many_may_take_no_plan(run, usage, project_folder, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    card = tmp_path / "plans.yaml"
    text = (project_folder / "configs" / "plans_megaline.yaml").read_text(encoding="utf-8")
    card.write_text(text.replace("    included:", "    on_sale: {to: 2017-12}\n    included:"), encoding="utf-8")
    output = tmp_path / "advice.csv"
    assert run("recommend", "--usage", usage, "--plans", card, "--as-of", "2018-03", "--output", output) == 0
    said = "may take no plan, NO_LONGER_SOLD (the plan is no longer sold): a row without a plan"
    assert f"1 subscriber(s) {said}" in capsys.readouterr().err
    advice = pd.read_csv(output)  # b was last seen in 2018-01
    assert advice["action"].tolist() == ["stay", "stay"]
    assert advice[advice["plan_id"].isna()]["stay_reason"].tolist() == ["NO_LONGER_SOLD"]


def test_recommend_follows_the_rule_file(run, usage, plans, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    output, excluded, ours = tmp_path / "advice.csv", tmp_path / "excluded.csv", tmp_path / "rules.yaml"
    arguments = ("recommend", "--usage", usage, "--plans", plans, "--as-of", "2018-02", "--output", output)
    files = ("--rules", ours, "--excluded-output", excluded)
    ours.write_text("version: ours\nminimum_gain: {advice_cents: 5000}\n", encoding="utf-8")
    assert run(*arguments, *files) == 0
    assert pd.read_csv(output).query("rank == 1")["action"].tolist() == ["stay", "stay"]
    assert "and rules ours" in capsys.readouterr().err
    assert run(*arguments, *files, "--min-gain-cents", 0) == 0
    assert pd.read_csv(output).query("rank == 1")["action"].tolist() == ["switch", "stay"]
    ours.write_text("version: ours\nplans:\n- plans: [surf]\n  why: sold out\n", encoding="utf-8")
    assert run(*arguments, *files) == 0
    assert pd.read_csv(excluded).to_numpy().tolist() == [["a", "surf", "NOT_OFFERED"]]  # b holds it
    assert run(*arguments, "--rules", tmp_path / "none.yaml") == 2
    assert "no such file" in capsys.readouterr().err


def test_recommend_leaves_a_bound_subscriber_where_they_are(run, usage, plans, tmp_path) -> None:  # type: ignore[no-untyped-def]
    output, excluded = tmp_path / "advice.csv", tmp_path / "excluded.csv"
    header, *rows = USAGE.splitlines()
    bound = [f"{header},contract_months_left", *(f"{row},2" for row in rows)]
    usage.write_text("\n".join(bound) + "\n", encoding="utf-8")
    arguments = ("recommend", "--usage", usage, "--plans", plans, "--output", output, "--excluded-output", excluded)
    assert run(*arguments, "--as-of", "2018-02") == 0
    # `a` is bound for two months after February; `b`, last seen in January, for one.
    assert pd.read_csv(output)["action"].tolist() == ["stay", "stay"]
    assert pd.read_csv(excluded)["reason_code"].tolist() == ["CONTRACT_BINDS", "CONTRACT_BINDS"]
    assert run(*arguments, "--as-of", "2018-03") == 0
    # Nothing of `b` is known after January: in March the two months are over. What `c` holds is not known; it binds.
    assert pd.read_csv(excluded)["subscriber_id"].tolist() == ["a", "c", "c"]


def test_rules_are_shown_as_a_table(run, tmp_path, capsys, project_folder) -> None:  # type: ignore[no-untyped-def]
    assert run("rules", "--check", "configs/rules.yaml", "--plans", "configs/plans.yaml") == 0
    captured = capsys.readouterr()
    assert "Rules rules-2025-03" in captured.out
    assert "offers.max_contacts_90d" in captured.out
    assert "CONTACT_CAP, CONTACTS_UNKNOWN" in captured.out
    assert "fits configs/plans.yaml" in captured.err
    ours = tmp_path / "rules.yaml"
    ours.write_text(
        "version: ours\noffers: {max_contacts_90d: null}\nplans:\n- {plans: [a, b], holders_of: [c], why: old}\n",
        encoding="utf-8",
    )
    assert run("rules", "--check", ours) == 0
    captured = capsys.readouterr()
    assert "not a, b to holders of c" in captured.out
    assert "null" in captured.out
    assert "not checked against a rate card" in captured.err


def test_rules_without_a_file_are_the_configured_ones(run, tmp_path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("rules") == 0
    assert "Rules rules-2025-03" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PLANREC__TRACKING__FOLDER")  # whoever sets one thing means settings
    assert run("rules") == 0
    assert "Rules built-in" in capsys.readouterr().out


def test_a_bad_rule_file_is_refused_with_line_and_reason(run, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    bad = tmp_path / "rules.yaml"
    bad.write_text("version: ours\noffers:\n  max_contact_90d: 2\n", encoding="utf-8")
    assert run("rules", "--check", bad) == 2
    said = capsys.readouterr().err
    assert "rules.yaml: 1 problem:\nline 3, offers.max_contact_90d: unknown key; did you mean" in said
    bad.write_text("version: ours\nplans:\n- plans: [prepaid]\n  why: x\n", encoding="utf-8")
    assert run("rules", "--check", bad, "--plans", "configs/plans.yaml") == 2
    assert "line 3, plans.0.plans.0: 'prepaid' is not a plan of rate card" in capsys.readouterr().err


def test_commands_on_files_work_anywhere(run, usage, plans, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PLANREC__TRACKING__FOLDER")
    output = tmp_path / "advice.csv"
    assert run("recommend", "--usage", usage, "--plans", plans, "--as-of", "2018-02", "--output", output) == 0


def test_recommend_never_passes_over_a_setting_it_was_given(run, usage, plans, tmp_path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)  # where no settings file lies
    arguments = ["--usage", usage, "--plans", plans, "--as-of", "2018-02", "--output", tmp_path / "o.csv"]
    monkeypatch.setenv("PLANREC__ADVICE__RISK_WEIGHT", "0")
    assert run("recommend", *arguments) == 2
    assert "Name one with --config or PLANREC_CONFIG" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["--risk-weight", "inf"], 2, "'--risk-weight': ", id="endless-risk-weight"),
        pytest.param(["--risk-weight", "nan"], 2, "'--risk-weight': ", id="no-risk-weight"),
        pytest.param(["--plans", "none.yaml"], 2, "no such file", id="no-rate-card"),
        pytest.param(["--as-of", "2018-13"], 2, "'--as-of': ", id="month-13"),
        pytest.param(["--as-of", "2017-12"], 3, "no month up to 2017-12", id="before-all-usage"),
        pytest.param(["--output", "out.xlsx"], 2, "'--output': out.xlsx ends in", id="unknown-ending"),
        pytest.param(["--usage", "none.csv"], 3, "--usage: usage months (none.csv)", id="no-usage-file"),
        pytest.param(["--set", "advice.risk_wait=1"], 2, "risk_weight", id="misspelt-setting"),
        pytest.param(["--mode", "offers"], 2, "", id="unknown-mode"),
    ],
)
def test_errors_leave_with_their_code_and_say_what_to_do(  # type: ignore[no-untyped-def]
    run, usage, plans, tmp_path, capsys, arguments, code, message
) -> None:
    base = ["--usage", usage, "--plans", plans, "--as-of", "2018-02", "--output", tmp_path / "o.csv"]
    assert run("recommend", *base, *arguments) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "o.csv").exists()


def test_rejected_rows_are_counted_with_their_reason(run, usage, plans, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    usage.write_text(USAGE + "d,2018-01,-5,0,0,surf\na,2018-01,510,0,0,ultimate\n", encoding="utf-8")
    bill = ("bill", "--usage", usage, "--plans", plans, "--output", tmp_path / "o.csv")
    assert run(*bill) == 3
    assert "More than 5 %" in capsys.readouterr().err
    assert run(*bill, "--set", "data.table.max_rejected_share=0.5") == 0
    said = capsys.readouterr().err
    assert "6 rows read, 4 kept, 2 rejected" in said
    assert "minutes" in said
    assert "duplicate row" in said


def test_recommend_chooses_offers_by_a_bundle(run, bundle: Bundle, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    usage = tmp_path / "months.csv"
    months = pd.DataFrame(
        {
            "subscriber_id": ["free", "free", "bound", "shy"],
            "month": ["2025-09", "2025-10", "2025-10", "2025-10"],
            "minutes": 250.0,
            "messages": 10.0,
            "megabytes": 3000.0,
            "current_plan": "unlimited",
            "contract_months_left": [0, 0, 6, 0],
            "age": 40,
            "consent": [True, True, True, False],
            "contacts_90d": 0,
            "holdout": False,
        }
    )
    months.to_csv(usage, index=False)
    out, left_out = tmp_path / "offers.csv", tmp_path / "excluded.csv"
    asked = ("recommend", "--mode", "offer", "--usage", usage, "--as-of", "2025-10", "--bundle", bundle.path)
    assert run(*asked, "--output", out, "--excluded-output", left_out, "--top", "1", "--explain") == 0
    offers = pd.read_csv(out).set_index("subscriber_id")
    assert offers.loc["free", "action"] == "switch"
    assert 0 < offers.loc["free", "p_accept"] < 1
    assert offers.loc["free", "offer_value_cents"] > 0
    assert offers.loc[["bound", "shy"], "plan_id"].tolist() == ["unlimited", "unlimited"]
    assert offers.loc[["bound", "shy"], "stay_reason"].tolist() == ["CONTRACT_BINDS", "NO_CONSENT"]
    assert "weights: risk 0.1, margin 0.1, churn 2000 cents, perk 100 cents" in capsys.readouterr().err
    assert run(*asked, "--output", out, "--plans", tmp_path / "card.yaml") == 2
    assert "Leave out --plans" in capsys.readouterr().err


def test_recommend_without_card_and_bundle_says_what_to_do(run, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    usage = tmp_path / "months.csv"
    usage.write_text("subscriber_id,month,minutes,messages,megabytes\n", encoding="utf-8")
    asked = ("recommend", "--usage", usage, "--as-of", "2025-10", "--output", tmp_path / "a.csv")
    assert run(*asked, "--bundle", tmp_path / "none") == 4
    assert "Train first" in capsys.readouterr().err


def test_advice_by_a_bundle_is_its_forecast_and_the_past_is_named(run, bundle, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    usage, out = tmp_path / "months.csv", tmp_path / "advice.csv"
    usage.write_text(
        "subscriber_id,month,minutes,messages,megabytes,current_plan\n"
        + "".join(f"maria,2025-{m},{used}00,12,9200,smart-25\n" for m, used in (("08", 3), ("09", 2), ("10", 4))),
        encoding="utf-8",
    )
    asked = ("recommend", "--usage", usage, "--as-of", "2025-10", "--output", out, "--explain")
    assert run(*asked, "--bundle", bundle.path) == 0
    ahead = pd.read_csv(out)
    assert set(ahead["basis"]) == {"forecast"}
    first = ahead.iloc[0]
    assert "With the usage of the 3 months known, " in first["reasons"]
    expected, saved = first["expected_bill_cents"] / 100, first["saving_cents"] / 100
    assert f"Expected from now on: {expected:.2f} EUR a month, {saved:.2f} less than Smart 25." in first["reasons"]
    assert run(*asked, "--bundle", bundle.path, "--basis", "past") == 0
    past = pd.read_csv(out)
    assert set(past["basis"]) == {"past"}
    assert not past["reasons"].str.contains("Expected").any()
    assert "the past months and rules" in capsys.readouterr().err
    for wrong in (("--plans", usage, "--basis", "forecast"), ("--mode", "offer", "--basis", "past")):
        assert run(*asked, *wrong) == 2


def test_offers_speak_of_the_months_known(run, bundle, tmp_path) -> None:  # type: ignore[no-untyped-def]
    usage, out = tmp_path / "months.csv", tmp_path / "offers.csv"
    rows = (f"maria,2025-{m},300,12,9200,smart-25,0,true,0,false\n" for m in ("09", "10"))
    facts = "contract_months_left,consent,contacts_90d,holdout"
    usage.write_text(f"subscriber_id,month,minutes,messages,megabytes,current_plan,{facts}\n" + "".join(rows), "utf-8")
    asked = ("--usage", usage, "--as-of", "2025-10", "--output", out, "--explain", "--bundle", bundle.path)
    assert run("recommend", "--mode", "offer", *asked) == 0
    assert pd.read_csv(out)["reasons"].str.contains("With the usage of the 2 months known, ").all()
