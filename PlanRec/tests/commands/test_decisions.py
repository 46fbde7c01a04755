"""Commands that answer a file log each answer where `decisions.batch` asks for it: entries and manifest, or neither."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from common_utils.bundle import Bundle
from common_utils.decision_log.journal.lines import Decision
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keys import KEYS_VARIABLE
from common_utils.parts.hashing import PARTS
from common_utils.tables import write_table
from planrec.columns import SUBSCRIBER

MONTH = ("--as-of", "2025-10")


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options that put the log into a folder of the test's own."""
    monkeypatch.setenv(KEYS_VARIABLE, "k1:" + "a" * 64)
    said = {"batch": "true", "journal": tmp_path / "journal", "url": f"sqlite:///{tmp_path}/log.db"}
    return [word for name, value in said.items() for word in ("--set", f"decisions.{name}={value}")]


@pytest.fixture
def usage_text() -> str:
    head = f"{SUBSCRIBER},month,minutes,messages,megabytes,current_plan\n"
    return head + "canary-a,2025-10,900,0,30000,surf\ncanary-b,2025-10,9,0,0,ultimate\n"


def entries(folder: Path) -> list[Decision]:
    read = (part for segment in segments(folder / "journal") for part in segment.read())
    return [one for part in read for one in part.entries if isinstance(one, Decision)]


def test_recommend_logs_each_subscriber_with_a_manifest(run, usage: Path, plans: str, tmp_path: Path, logged) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "advice.csv"
    words = ("recommend", "--usage", usage, "--plans", plans, *MONTH, "--output", output)
    assert run(*words, *logged) == 0
    manifest = json.loads((tmp_path / "advice.csv.manifest.json").read_text())
    assert (manifest["entries"], manifest["unlogged"]) == (2, 0)
    assert manifest["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    found = entries(tmp_path)
    assert [one.answer["plans"][0]["plan_id"] for one in found] == [
        line.split(",")[2] for line in output.read_text().splitlines()[1:] if line.split(",")[1] == "1"
    ]
    assert {(one.route, one.mode, one.card) for one in found} == {("recommend", "advice", found[0].card)}
    assert len({one.subject for one in found}) == 2
    journal = b"".join(segment.path.read_bytes() for segment in segments(tmp_path / "journal"))
    assert b"canary" not in journal
    assert b"30000" not in journal
    assert run(*words, *logged) == 0
    assert run("decisions", "ship", *logged) == 0
    assert len({one.event for one in found}) == 2


def test_answers_in_parts_are_logged_with_each_part(  # type: ignore[no-untyped-def]
    run, usage: Path, plans: str, tmp_path: Path, logged, capsys
) -> None:
    write_table(pd.read_csv(usage), months := tmp_path / "months.parquet")
    words = ("recommend", "--plans", plans, *MONTH, *logged)
    assert run(*words, "--usage", usage, "--output", tmp_path / "advice.csv") == 0
    alone = {one.event for one in entries(tmp_path)}
    assert run(*words, "--usage", months, "--output", tmp_path / "advice", "--workers", "2") == 0
    assert len(alone) == 2
    assert len(entries(tmp_path)) == 4
    assert {one.event for one in entries(tmp_path)} == alone  # the same answers: shipped once
    kept = [json.loads(path.read_text()) for path in (tmp_path / "advice").glob("part-*.parquet.manifest.json")]
    assert (len(kept), sum(one["entries"] for one in kept)) == (PARTS, 2)
    capsys.readouterr()
    unlogged = ("recommend", "--plans", plans, *MONTH, "--usage", months, "--output", tmp_path / "advice")
    assert run(*unlogged, "--workers", "1") == 2  # nor the other way round: kept parts would never be logged
    assert "holds part 0 of another run: the log of decisions differs" in " ".join(capsys.readouterr().err.split())


def test_a_repeated_run_is_shipped_once_and_seen(run, usage: Path, plans: str, tmp_path: Path, logged, capsys) -> None:  # type: ignore[no-untyped-def]
    words = ("recommend", "--usage", usage, "--plans", plans, *MONTH, "--output", tmp_path / "advice.csv")
    assert run(*words, *logged) == run(*words, *logged) == 0
    capsys.readouterr()
    assert run("decisions", "ship", *logged) == 0
    assert "2 decisions new, 2 known already, 0 conflict(s)" in capsys.readouterr().err
    assert run("decisions", "show", "--subject", "canary-a", "--why", "letter 1", *logged) == 0
    assert "1 decision(s) in the store" in capsys.readouterr().out


def test_predict_logs_probabilities(run, usage: Path, bundle: Bundle, tmp_path: Path, logged) -> None:  # type: ignore[no-untyped-def]
    usage.write_text(usage.read_text().replace("surf", "basic-6").replace("ultimate", "basic-6"))
    words = ("predict", "--usage", usage, "--bundle", bundle.path, *MONTH, "--output", tmp_path / "p.csv")
    assert run(*words, *logged) == 0
    found = entries(tmp_path)
    assert {one.model for one in found} == {bundle.version}
    assert [one.groups for one in found] == [{}, {}]
    assert all(sum(one.answer["probabilities"].values()) == pytest.approx(1) for one in found)


def test_a_command_logs_nothing_unless_asked(run, usage: Path, plans: str, tmp_path: Path, logged) -> None:  # type: ignore[no-untyped-def]
    words = ("recommend", "--usage", usage, "--plans", plans, *MONTH, "--output", tmp_path / "advice.csv")
    assert run(*words, *logged[2:]) == 0
    assert not (tmp_path / "advice.csv.manifest.json").exists()
    assert not (tmp_path / "journal").exists()


def test_a_run_that_fails_keeps_neither(run, usage: Path, plans: str, tmp_path: Path, logged) -> None:  # type: ignore[no-untyped-def]
    words = ("recommend", "--usage", usage, "--plans", plans, "--as-of", "2019-01", "--output", tmp_path / "advice.csv")
    assert run(*words, *logged) == 3
    assert not (tmp_path / "advice.csv.manifest.json").exists()
    assert entries(tmp_path) == []


@pytest.fixture
def contactable(usage: Path) -> Path:
    head = f"{SUBSCRIBER},month,minutes,messages,megabytes,current_plan,age,tenure_months,contract_months_left"
    rows = [
        f"canary-{name},2025-{month:02d},{minutes},20,{megabytes},{plan},34,12,0,true,0,false"
        for name, minutes, megabytes, plan in (("a", 100, 1000, "unlimited"), ("b", 60, 4000, "unlimited"))
        for month in range(5, 11)
    ]
    usage.write_text(f"{head},consent,contacts_90d,holdout\n" + "\n".join(rows) + "\n")
    return usage


def test_offers_log_every_plan_that_could_be_offered(
    run, contactable: Path, bundle: Bundle, tmp_path: Path, logged
) -> None:  # type: ignore[no-untyped-def]
    output, excluded = tmp_path / "offers.csv", tmp_path / "excluded.csv"
    words = ("recommend", "--usage", contactable, "--bundle", bundle.path, "--mode", "offer", *MONTH, "--top", 99)
    assert run(*words, "--output", output, "--excluded-output", excluded, *logged) == 0
    found = entries(tmp_path)
    assert [one.mode for one in found] == ["offer"] * 2
    assert [one.groups for one in found] == [{"age_band": "25-34"}] * 2
    assert [one.propensity for one in found] == [None, None]
    assert any(one.answer["offerable"] for one in found)
    for one in found:
        offered = {plan["plan_id"]: plan for plan in one.answer["plans"] if not plan["is_current"]}
        assert {plan["plan_id"] for plan in one.answer["offerable"]} == set(offered)
        for plan in one.answer["offerable"]:
            assert plan["p_accept"] == offered[plan["plan_id"]]["p_accept"]
            assert round(plan["value_cents"]) == offered[plan["plan_id"]]["offer_value_cents"]
            assert plan["value_cents"] > 0


def test_predictions_log_the_age_band_alone(run, contactable: Path, bundle: Bundle, tmp_path: Path, logged) -> None:  # type: ignore[no-untyped-def]
    words = ("predict", "--usage", contactable, "--bundle", bundle.path, *MONTH, "--output", tmp_path / "p.csv")
    assert run(*words, *logged) == 0
    assert [one.groups for one in entries(tmp_path)] == [{"age_band": "25-34"}] * 2


def test_who_objected_gets_no_offer_from_a_file(run, contactable: Path, bundle: Bundle, tmp_path: Path, logged) -> None:  # type: ignore[no-untyped-def]
    assert run("decisions", "object", "--subject", "canary-a", "--why", "letter 3", *logged) == 0
    excluded = tmp_path / "excluded.csv"
    words = ("recommend", "--usage", contactable, "--bundle", bundle.path, "--mode", "offer", *MONTH)
    unlogged = logged[2:]  # an objection counts where nothing is logged, too
    assert run(*words, "--output", tmp_path / "o.csv", "--excluded-output", excluded, *unlogged) == 0
    refused = {line.split(",")[0] for line in excluded.read_text().splitlines() if line.endswith("NO_CONSENT")}
    assert refused == {"canary-a"}
    assert run("decisions", "object", "--subject", "canary-a", "--withdraw", "--why", "letter 4", *logged) == 0
    assert run(*words, "--output", tmp_path / "o.csv", "--excluded-output", excluded, *unlogged) == 0
    assert "NO_CONSENT" not in excluded.read_text()
