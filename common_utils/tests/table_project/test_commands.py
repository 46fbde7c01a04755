"""The commands of a project on one table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from tests.table_project.cases import (
    SPEC,
    TASK,
    app_of,
    project_of,
    settings_of,
)

from common_utils.bundle import Bundle, current_version, open_bundle, set_current, write_bundle
from common_utils.decision_log.batch import manifest_path
from common_utils.decision_log.journal.lines import Decision
from common_utils.decision_log.journal.segments import segments
from common_utils.errors import ArtifactError, ConfigError, DataError
from common_utils.monitoring.profiles.profile_json import bundle_profile
from common_utils.scoring.joblib_scorer import open_model
from common_utils.table_project.feature_columns import ColumnFeatures
from common_utils.table_project.service import open_live
from common_utils.table_project.training import prepare_table
from common_utils.tables import write_table
from common_utils.testing.table_cli import ALL_CLI_CHECKS, CliCase


def test_groups_stand_on_one_side_of_every_split(folder: Path) -> None:
    prepared = prepare_table(TASK, settings_of(folder), folder, lambda _: None, environ={})
    assert not set(prepared.train["model"]) & set(prepared.holdout["model"])
    assert len(prepared.rounds) == 2
    for folds in prepared.rounds:
        assert len(folds) == 3
        for fit_on, score_on in folds:
            assert not set(prepared.train["model"].iloc[fit_on]) & set(prepared.train["model"].iloc[score_on])
    assert prepared.table.report.set_aside == {"older than 19": 800 - prepared.table.report.kept}


def test_a_bundle_accounts_for_every_row(bundle: Bundle) -> None:
    metrics = bundle.read_json("metrics.json")
    counts = bundle.info["row_counts"]
    assert counts["read"] == 800
    assert counts["train"] + counts["holdout"] == counts["kept"] == metrics["rows"]["read"][0]["kept"]
    assert metrics["synthetic"] is True
    profile = bundle_profile(bundle)
    assert profile.numbers["age"].missing == 0
    assert profile.rows == profile.subjects == counts["train"]
    assert profile.score is not None
    assert profile.score.rows == counts["holdout"], "scores of rows that were learnt from are no reference"
    assert "older than 19" not in bundle.read_bytes("model_card.md").decode()


def test_evaluate_prints_the_goal_table_and_writes_it(run, bundle: Bundle, folder: Path) -> None:
    code, out, err = run("evaluate", "--output", "docs-to-be/results.md")
    assert code == 0
    assert TASK.caveat in err
    assert "must reached" in out
    text = (folder / "docs-to-be" / "results.md").read_text()
    assert f"Written by `make -C {folder.name} evaluate`" in text
    assert re.search(r"\| mean error \| +&lt;= 5\.00 \| +&lt;= 0\.001 \|", text)
    assert "no real person is in them" in text
    assert TASK.caveat in text


def test_evaluate_json_is_json_and_nothing_else(run, bundle: Bundle) -> None:
    found = json.loads(run("evaluate", "--json")[1])
    assert found["bundle"] == bundle.version
    assert found["holdout"] == bundle.read_json("metrics.json")["holdout"]


def test_evaluate_on_another_table_says_that_rows_differ(run, bundle: Bundle, tmp_path: Path) -> None:
    sample = TASK.sample(400, np.random.default_rng(8))
    sample.to_csv(tmp_path / "other.csv", index=False)
    code, _, err = run("evaluate", "--data", str(tmp_path / "other.csv"))
    assert code == 0
    assert "the rows differ" in err


@pytest.mark.parametrize("command", ["predict", "explain", "evaluate", "card"])
def test_the_bundle_of_another_project_is_refused(run, tmp_path: Path, command: str) -> None:  # type: ignore[no-untyped-def]
    (records := tmp_path / "ads.csv").write_text("model,age\na,3\n")
    others = tmp_path / "bank"
    bundle = write_bundle(others, info={"libraries": {"bank": "1.0"}}, write=lambda to: (to / "metrics.json").touch())
    set_current(others, bundle.version)
    words = ("--input", str(records)) if command in ("predict", "explain") else ()
    words += ("--output", str(tmp_path / "out.csv")) if command == "predict" else ()
    code, _, err = run(command, *words, "--bundle", str(others))
    assert code == 4
    assert f"bundle {bundle.version} was not trained by pricedemo" in err


def test_predict_numbers_the_rows_that_were_kept(run, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "cars.csv").write_text("model,age\na,5\nb,x\nc,7\n")
    predict = ("predict", "--input", str(tmp_path / "cars.csv"), "--output", str(tmp_path / "out.csv"))
    code, _, err = run(*predict)
    assert code == 3
    assert "More than 5 %" in err
    assert not (tmp_path / "out.csv").exists()
    assert run(*predict, "--set", "data.table.max_rejected_share=0.5", "--rejects", str(tmp_path / "r.csv"))[0] == 0
    assert pd.read_csv(tmp_path / "r.csv")["row"].tolist() == [2]
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["row"].tolist() == [1, 3]
    assert table["prediction"].tolist() == pytest.approx([95, 93], abs=1)


def test_a_refitted_bundle_shows_its_figures_from_before_and_scores_no_row_again(
    run, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refit = ("train", "--output", str(tmp_path / "refit"), "--set", "training.refit=true")
    assert run(*refit)[0] == 0
    again = open_bundle(tmp_path / "refit")
    metrics, before = again.read_json("metrics.json"), bundle.read_json("metrics.json")
    assert metrics["holdout"] == before["holdout"]
    assert (metrics["refitted"], before["refitted"]) == (True, False)
    rows = metrics["rows"]
    assert again.read_json("profile.json")["rows"] == rows["train"] + rows["holdout"]
    assert open_model(again)[-1].coef_ != open_model(bundle)[-1].coef_
    monkeypatch.setattr("common_utils.table_project.commands.measure_holdout", None)  # no row is scored
    code, out, err = run("evaluate", "--bundle", str(tmp_path / "refit"), "--output", str(tmp_path / "results.md"))
    assert code == 0
    assert "must reached" in out
    assert "each figure is from before" in err
    assert "each figure is from before" in (tmp_path / "results.md").read_text()
    assert "each figure is from before" in again.read_bytes("model_card.md").decode()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param(b"rounds: 3\n", "line 1, rounds: unknown key", id="unknown-setting"),
        pytest.param(b"data: {}\n", "line 1, data.public_file: required", id="setting-of-today"),
        pytest.param(b"[1]\n", "not a section", id="no-settings"),
    ],
)
def test_a_bundle_of_an_older_version_is_called_so(
    run, bundle: Bundle, tmp_path: Path, folder: Path, text: bytes, what: str
) -> None:
    def write(target: Path) -> None:
        for name in bundle.files:
            (target / name).write_bytes(text if name == "config.yaml" else bundle.read_bytes(name))

    older = str(write_bundle(tmp_path / "older", info=dict(bundle.info), write=write).path)
    source = str(_ads(tmp_path / "ads.csv", 5))
    for words in (["predict", "--input", source, "--output", "o.csv"], ["explain", "--input", source, "--row", "1"]):
        code, _, err = run(*words, "--bundle", older)
        assert code == 4
        said = rf"(?s)from an older version of the code \(written .*config.yaml does not fit .*: .*{what}.*Train again"
        assert re.search(said, err)
    with pytest.raises(ArtifactError, match="older version of the code"):
        open_live(SPEC, Path(older), lambda *_: None)


def _ads(path: Path, n_rows: int) -> Path:
    TASK.sample(n_rows, np.random.default_rng(1)).to_csv(path, index=False)
    return path


def test_a_table_that_lost_half_of_its_rows_is_not_learnt_from_silently(run, bundle: Bundle, tmp_path: Path) -> None:
    root = tmp_path / "artifacts"
    train = ("train", "--output", str(root), "--data")
    assert run(*train, str(_ads(tmp_path / "cars.csv", 1000)))[0] == 0
    live = current_version(root)
    code, _, err = run(*train, str(_ads(tmp_path / "half.csv", 480)))
    assert code == 3
    assert f"the live bundle {live} was trained on" in err
    assert "training.accept_fewer_rows=true" in err
    assert current_version(root) == live
    assert run(*train, str(_ads(tmp_path / "less.csv", 700)))[0] == 0
    half = str(tmp_path / "half.csv")
    assert run(*train, half, "--set", "training.accept_fewer_rows=true")[0] == 0
    assert run("train", "--output", str(root))[0] == 0  # the sample is not compared with a table


def test_a_table_most_of_which_a_rule_sets_aside_is_not_learnt_from_silently(run, folder: Path, tmp_path: Path) -> None:
    old = TASK.sample(900, np.random.default_rng(1))
    old["age"] = np.where(np.arange(900) % 5 < 3, 30.0, old["age"])
    old["price"] += np.random.default_rng(2).normal(0, 9, 900)
    old.to_csv(tmp_path / "old.csv", index=False)
    train = ("train", "--output", str(tmp_path / "artifacts"), "--data", str(tmp_path / "old.csv"))
    code, _, err = run(*train)
    assert code == 3
    assert re.search(r"pricedemo: \d+ of 900 rows are left", err)
    assert "set aside: older than 19 (" in err
    assert run(*train, "--set", "training.accept_fewer_rows=true")[0] == 0


def test_the_account_of_a_training_table_is_shown_and_names_what_a_rule_set_aside(run, bundle, tmp_path: Path) -> None:
    path = _ads(tmp_path / "cars.csv", 800)
    path.write_text(path.read_text() + "z,?,7\n")
    code, _, err = run("train", "--output", str(tmp_path / "artifacts"), "--data", str(path))
    assert code == 0
    assert "pricedemo: 801 rows read" in err
    assert "rejected: age: not a number (1)" in err
    assert "set aside: older than 19" in err


def test_how_a_table_is_written_is_remembered_by_the_bundle(run, bundle: Bundle, tmp_path: Path) -> None:
    ads = TASK.sample(700, np.random.default_rng(1))
    noise = np.random.default_rng(2).normal(0, 9, 700)
    points = ads.assign(age=[f"{1 + int(age)}.500" for age in ads["age"]], price=ads["price"] + noise)
    points.to_csv(tmp_path / "cars.csv", index=False)
    root = str(tmp_path / "artifacts")
    train = ("train", "--output", root, "--data", str(tmp_path / "cars.csv"))
    assert run(*train)[0] == 3  # 7.500 may be thousands
    assert run(*train, "--decimal", "point")[0] == 0
    assert run("evaluate", "--bundle", root)[0] == 0


def test_explain_speaks_and_counts(run, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "cars.csv").write_text("model,age\na,5\nb,x\n")
    given = ("explain", "--input", str(tmp_path / "cars.csv"), "--set", "data.table.max_rejected_share=0.5")
    code, out, _ = run(*given)
    assert code == 0
    assert "age = 5" in out
    code, _, err = run(*given, "--row", "2")
    assert code == 2
    assert "was rejected" in err


def test_card_writes_the_readme_s_results_of_the_project_itself(run, bundle: Bundle, folder: Path) -> None:
    assert run("card")[0] == 0
    readme = (folder / "README.md").read_text()
    assert "| mean error |" in readme
    assert "older than 19: " in (folder / "docs" / "data_card.md").read_text()
    assert (folder / "docs" / "figures" / "price.png").is_file()


def test_a_readme_without_marks_is_refused(run, bundle: Bundle, folder: Path) -> None:
    readme = folder / "README.md"
    before = readme.read_text()
    readme.write_text("# Demo\n")
    try:
        code, _, err = run("card")
    finally:
        readme.write_text(before)
    assert code == 4
    assert "results:start" in err


def test_no_feature_left_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no column is left"):
        ColumnFeatures().fit(pd.DataFrame({"a": [1]}))


def test_a_table_and_the_sample_cannot_both_be_asked_for(folder: Path) -> None:
    with pytest.raises(ConfigError, match="leave one of them out"):
        settings_of(folder, "data.source=sample", "data.file=x.csv")


def test_signatures_count_where_they_are_required(run, bundle: Bundle, folder: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PRICEDEMO__RELEASES__SIGNATURES", "required")
    code, _, err = run("evaluate")
    assert code == 2
    assert "there is no key" in err
    monkeypatch.setenv("BUNDLE_KEYS", f"test:{'ab' * 32}")
    code, _, err = run("evaluate")
    assert code == 4
    with TestClient(app_of(folder)) as client:
        assert client.get("/ready").status_code == 503


def test_training_enters_the_history_of_releases(run, bundle: Bundle) -> None:
    code, out, _ = run("release", "history", "--json")
    assert code == 0
    assert bundle.version in out
    assert "trained on sample generator with seed 42" in out


def _cli_case(folder: Path, run: Any, bundle: Bundle, tmp_path: Path) -> CliCase:
    return CliCase(
        project_of(folder),
        run,
        bundle,
        tmp_path,
        records=["model,age", "a,3", "b,x", "c,5"],
        answered=("1", "3"),
        explained=3,
        rejected=(2,),
        columns=("row", "prediction"),
        complaint="age:",
        results=("Errors",),
    )


CLI_CHECKS = pytest.mark.parametrize("check", ALL_CLI_CHECKS, ids=lambda check: check.__name__)


@CLI_CHECKS
def test_the_commands_keep_their_promises(folder: Path, run, bundle: Bundle, tmp_path: Path, check) -> None:  # type: ignore[no-untyped-def]
    check(_cli_case(folder, run, bundle, tmp_path))


@CLI_CHECKS
def test_every_command_check_can_fail(folder: Path, bundle: Bundle, tmp_path: Path, check) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AssertionError):
        check(_cli_case(folder, lambda *_: (9, "", "nothing works"), bundle, tmp_path))


def test_predict_logs_its_answers_where_it_is_asked_to(run, bundle: Bundle, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pd.DataFrame({"model": ["a", "b"], "age": [1.0, 2.0]}).to_csv(tmp_path / "in.csv", index=False)
    output, journal = tmp_path / "out.csv", tmp_path / "journal"
    log = ("--set", "decisions.batch=true", "--set", f"decisions.journal={journal}")
    code, _, err = run("predict", "--input", str(tmp_path / "in.csv"), "--output", str(output), *log)
    assert code == 0, err
    parts = [part for segment in segments(journal) for part in segment.read()]
    found = [one for part in parts for one in part.entries if isinstance(one, Decision)]
    assert manifest_path(output).exists()
    assert [one.answer["prediction"] for one in found] == pd.read_csv(output)["prediction"].tolist()
    assert len({one.event for one in found}) == 2
    assert {one.subject for one in found} == {None}  # the number of a row is nobody's name


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_predict_in_pieces_is_predict_of_the_whole(  # type: ignore[no-untyped-def]
    run, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    models, ages = ["a", "b", "c", "b", "a", "x", "a"], [1.0, 2.5, None, 7.0, 3.0, 4.0, 5.0]
    write_table(pd.DataFrame({"model": models, "age": ages}), tmp_path / f"in.{ending}")
    seen: list[tuple[object, ...]] = []
    for rows in (50_000, 2):
        monkeypatch.setattr("common_utils.tables.pieces.checked.PIECE_ROWS", rows)
        folder = tmp_path / str(rows)
        output, journal, profiles = folder / f"out.{ending}", folder / "journal", folder / "monitoring"
        said = ("decisions.batch=true", f"decisions.journal={journal}", f"monitoring.folder={profiles}")
        settings = [word for one in (*said, "data.table.max_rejected_share=1") for word in ("--set", one)]
        words = ("--input", str(tmp_path / f"in.{ending}"), "--output", str(output))
        code, _, err = run("predict", *words, *settings)
        assert code == 0, err
        parts = [part for segment in segments(journal) for part in segment.read()]
        found = [one for part in parts for one in part.entries if isinstance(one, Decision)]
        (profile,) = (json.loads(path.read_text()) for path in profiles.rglob("*.json"))
        entries = [(one.event, one.answer, one.subject) for one in found]
        seen.append((output.read_bytes(), entries, profile, err.replace(str(folder), "")))
    assert seen[0] == seen[1]
    assert len(seen[0][1]) == 6  # type: ignore[arg-type] - one for each answer


def test_explain_finds_a_record_in_a_later_piece(run, bundle: Bundle, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "cars.csv").write_text("model,age\na,5\nb,6\nc,7\n")
    words = ("explain", "--input", str(tmp_path / "cars.csv"), "--row", "3", "--json")
    whole = run(*words)
    monkeypatch.setattr("common_utils.tables.pieces.checked.PIECE_ROWS", 1)
    assert run(*words) == whole
    assert whole[0] == 0
    code, _, err = run(*words[:3], "--row", "4")
    assert code == 2
    assert "--row 4: the table has no such record, or it was rejected; pricedemo: 3 rows read" in err
