"""Champion against challenger on made-up choices, where it is known which of the two is right."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.evaluation import Interval, PairedDifference
from common_utils.parts import each
from common_utils.parts.cores import Workers
from planrec.billing import Catalogue
from planrec.bundle.choice_model import tempered
from planrec.choice import selection
from planrec.choice.boosting import MonotoneBoosting
from planrec.choice.logit import ConditionalLogit
from planrec.choice.selection import (
    CHALLENGER,
    CHAMPION,
    CalibratedChoice,
    select_choice_model,
)
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.decisions.choice_sets import alternatives_of
from planrec.decisions.rows import CHOSEN_PLAN

HELD = ("prepaid-0", "basic-6", "talk-800", "data-20", "unlimited")
MONTHS = ("2025-02", "2025-03", "2025-04", "2025-05")
WEIGHTS = {"recent_bill": -0.12, "is_current": 1.5, "unlimited_share": 0.8, "perks": 0.3, "new_contract_years": -0.4}


def quiet(_: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def config(project_folder) -> PlanRecConfig:  # type: ignore[no-untyped-def]
    overrides = [
        "features.history_months=1",
        "training.challenger.max_iter=25",
        "training.challenger.min_samples_leaf=20",
        "training.challenger.folds=2",
        "evaluation.resamples=50",
    ]
    return load_planrec_config(project_folder, overrides=overrides, environ={})


def people(seed: int, n: int) -> pd.DataFrame:
    """`n` subscribers with a decision in each of four months."""
    rng = np.random.default_rng(seed)
    size = n * len(MONTHS)
    return pd.DataFrame(
        {
            "subscriber_id": np.repeat([f"s{i:04d}" for i in range(n)], len(MONTHS)),
            "month": np.tile(MONTHS, n),
            "minutes_1": rng.gamma(2, 200, size),
            "messages_1": rng.poisson(20, size).astype(float),
            "megabytes_1": rng.gamma(2, 6000, size),
            "current_plan": rng.choice(HELD, size),
            "age": rng.uniform(30, 50, size),
            "tenure_months": rng.integers(0, 40, size).astype(float),
        }
    )


def linear(catalogue: Catalogue, **weights: float) -> ConditionalLogit:
    model = ConditionalLogit(catalogue, history_months=1)
    model.weights_ = np.array([weights.get(name, 0.0) for name in ALTERNATIVE_FEATURES])
    return model


def linear_choices(catalogue: Catalogue, seed: int, n: int = 250) -> pd.DataFrame:
    """Choices by weights, which is what the logit is made for."""
    rows, rng = people(seed, n), np.random.default_rng(seed + 1)
    taken = [rng.choice(len(catalogue.plans), p=p) for p in linear(catalogue, **WEIGHTS).predict_proba(rows)]
    return rows.assign(**{CHOSEN_PLAN: np.array(catalogue.plan_ids, dtype=object)[taken]})


def threshold_choices(catalogue: Catalogue, seed: int, n: int = 250) -> pd.DataFrame:
    """Who could save more than ten a month takes the cheapest plan, all others the largest: no weights say that."""
    rows = people(seed, n)
    found = alternatives_of(rows, catalogue, history_months=1, with_current_plan=True)
    bills = np.where(found.available, found.features[..., ALTERNATIVE_FEATURES.index("recent_bill")], np.inf)
    overpays = bills[np.arange(len(rows)), found.current] - bills.min(axis=1) > 10
    cheapest = np.array(catalogue.plan_ids, dtype=object)[bills.argmin(axis=1)]
    return rows.assign(**{CHOSEN_PLAN: np.where(overpays, "unlimited", cheapest)})


def test_champion_stays_where_choices_are_linear(config: PlanRecConfig, catalogue: Catalogue) -> None:
    rows = linear_choices(catalogue, 1)
    found = select_choice_model(config, catalogue, rows, quiet)
    gap = found.trial["challenger_less_champion"]
    assert found.chosen == found.trial["chosen"] == CHAMPION
    assert gap["estimate"] <= 2 * gap["se"]  # type: ignore[index]
    assert isinstance(found.model.model, ConditionalLogit)
    assert found.model.temperature == found.trial["temperature"][CHAMPION]  # type: ignore[index]
    assert 0.8 < found.model.temperature < 1.25  # the right model is about calibrated


def test_challenger_takes_its_place_where_it_ranks_better(config: PlanRecConfig, catalogue: Catalogue) -> None:
    rows = threshold_choices(catalogue, 1)
    found = select_choice_model(config, catalogue, rows, quiet)
    gap = found.trial["challenger_less_champion"]
    assert found.chosen == found.trial["chosen"] == CHALLENGER
    assert gap["estimate"] > 2 * gap["se"] > 0  # type: ignore[index]
    assert isinstance(found.model.model, MonotoneBoosting)
    assert found.model.model.config == config.training.challenger
    assert found.model.temperature == found.trial["temperature"][CHALLENGER]  # type: ignore[index]


def test_trial_says_what_it_rests_on(config: PlanRecConfig, catalogue: Catalogue) -> None:
    rows = linear_choices(catalogue, 2, n=60)
    steps: list[str] = []
    trial = select_choice_model(config, catalogue, rows, steps.append).trial
    assert trial["rows"] == 120  # two of four months
    assert trial["months"] == ["2025-04", "2025-05"]
    scores = trial["ndcg_at_5"]
    assert isinstance(scores, dict)
    assert set(scores) == {CHAMPION, CHALLENGER}
    assert trial["challenger_less_champion"]["estimate"] == pytest.approx(scores[CHALLENGER] - scores[CHAMPION])  # type: ignore[index]
    assert steps == [
        *(f"trying the {CHAMPION}, fold {i} of 2" for i in (1, 2)),
        *(f"trying the {CHALLENGER}, fold {i} of 2" for i in (1, 2)),
        f"fitting the {trial['chosen']}",
    ]


def test_nobody_is_on_both_sides_and_no_later_month_is_fitted_on(
    config: PlanRecConfig, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(each, "chosen_workers", lambda *_: Workers(1, "so that what is fitted is seen here"))
    rows = linear_choices(catalogue, 3, n=60)
    fitted: list[pd.DataFrame] = []
    scored: list[pd.DataFrame] = []
    fit, predict = ConditionalLogit.fit, ConditionalLogit.predict_proba

    def spying_fit(self: ConditionalLogit, X: pd.DataFrame, y: np.ndarray) -> ConditionalLogit:
        assert y.tolist() == X[CHOSEN_PLAN].tolist()
        fitted.append(X)
        return fit(self, X, y)

    def spying_predict(self: ConditionalLogit, X: pd.DataFrame) -> np.ndarray:
        scored.append(X)
        return predict(self, X)

    monkeypatch.setattr(ConditionalLogit, "fit", spying_fit)
    monkeypatch.setattr(ConditionalLogit, "predict_proba", spying_predict)
    select_choice_model(config, catalogue, rows, quiet)
    assert len(scored) == 2
    # The challenger fits a logit of its own, on the same rows; the last fit is the one that ships.
    for tried, tested in zip((*fitted[:2], *fitted[2:4]), (*scored, *scored), strict=True):
        assert not set(tried["subscriber_id"]) & set(tested["subscriber_id"])
        assert tried["month"].max() == "2025-03" < tested["month"].min()
    everyone = pd.concat(scored)
    assert len(everyone) == everyone.index.nunique() == 120
    assert len(fitted) == 5
    assert len(fitted[-1]) == len(rows)


@pytest.mark.parametrize("months", [MONTHS[:1], MONTHS[:2]])
def test_champion_ships_untried_where_there_are_too_few_months(
    months: tuple[str, ...], config: PlanRecConfig, catalogue: Catalogue
) -> None:
    rows = linear_choices(catalogue, 4, n=40)
    rows = rows[rows["month"].isin(months)]
    steps: list[str] = []
    found = select_choice_model(config, catalogue, rows, steps.append)
    assert found.chosen == CHAMPION
    assert found.model.temperature == 1
    assert found.trial == {"chosen": CHAMPION, "skipped": "the training decisions span fewer than 3 months"}
    assert steps == [f"fitting the {CHAMPION}"]


def test_three_months_are_enough_for_a_trial(config: PlanRecConfig, catalogue: Catalogue) -> None:
    rows = linear_choices(catalogue, 4, n=60)
    trial = select_choice_model(config, catalogue, rows[rows["month"] <= "2025-04"], quiet).trial
    assert trial["months"] == ["2025-03", "2025-04"]


def test_selection_leaves_its_rows_alone(config: PlanRecConfig, catalogue: Catalogue) -> None:
    rows = linear_choices(catalogue, 5, n=40)
    before = rows.copy()
    select_choice_model(config, catalogue, rows, quiet)
    pd.testing.assert_frame_equal(rows, before)


def test_a_plan_outside_the_rate_card_is_refused(config: PlanRecConfig, catalogue: Catalogue) -> None:
    rows = linear_choices(catalogue, 5, n=10).assign(**{CHOSEN_PLAN: "gone"})
    with pytest.raises(DataError, match=r"40 plan\(s\) taken are not in rate card"):
        select_choice_model(config, catalogue, rows, quiet)


def test_too_few_subscribers_for_the_folds_are_refused(config: PlanRecConfig, catalogue: Catalogue) -> None:
    rows = linear_choices(catalogue, 5, n=1)
    with pytest.raises(DataError, match="2 folds need that many groups"):
        select_choice_model(config, catalogue, rows.assign(**{CHOSEN_PLAN: ["unlimited", "basic-6"] * 2}), quiet)


def test_temperature_undoes_a_known_one(
    config: PlanRecConfig, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Probabilities drawn apart by squaring (temperature 0.5) are put right by temperature 2.
    rows = linear_choices(catalogue, 6, n=400)
    right = select_choice_model(config, catalogue, rows, quiet).trial["temperature"][CHAMPION]  # type: ignore[index]
    predict = ConditionalLogit.predict_proba
    monkeypatch.setattr(ConditionalLogit, "predict_proba", lambda self, X: tempered(predict(self, X), 0.5))
    found = select_choice_model(config, catalogue, rows, quiet).trial["temperature"][CHAMPION]  # type: ignore[index]
    assert found == pytest.approx(2 * right, rel=1e-3)


def test_tempered_by_hand() -> None:
    # Square roots 3 and 1 of 0.9 and 0.1 (x 10); squares 0.81 and 0.01.
    p = np.array([[0.9, 0.1, 0.0]])
    np.testing.assert_allclose(tempered(p, 2.0), [[0.75, 0.25, 0]])
    np.testing.assert_allclose(tempered(p, 0.5), [[0.81 / 0.82, 0.01 / 0.82, 0]])
    np.testing.assert_allclose(tempered(p, 1.0), p)
    assert p.tolist() == [[0.9, 0.1, 0.0]]


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=8), st.floats(0.4, 2.7))
def test_tempering_keeps_the_order_and_adds_up_to_1(weights: list[float], temperature: float) -> None:
    p = np.array([weights]) / sum(weights)
    found = tempered(p, temperature)
    assert found.sum() == pytest.approx(1)
    order = np.argsort(p[0], kind="stable")
    assert (np.diff(found[0, order]) >= -1e-12).all()
    np.testing.assert_allclose(tempered(found, 1 / temperature), p, rtol=1e-6)


def test_calibrated_choice_tempers_the_model_inside(catalogue: Catalogue) -> None:
    rows, model = people(0, 5), linear(catalogue, **WEIGHTS)
    calibrated = CalibratedChoice(model, 1.5)
    assert calibrated.classes_.tolist() == list(catalogue.plan_ids)
    p = calibrated.predict_proba(rows)
    np.testing.assert_array_equal(p, tempered(model.predict_proba(rows), 1.5))
    np.testing.assert_allclose(p.sum(axis=1), 1)


@pytest.mark.parametrize("name", [CHAMPION, CHALLENGER])
def test_a_drafted_plan_is_scored_and_the_original_left_alone(
    name: str, config: PlanRecConfig, catalogue: Catalogue
) -> None:
    rows = linear_choices(catalogue, 7, n=60)
    model = (
        ConditionalLogit(catalogue, history_months=1)
        if name == CHAMPION
        else MonotoneBoosting(catalogue, config.training.challenger, history_months=1)
    )
    shipped = CalibratedChoice(model.fit(rows, rows[CHOSEN_PLAN].to_numpy(dtype=object)), 1.2)
    before = shipped.predict_proba(rows)
    basic = catalogue.plans[catalogue.index("basic-6")]
    draft = basic.model_copy(update={"plan_id": "draft", "monthly_fee_cents": 100})
    larger = dataclasses.replace(catalogue, plans=(draft, *catalogue.plans))
    drafted = shipped.with_catalogue(larger)
    p = drafted.predict_proba(rows)
    assert drafted.classes_.tolist() == ["draft", *catalogue.plan_ids]
    assert drafted.temperature == 1.2
    np.testing.assert_allclose(p.sum(axis=1), 1)
    stays = rows["current_plan"] == "unlimited"
    assert p[stays, 0].mean() > p[stays, 1 + catalogue.index("basic-6")].mean() > 0  # the same for less
    assert shipped.classes_.tolist() == list(catalogue.plan_ids)
    np.testing.assert_array_equal(shipped.predict_proba(rows), before)
    # The same catalogue changes nothing.
    np.testing.assert_array_equal(drafted.with_catalogue(catalogue).predict_proba(rows), before)


@pytest.mark.parametrize(
    ("mean", "chosen"),
    [
        pytest.param(-0.5, CHAMPION, id="worse"),
        pytest.param(0.1875, CHAMPION, id="better-by-less-than-two-standard-errors"),
        pytest.param(0.25, CHAMPION, id="better-by-two-standard-errors"),
        pytest.param(0.3125, CHALLENGER, id="better-by-more-than-two-standard-errors"),
    ],
)
def test_a_challenger_has_to_be_better_by_more_than_two_standard_errors(
    mean: float, chosen: str, config: PlanRecConfig, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    gap = PairedDifference(mean, 0.125, Interval(mean, mean - 0.25, mean + 0.25, 0.95))
    monkeypatch.setattr(selection, "paired_mean_difference", lambda *_, **__: gap)
    found = select_choice_model(config, catalogue, linear_choices(catalogue, 8, n=40), quiet)
    assert found.chosen == found.trial["chosen"] == chosen
    assert isinstance(found.model.model, ConditionalLogit if chosen == CHAMPION else MonotoneBoosting)
