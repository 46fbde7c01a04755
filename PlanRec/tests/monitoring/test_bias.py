"""`planrec bias`: what is planted in a log is told, counted, recorded and rolled back; what is not, is not."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common_utils.bundle import current_version, write_bundle
from common_utils.decision_log.exports import DecisionSelection
from common_utils.releases import promote
from common_utils.releases.author import Author
from common_utils.releases.history import read_history
from planrec.decisions.groups import age_group
from planrec.monitoring.bias import describe_decisions
from tests.monitoring.logged import desk, kept, offers, settings

HALVED = "18-24"


def report(run: Any, capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run("bias", "report", "--json", *words, *settings(folder))
    return code, json.loads(capsys.readouterr().out)


def test_halved_offers_of_a_group_alarm(run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    kept(tmp_path, offers(1, 3_000, halved=HALVED))
    code, said = report(run, capsys, tmp_path, "--by", "age_band")
    assert (code, said["level"]) == (5, "alarm")
    alarms = [one for one in said["figures"] if one["level"] == "alarm"]
    assert [(one["attribute"], one["group"], one["measure"]) for one in alarms] == [("age_band", HALVED, "offered")]
    assert 0.4 < alarms[0]["ratio"]["estimate"] < 0.6
    assert alarms[0]["affected"]["low"] < 0.2 * 3_000 * 0.15 < alarms[0]["affected"]["high"]
    assert (alarms[0]["first"], alarms[0]["last"]) == ("2025-10-09", "2025-10-11")
    assert said["versions"] == [{"version": "v1", "decisions": 3_000, "first": "2025-10-09", "last": "2025-10-11"}]
    assert said["unmeasured"] == ["advised", "refused", "worse off", "saving"]
    assert run("bias", "report", "--output", tmp_path / "bias.md", *settings(tmp_path)) == 5
    text = (tmp_path / "bias.md").read_text()
    assert text == capsys.readouterr().out
    assert "alarm: age_band 18-24, offered: 0." in text
    assert "Follow docs/runbooks/bias.md. 2025-10-09 to 2025-10-11." in text


def test_nothing_planted_is_ok(run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    kept(tmp_path, offers(2, 3_000))
    code, said = report(run, capsys, tmp_path)
    assert [one for one in said["figures"] if one["level"] in ("notice", "alarm")] == []
    assert (code, said["level"]) == (0, "ok")
    assert {one["attribute"] for one in said["figures"]} == {"age_band", "segment"}


def test_the_latest_decision_of_each_counts_and_small_cells_are_hidden(run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    first = offers(3, 300)
    again = [(subject, mode, {**answer, "advice": "switch"}, groups) for subject, mode, answer, groups in first]
    few = [(f"old {number}", "offer", first[0][2], age_group(90.0)) for number in range(19)]
    kept(tmp_path, [*first, *again, *few])
    _, said = report(run, capsys, tmp_path, "--by", "AGE_BAND")
    figures = {(one["group"], one["measure"]): one for one in said["figures"]}
    assert (said["decisions"], said["subjects"]) == (619, 319)
    assert figures["25-34", "offered"]["raw"]["estimate"] == 1
    assert figures["75+", "offered"]["subjects"] is None
    assert figures["75+", "offered"]["raw"] is None
    assert figures["75+", "offered"]["first"] == ""
    assert run("bias", "report", "--by", "age_band", *settings(tmp_path)) in (0, 5, 6)
    assert "| offered | 75+ | hidden |  |  |  |  |" in capsys.readouterr().out


def test_what_the_log_lacks_is_said(run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("bias", "report", *settings(tmp_path)) == 3
    assert "the log holds no decision of that time. Ship the journal" in capsys.readouterr().err
    kept(tmp_path, offers(4, 30))
    assert run("bias", "report", "--by", "gender", *settings(tmp_path)) == 2
    assert "--by gender: entries carry no such group; known: age_band, segment." in capsys.readouterr().err
    assert run("bias", "report", "--since", "2025-11-01", *settings(tmp_path)) == 3


def test_an_escalation_is_recorded_audited_and_rolls_back(run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    kept(tmp_path, offers(1, 3_000, halved=HALVED))
    words = ("bias", "escalate", "--why", "offers to the young", "--who", "ana", *settings(tmp_path))
    assert run(*words) == 0
    out = capsys.readouterr().out
    assert out.startswith("escalation 1 opened (alarm, ")
    record = tmp_path / "monitoring" / "escalations.jsonl"
    line = json.loads(record.read_text())
    assert (line["who"], line["why"], line["what"], line["versions"]) == (
        "ana",
        "offers to the young",
        "opened",
        ["v1"],
    )
    assert any("age_band 18-24, offered" in one["said"] for one in line["figures"])
    audit = list(desk(tmp_path).audit())
    assert [(one["who"], one["what"], one["about"]) for one in audit] == [
        ("ana", "bias escalation opened", "escalations.jsonl 1")
    ]
    assert run(*words, "--rollback") == 4  # nothing was live before, and the record says that it was opened
    assert [json.loads(text)["number"] for text in record.read_text().splitlines()] == [1, 2]
    record.write_text(record.read_text().replace("the young", "nobody", 1))
    assert run(*words) == 3
    assert "line 1: was changed after it was written" in capsys.readouterr().err


def test_refusals_are_not_counted_as_missing_offers() -> None:
    held = {"advice": "stay", "stay_reason": "NO_CONSENT", "plans": []}
    low = {"advice": "stay", "stay_reason": "BELOW_MINIMUM_GAIN", "plans": []}
    rows = [{"mode": "offer", "answer": answer, "groups": {}} for answer in (held, low)]
    done = {one.name: one.values for one in describe_decisions(rows).done}
    assert np.isnan(done["offered"]).tolist() == [True, False]
    assert done["refused"].tolist() == [1.0, 0.0]


def test_a_threshold_costs_what_its_offers_brought(run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    made = offers(5, 800, base=0.9)
    kept(tmp_path, made, lambda place: [("accepted", place % 2 == 0, 1)])
    assert desk(tmp_path).export(DecisionSelection(), tmp_path / "x.json", who="ana", why="test") == 800
    words = ("bias", "threshold", "--input", tmp_path / "x.json", "--group", f"age_band={HALVED}", "--least-cents")
    capsys.readouterr()
    assert run(*words, "500", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    switch = [(place, one) for place, one in enumerate(made) if one[2]["advice"] == "switch"]
    mine = [(place, one) for place, one in switch if HALVED.encode() in one[3]]
    lost = [
        one[2]["plans"][0]["saving_cents"]
        for place, one in mine
        if one[2]["plans"][0]["offer_value_cents"] < 500 and place % 2 == 0
    ]
    assert (said["offers"], said["all_offers"]) == (len(mine), len(switch))
    assert said["cost_cents"]["estimate"] == pytest.approx(sum(lost) / len(switch))
    assert run(*words, "500") == 0
    assert "The log cannot say what a lower threshold brings" in capsys.readouterr().out
    assert run("bias", "threshold", "--input", tmp_path / "x.json", "--group", "old", "--least-cents", "5") == 2
    assert "--group 'old': give NAME=VALUE, such as age_band=65-74." in capsys.readouterr().err
    assert run("bias", "threshold", "--input", tmp_path / "x.json", "--group", "a=b", "--least-cents", "5") == 3
    assert "a=b: no offer of this group has the outcome `accepted`." in capsys.readouterr().err


def test_proxies_of_age_are_named(run, tmp_path: Path, project_folder: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(6)
    lines = ["subscriber_id,month,minutes,messages,megabytes,current_plan,age"]
    for number in range(400):
        young = number % 2 == 0
        used = (
            f"{rng.integers(1, 300)},{rng.integers(50, 90) if young else rng.integers(0, 40)},{rng.integers(1, 9000)}"
        )
        lines.append(f"s{number},2018-01,{used},surf,{20 if young else 40}")
    usage, plans = tmp_path / "usage.csv", project_folder / "configs" / "plans_megaline.yaml"
    usage.write_text("\n".join([*lines, ""]))
    capsys.readouterr()
    assert run("bias", "proxies", "--usage", usage, "--plans", plans, "--json") == 0
    found = json.loads(capsys.readouterr().out)["proxies"]
    assert "messages" in found[0]["feature"]
    assert found[0]["auc"]["low"] > 0.95
    usage.write_text("\n".join([*(line.rsplit(",", 1)[0] for line in lines), ""]))
    assert run("bias", "proxies", "--usage", usage, "--plans", plans) == 3
    assert "age: the table knows nobody's age" in capsys.readouterr().err


def test_a_rollback_takes_the_figures_with_it(run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    kept(tmp_path, offers(1, 600))
    root, ana = tmp_path / "artifacts", Author("ana", "test")
    made = [write_bundle(root, info={"n": n}, write=partial(_contents, str(n))).version for n in (1, 2)]
    for version in made:
        promote(root, version, author=ana)
    words = ("bias", "escalate", "--why", "letters", "--who", "bo", "--rollback", *settings(tmp_path))
    assert run(*words, "--set", "releases.signatures=development") == 0
    assert f"{made[0]} is live again" in capsys.readouterr().out
    assert current_version(root) == made[0]
    last = read_history(root)[-1]
    assert (last.action, last.who) == ("rollback", "bo")
    assert last.why.startswith("letters (bias escalation 1: ")
    lines = [json.loads(text) for text in (tmp_path / "monitoring" / "escalations.jsonl").read_text().splitlines()]
    assert [(one["what"], one.get("to_version")) for one in lines] == [("opened", None), ("rolled back", made[0])]
    assert [one["what"] for one in desk(tmp_path).audit()] == ["bias escalation opened", "bias rollback"]


def _contents(text: str, folder: Path) -> None:
    folder.joinpath("n").write_text(text)
