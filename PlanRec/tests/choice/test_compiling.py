"""The compiled choice model answers as the pipeline, and the gate stops one that does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common_utils.bundle import Bundle, write_bundle
from common_utils.compiled import CompiledScorer
from common_utils.errors import ParityError
from common_utils.scoring.joblib_scorer import JoblibScorer
from planrec.bundle import ChoiceModel, decision_matrix
from planrec.choice import compiling
from planrec.choice.boosting import MonotoneBoosting
from planrec.choice.compiling import compile_choice, compile_choice_model
from planrec.choice.logit import ConditionalLogit
from planrec.choice.selection import CHALLENGER, CHAMPION, CalibratedChoice
from planrec.columns import CURRENT_PLAN, MONTH
from planrec.config import PlanRecConfig
from planrec.cross_validation import build_pipeline, fit
from planrec.decisions import DecisionMatrix, columns_of
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.preparation import Prepared, prepare


@pytest.fixture(scope="module")
def prepared(settings: PlanRecConfig, project_folder: Path) -> Prepared:
    return prepare(settings, project_folder, lambda _: None)


def test_compiled_scorer_answers_as_the_pipeline_alone_and_in_a_batch(
    bundle: Bundle, prepared: Prepared, settings: PlanRecConfig
) -> None:
    columns = columns_of(prepared.test)
    compiled = CompiledScorer.open(bundle, decision_matrix(settings, prepared.catalogue))
    pickled = JoblibScorer.open(bundle)
    batch = compiled.score(columns)
    assert compiled.classes == pickled.classes
    np.testing.assert_allclose(batch, pickled.score(columns), rtol=0, atol=1e-12)
    for i in range(30):
        alone = compiled.score({name: column[i : i + 1] for name, column in columns.items()})
        assert alone.tobytes() == batch[i : i + 1].tobytes()


def test_gate_reports_a_hundred_thousand_rows_and_fires_on_another_model(
    prepared: Prepared, settings: PlanRecConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = fit(build_pipeline(settings, prepared.catalogue), prepared.train)
    _, report = compile_choice(pipeline, prepared.train, seed=1)
    assert report.rows == compiling.MATRIX_ROWS == 100_000
    assert report.max_difference <= 1e-12
    answer = pipeline.named_steps["classifier"].predict_proba

    def slightly_other(X: Any) -> Any:
        return answer(X) + 1e-9

    monkeypatch.setattr(pipeline.named_steps["classifier"], "predict_proba", slightly_other)
    with pytest.raises(ParityError, match="100000 of 100000 rows differ"):
        compile_choice(pipeline, prepared.train, seed=1)


def test_fingerprint_tells_rate_cards_months_and_columns_apart(prepared: Prepared, megaline: Any) -> None:
    card = prepared.catalogue
    same = DecisionMatrix(card, 6, True, ("age",))
    others = [
        DecisionMatrix(megaline, 6, True, ("age",)),
        DecisionMatrix(card, 5, True, ("age",)),
        DecisionMatrix(card, 6, False, ("age",)),
        DecisionMatrix(card, 6, True),
    ]
    assert same.fingerprint == DecisionMatrix(card, 6, True, ("age",)).fingerprint
    assert len({same.fingerprint, *(other.fingerprint for other in others)}) == 5


@pytest.mark.parametrize("name", [CHAMPION, CHALLENGER])
def test_either_choice_model_comes_out_of_a_bundle_as_it_went_in(
    name: str, prepared: Prepared, settings: PlanRecConfig, tmp_path: Path
) -> None:
    months, current = settings.features.history_months, settings.data.chosen().with_current_plan
    rows = prepared.train.head(300)
    model = (
        ConditionalLogit(prepared.catalogue, months, with_current_plan=current)
        if name == CHAMPION
        else MonotoneBoosting(prepared.catalogue, settings.training.challenger, months, with_current_plan=current)
    )
    fitted = CalibratedChoice(model.fit(rows, rows[CHOSEN_PLAN].to_numpy(dtype=object)), 1.3)
    written = write_bundle(tmp_path, info={}, write=compile_choice_model(fitted, rows, seed=1)[0].save)
    opened = ChoiceModel.open(written, prepared.catalogue, history_months=months, with_current_plan=current)
    assert (opened.trees is not None) == (name == CHALLENGER)
    test = prepared.test
    np.testing.assert_allclose(opened.predict_proba(test), fitted.predict_proba(test), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [CHAMPION, CHALLENGER])
def test_the_gate_of_the_choice_model_reports_and_fires(
    name: str, prepared: Prepared, settings: PlanRecConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = prepared.train.head(300)
    model: Any = (
        ConditionalLogit(prepared.catalogue, 6)
        if name == CHAMPION
        else MonotoneBoosting(prepared.catalogue, settings.training.challenger, 6)
    )
    fitted = CalibratedChoice(model.fit(rows, rows[CHOSEN_PLAN].to_numpy(dtype=object)), 1.3)
    arrays, report = compile_choice_model(fitted, rows, seed=1, most_rows=2_000)
    assert report.rows == 2_000
    assert report.max_difference <= 1e-12
    alternatives = type(arrays).chances

    def slightly_other(self: ChoiceModel, X: Any, among: Any) -> Any:
        return alternatives(self, X, among) + 1e-9

    monkeypatch.setattr(ChoiceModel, "chances", slightly_other)
    with pytest.raises(ParityError, match="2000 of 2000 rows differ"):
        compile_choice_model(fitted, rows, seed=1, most_rows=2_000)


def test_the_trees_of_the_choice_model_have_a_gate_of_their_own(
    prepared: Prepared, settings: PlanRecConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = prepared.train.head(300)
    model = MonotoneBoosting(prepared.catalogue, settings.training.challenger, 6)
    fitted = CalibratedChoice(model.fit(rows, rows[CHOSEN_PLAN].to_numpy(dtype=object)))
    gates: list[int] = []
    gate = compiling.parity_gate

    def counted(*parts: Any, **named: Any) -> Any:
        report = gate(*parts, **named)
        gates.append(report.rows)
        return report

    monkeypatch.setattr(compiling, "parity_gate", counted)
    compile_choice_model(fitted, rows, seed=1, most_rows=2_000)
    assert gates == [2_000, 2_000]


def test_the_gate_tries_months_that_training_did_not_see_on_every_plan_held(
    prepared: Prepared, settings: PlanRecConfig
) -> None:
    columns = columns_of(prepared.train)
    card = prepared.catalogue
    model = ConditionalLogit(card, history_months=settings.features.history_months)
    rows = compiling._varied_choices(columns, model, np.random.default_rng(0), 4000)
    known = np.isin(rows[MONTH], columns[MONTH])
    assert 0.02 < 1 - known.mean() < 0.3
    assert set(card.plan_ids) < set(rows[CURRENT_PLAN][known].tolist())
