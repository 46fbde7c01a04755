"""Training end to end on a small operator: what a bundle holds, that runs repeat, and that every gate can fire."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from common_utils.bundle import Bundle, current_version, open_bundle
from common_utils.errors import ConfigError, DataError, LeakageError
from common_utils.monitoring.profiles.profile_json import bundle_profile
from common_utils.parts import each
from common_utils.parts.cores import Workers
from common_utils.releases.config import ReleaseConfig
from common_utils.releases.history import read_history
from common_utils.scoring.joblib_scorer import JoblibScorer
from common_utils.tracking.store import RunStore
from planrec.bundle import PlanRecBundle
from planrec.campaigns.bound_check import BoundCheck
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.cross_validation import build_pipeline, fit
from planrec.data import load_usage
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.evaluation import Models, evaluate
from planrec.learnt_offers import fit_offers
from planrec.offers.acceptance import ACCEPTANCE_FEATURES
from planrec.preparation import Prepared, prepare
from planrec.reporting.figures import FIGURES
from planrec.training import data_fingerprint, fit_forecast, learn, refuse_few_months, train


def quiet(_: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def prepared(settings: PlanRecConfig, project_folder: Path) -> Prepared:
    return prepare(settings, project_folder, quiet)


def test_bundle_holds_model_rate_card_settings_figures_and_card(bundle: Bundle, artifacts: Path) -> None:
    expected = {
        "model.joblib",
        "choice.json",
        "choice_model.json",
        "forecast.json",
        "offers.json",
        "scorer.npz",
        "scorer.json",
        "plans.yaml",
        "rules.yaml",
        "config.yaml",
        "metrics.json",
        "profile.json",
        "model_card.md",
        *FIGURES,
    }
    assert set(bundle.files) == expected
    assert current_version(artifacts) == bundle.version
    assert (artifacts / "metrics.json").read_bytes() == bundle.read_bytes("metrics.json")
    assert bundle.info["seed"] == 42
    assert bundle.read_bytes("confusion.png").startswith(b"\x89PNG")
    assert "not recorded" not in bundle.read_bytes("model_card.md").decode()


def test_every_baseline_stands_beside_the_model(bundle: Bundle) -> None:
    metrics = bundle.read_json("metrics.json")
    names = [row["policy"] for row in metrics["policies"]]
    assert names == [
        "stay",
        "most common plan",
        "cheapest, last month",
        "cheapest, mean of 3 months",
        "cheapest, mean of 6 months",
        "cheapest, mean of 6 months + half a sd",
        "advice (as shipped)",
        "multiclass model (predicts the plan people choose)",
        "choice model (scores any plan)",
    ]
    for row in metrics["policies"]:
        for figure in ("accuracy", "hit_at_3", "ndcg_at_5", "regret_cents", "saving_cents", "share_worse_off"):
            assert row[figure]["low"] <= row[figure]["estimate"] <= row[figure]["high"]
    assert set(metrics["test"]) >= {"accuracy", "f1_macro", "auc_ovr", "log_loss", "ece", "hit_at_3", "ndcg_at_5"}
    assert metrics["synthetic"] is True


def test_staying_costs_nothing_and_re_rating_saves(bundle: Bundle) -> None:
    rows = {row["policy"]: row for row in bundle.read_json("metrics.json")["policies"]}
    assert rows["stay"]["saving_cents"]["estimate"] == 0
    assert rows["stay"]["share_moved"]["estimate"] == 0
    assert rows["cheapest, mean of 6 months"]["saving_cents"]["low"] > 0


def test_same_seed_gives_the_same_predictions_bit_for_bit_on_one_core_as_on_all(
    settings: PlanRecConfig,
    project_folder: Path,
    bundle: Bundle,
    prepared: Prepared,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(each, "chosen_workers", lambda *_: Workers(1, "as the test says"))
    again = train(settings, project_folder, artifacts=tmp_path, step=quiet)
    columns = {str(c): prepared.test[c].to_numpy() for c in prepared.test.columns}
    first, second = (JoblibScorer.open(b).score(columns) for b in (bundle, again))
    assert first.tobytes() == second.tobytes()
    assert bundle.read_bytes("metrics.json") == again.read_bytes("metrics.json")
    run = RunStore(settings.tracking.folder).find("latest")
    low, high = sorted(run.folds.figures["ndcg_at_5"]) if run.folds else (1, 0)  # that of all rows lies between them
    assert low <= run.figures[run.headline].value <= high


@pytest.mark.parametrize("what", ["catalogue", "rules"])
def test_a_card_or_rules_that_changed_while_the_training_ran_are_not_put_into_its_bundle(
    what: str, settings: PlanRecConfig, project_folder: Path, prepared: Prepared
) -> None:
    rules = prepared.rules.model_copy(update={"version": "before"})
    read = {"catalogue": dataclasses.replace(prepared.catalogue, version="before"), "rules": rules}[what]
    words = {"catalogue": r"^rate card .*plans\.yaml", "rules": "^the rules"}[what]
    with pytest.raises(DataError, match=f"{words}: changed while the training ran. No bundle was written; train"):
        learn(settings, project_folder, dataclasses.replace(prepared, **{what: read}), quiet)


def test_offers_are_learnt_where_there_is_a_log_of_them(settings: PlanRecConfig, prepared: Prepared) -> None:
    said: list[str] = []
    learnt = fit_offers(settings, prepared, fit_forecast(settings, prepared), said.append)
    assert learnt is not None
    assert said[0] == "learning from the log of offers"
    assert said[1].startswith("the bound on leaving, on log rows that did not choose it: ")
    assert len(said) == 2
    dearer = dict(zip(ACCEPTANCE_FEATURES, learnt.acceptance.weights.tolist(), strict=True))
    assert dearer["recent_bill_difference"] + dearer["expected_bill_difference"] < 0


def test_no_offers_are_made_where_the_log_shows_harm(
    settings: PlanRecConfig, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    harm, said = BoundCheck(300, 300, change=0.2, error=0.02, predicted=-0.01), list[str]()
    monkeypatch.setattr("planrec.learnt_offers.check_bound", lambda *_, **__: harm)
    assert fit_offers(settings, prepared, fit_forecast(settings, prepared), said.append) is None
    assert said[-1].endswith("drive subscribers away, so the bundle will give advice only")


def test_without_a_log_of_offers_a_bundle_gives_advice_only(settings: PlanRecConfig, prepared: Prepared) -> None:
    said: list[str] = []
    forecast = fit_forecast(settings, prepared)
    silent = dataclasses.replace(prepared, data=dataclasses.replace(prepared.data, campaign=None))
    assert fit_offers(settings, silent, forecast, said.append) is None
    campaign = prepared.data.campaign
    assert campaign is not None
    nobody = dataclasses.replace(campaign, offers=campaign.offers.assign(accepted=False))
    short = dataclasses.replace(prepared, data=dataclasses.replace(prepared.data, campaign=nobody))
    assert fit_offers(settings, short, forecast, said.append) is None
    assert said[0] == "no log of offers: the bundle will give advice only"
    assert "too short, so the bundle will give advice only (offers: every answer is the same" in said[-1]


def test_another_seed_makes_another_operator(small: tuple[str, ...], project_folder: Path, prepared: Prepared) -> None:
    other = load_planrec_config(project_folder, overrides=[*small, "training.seed=7"], environ={})
    assert data_fingerprint(load_usage(other, prepared.catalogue, project_folder)) != data_fingerprint(prepared.data)


def test_evaluating_the_bundle_again_gives_its_own_figures(
    settings: PlanRecConfig, bundle: Bundle, prepared: Prepared
) -> None:
    stored = bundle.read_json("metrics.json")
    measured = evaluate(settings, prepared, Models.open(PlanRecBundle.open(bundle.path)))
    assert measured["policies"] == stored["policies"]
    assert measured["test"] == stored["test"]


def test_split_keeps_people_and_months_apart(prepared: Prepared) -> None:
    train_rows, test_rows = prepared.train, prepared.test
    assert not set(train_rows["subscriber_id"]) & set(test_rows["subscriber_id"])
    assert train_rows["month"].max() < test_rows["month"].min()
    assert test_rows["month"].max() <= "2025-10"  # three whole months must follow


def test_forecast_learns_from_nothing_that_is_tested_on(settings: PlanRecConfig, prepared: Prepared) -> None:
    months = prepared.training_months
    assert not set(months["subscriber_id"]) & set(prepared.test["subscriber_id"])
    assert months["month"].max() < prepared.test["month"].min()
    people = set(prepared.data.months["subscriber_id"]) - set(prepared.test["subscriber_id"])
    assert set(months["subscriber_id"]) <= people
    assert months.index.tolist() == list(range(len(months)))
    # What the others use, and what is used later, changes nothing.
    changed = prepared.data.months.copy()
    outside = changed["subscriber_id"].isin(prepared.test["subscriber_id"])
    outside |= changed["month"] >= prepared.test["month"].min()
    changed.loc[outside, ["minutes", "messages", "megabytes"]] = 9e5
    other = dataclasses.replace(prepared, data=dataclasses.replace(prepared.data, months=changed))
    assert fit_forecast(settings, other).to_dict() == fit_forecast(settings, prepared).to_dict()


def test_bundled_forecast_is_the_one_fitted(settings: PlanRecConfig, prepared: Prepared, bundle: Bundle) -> None:
    assert Models.open(PlanRecBundle.open(bundle.path)).forecast.to_dict() == fit_forecast(settings, prepared).to_dict()
    assert len(bundle.read_json("forecast.json")["minutes"]["scale"]) == settings.features.history_months + 1


def test_choice_model_scores_every_plan_and_says_how_it_was_tried(bundle: Bundle, prepared: Prepared) -> None:
    models = Models.open(PlanRecBundle.open(bundle.path))
    assert list(models.choice.classes) == list(prepared.catalogue.plan_ids)
    assert set(models.multiclass.classes) == set(prepared.train[CHOSEN_PLAN])
    trial = bundle.read_json("metrics.json")["choice_trial"]
    assert trial["chosen"] in trial["ndcg_at_5"]
    assert trial["months"][1] == prepared.train["month"].max()
    gap = trial["ndcg_at_5"]["monotone boosting"] - trial["ndcg_at_5"]["conditional logit"]
    assert trial["challenger_less_champion"]["estimate"] == pytest.approx(gap)


def test_decision_rows_are_real_decisions_with_history(prepared: Prepared) -> None:
    assert prepared.decisions["minutes_1"].notna().all()
    moved = prepared.train[CHOSEN_PLAN] != prepared.train["current_plan"]
    assert 0.1 < moved.mean() < 0.9


def leaky(
    small: tuple[str, ...], settings: PlanRecConfig, project_folder: Path, tmp_path: Path, **columns: object
) -> PlanRecConfig:
    """A table source whose usage months carry further columns."""
    months = load_usage(settings, _catalogue(settings, project_folder), project_folder).months
    frame = months.assign(**{name: make(months) for name, make in columns.items()})  # type: ignore[operator]
    path = tmp_path / "months.parquet"
    frame.to_parquet(path, index=False)
    return load_planrec_config(
        project_folder,
        overrides=[*small, "data.source=table", f"data.folder={path}"],
        environ={},
    )


def _catalogue(settings: PlanRecConfig, project_folder: Path):  # type: ignore[no-untyped-def]
    from planrec.billing import load_catalogue

    return load_catalogue(project_folder / settings.data.simulator.plans)


def test_a_column_that_reveals_the_target_stops_the_run_until_it_is_dropped(
    small: tuple[str, ...], settings: PlanRecConfig, project_folder: Path, tmp_path: Path
) -> None:
    def next_fee(months: pd.DataFrame) -> pd.Series:
        # What the plan of the following month costs: known only after the decision.
        fees = {p.plan_id: float(p.monthly_fee_cents) for p in _catalogue(settings, project_folder).plans}
        following = months.groupby("subscriber_id")["current_plan"].shift(-1).fillna(months["current_plan"])
        return following.map(fees)

    config = leaky(small, settings, project_folder, tmp_path, next_fee=next_fee)
    with pytest.raises(LeakageError, match=r"next_fee.*drop_columns"):
        prepare(config, project_folder, quiet)
    dropped = [*small, "data.source=table", f"data.folder={tmp_path / 'months.parquet'}"]
    dropped.append("data.table.drop_columns=[subscriber_id, month, partial, next_fee]")
    fine = load_planrec_config(project_folder, overrides=dropped, environ={})
    assert len(prepare(fine, project_folder, quiet).train)


def test_a_dropped_column_never_becomes_a_feature(
    small: tuple[str, ...], settings: PlanRecConfig, project_folder: Path
) -> None:
    overrides = [*small, "data.simulator.drop_columns=[subscriber_id, month, partial, tenure_months]"]
    config = load_planrec_config(project_folder, overrides=overrides, environ={})
    prepared = prepare(config, project_folder, quiet)
    pipeline = fit(build_pipeline(config, prepared.catalogue), prepared.train)
    names = pipeline.named_steps["features"].feature_names_out_
    assert "tenure_months" not in names
    assert "contract_months_left" in names


@pytest.mark.parametrize("column", ["age", "current_plan"])
def test_a_column_is_dropped_or_a_feature_not_both(column: str, project_folder: Path) -> None:
    # Dropped columns are not audited: a feature among them could reveal the target unseen.
    with pytest.raises(ConfigError, match=rf"\['{column}'\] would be dropped and be a feature"):
        load_planrec_config(project_folder, overrides=[f"data.simulator.drop_columns=[{column}]"], environ={})


def test_policies_look_back_as_far_as_they_say(
    small: tuple[str, ...], project_folder: Path, bundle: Bundle, tmp_path: Path
) -> None:
    config = load_planrec_config(project_folder, overrides=[*small, "features.history_months=2"], environ={})
    short = train(config, project_folder, artifacts=tmp_path, step=quiet).read_json("metrics.json")
    long = bundle.read_json("metrics.json")
    assert short["policies"][:-3] == long["policies"][:-3]  # all but what is fitted: forecast and models


def test_too_few_subscribers_are_refused(small: tuple[str, ...], project_folder: Path) -> None:
    config = load_planrec_config(project_folder, overrides=[*small, "simulator.subscribers=2"], environ={})
    with pytest.raises(DataError, match="give more"):
        prepare(config, project_folder, quiet)


def test_megaline_source_never_sees_the_plan_held(project_folder: Path) -> None:
    config = load_planrec_config(project_folder, overrides=["data.source=megaline"], environ={})
    assert "current_plan" in config.data.chosen().drop_columns
    assert not config.data.chosen().with_current_plan


def test_too_few_months_are_refused_with_what_to_change(small: tuple[str, ...], project_folder: Path) -> None:
    config = load_planrec_config(project_folder, overrides=[*small, "simulator.months=3"], environ={})
    with pytest.raises(DataError, match=r"give more months, or lower `training.split.test_months`"):
        prepare(config, project_folder, quiet)


def test_a_chosen_plan_outside_the_rate_card_is_refused(
    small: tuple[str, ...], settings: PlanRecConfig, project_folder: Path, tmp_path: Path
) -> None:
    config = leaky(small, settings, project_folder, tmp_path, current_plan=lambda _: "gone")
    with pytest.raises(DataError, match=r"missing or not in rate card 'operator-2025-01'"):
        prepare(config, project_folder, quiet)


def test_failed_training_leaves_the_current_bundle(
    project_folder: Path, bundle: Bundle, artifacts: Path, monkeypatch: pytest.MonkeyPatch, settings: PlanRecConfig
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("planrec.training.write_figures", full)
    with pytest.raises(Exception, match="No space left"):
        train(settings, project_folder, artifacts=artifacts, step=quiet)
    assert open_bundle(artifacts).version == bundle.version
    assert [p.name for p in artifacts.iterdir() if p.name.startswith(".")] == []


def test_usage_that_lost_half_of_its_months_is_not_learnt_from_silently(
    project_folder: Path,
    bundle: Bundle,
    artifacts: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: PlanRecConfig,
    prepared: Prepared,
) -> None:
    half = dataclasses.replace(prepared.data, months=prepared.data.months.iloc[::2])
    monkeypatch.setattr("planrec.training.prepare", lambda *_: dataclasses.replace(prepared, data=half))
    monkeypatch.setattr("planrec.training.out_of_fold", lambda *_: pytest.fail("began"))
    with pytest.raises(DataError, match=f"the live bundle {bundle.version} was trained on"):
        train(settings, project_folder, artifacts=artifacts, step=quiet)
    accepted = settings.training.model_copy(update={"accept_fewer_rows": True})
    with pytest.raises(pytest.fail.Exception, match="began"):
        train(settings.model_copy(update={"training": accepted}), project_folder, artifacts=artifacts, step=quiet)


def test_half_of_the_months_of_the_live_bundle_is_refused_and_one_more_is_not(
    settings: PlanRecConfig, bundle: Bundle, artifacts: Path, prepared: Prepared
) -> None:
    def asked(months: int) -> None:
        data = dataclasses.replace(prepared.data, months=prepared.data.months.head(months))
        refuse_few_months(settings, artifacts, dataclasses.replace(prepared, data=data))

    half = bundle.info["row_counts"]["usage_months"] // 2  # type: ignore[index]
    with pytest.raises(DataError, match=f"usage months: {half:,} rows, where the live bundle"):
        asked(half)
    asked(half + 1)


def test_bundle_carries_the_rules_it_was_measured_by(
    bundle: Bundle, project_folder: Path, settings: PlanRecConfig
) -> None:
    assert bundle.read_bytes("rules.yaml") == (project_folder / "configs" / "rules.yaml").read_bytes()
    assert bundle.info["rules_version"] == "rules-2025-03"


def test_rules_that_name_an_unknown_plan_stop_the_run(
    small: tuple[str, ...], project_folder: Path, tmp_path: Path
) -> None:
    ours = tmp_path / "rules.yaml"
    ours.write_text("version: ours\nplans: [{plans: [gone], why: x}]\n", encoding="utf-8")
    config = load_planrec_config(project_folder, overrides=[*small, f"rules={ours}"], environ={})
    with pytest.raises(ConfigError, match=r"line 2, plans\.0\.plans\.0: 'gone' is not a plan of rate card"):
        prepare(config, project_folder, quiet)


def test_training_enters_the_history(bundle: Bundle, artifacts: Path) -> None:
    published, promoted = read_history(artifacts)
    assert (published.action, promoted.action) == ("publish", "promote")
    assert (promoted.from_version, promoted.to_version) == (None, bundle.version)
    assert promoted.why == "trained on source simulator with seed 42"


def test_training_without_a_required_key_stops_before_the_work(
    settings: PlanRecConfig, project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BUNDLE_KEYS", raising=False)
    strict = settings.model_copy(update={"releases": ReleaseConfig(signatures="required")})
    with pytest.raises(ConfigError, match="signatures are required and there is no key"):
        train(strict, project_folder, artifacts=tmp_path / "artifacts", step=lambda _: pytest.fail("began"))


def test_a_table_with_the_required_columns_and_the_plan_is_enough(
    small: tuple[str, ...], settings: PlanRecConfig, project_folder: Path, tmp_path: Path
) -> None:
    months = load_usage(settings, _catalogue(settings, project_folder), project_folder).months
    path = tmp_path / "months.csv"
    months[["subscriber_id", "month", "minutes", "messages", "megabytes", "current_plan"]].to_csv(path, index=False)
    config = load_planrec_config(
        project_folder, overrides=[*small, "data.source=table", f"data.folder={path}"], environ={}
    )
    bundle = train(config, project_folder, artifacts=tmp_path / "artifacts", step=quiet)
    assert set(bundle_profile(bundle).numbers) == {"minutes", "messages", "megabytes"}
    assert [row["by"] for row in bundle.read_json("metrics.json")["segments"]] == ["data usage"] * 3
