"""The pipeline keeps the promises every model keeps, and answers a record alone as it does in a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common_utils.bundle import Bundle
from common_utils.scoring.joblib_scorer import JoblibScorer
from common_utils.testing.models import ALL_CHECKS, ModelCase
from planrec.config import PlanRecConfig
from planrec.cross_validation import build_pipeline
from planrec.decisions import columns_of
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.preparation import Prepared, prepare


@pytest.fixture(scope="module")
def prepared(settings: PlanRecConfig, project_folder: Path) -> Prepared:
    return prepare(settings, project_folder, lambda _: None)


@pytest.fixture(scope="module")
def case(settings: PlanRecConfig, prepared: Prepared) -> ModelCase:
    rows = prepared.train.iloc[:400].reset_index(drop=True)
    return ModelCase(
        make=lambda: build_pipeline(settings, prepared.catalogue),
        X=rows.drop(columns=CHOSEN_PLAN),
        y=rows[CHOSEN_PLAN].to_numpy(dtype=object),
        predict=lambda model, table: model.predict_proba(table),
    )


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)
def test_pipeline_keeps_the_promises_of_every_model(check: Callable[[ModelCase], None], case: ModelCase) -> None:
    check(case)


def test_a_record_gets_the_same_bits_alone_and_in_a_batch(bundle: Bundle, prepared: Prepared) -> None:
    scorer = JoblibScorer.open(bundle)
    columns = columns_of(prepared.test.iloc[:60])
    batch = scorer.score(columns)
    alone = np.vstack([scorer.score({name: column[i : i + 1] for name, column in columns.items()}) for i in range(60)])
    assert alone.tobytes() == batch.tobytes()


def test_probabilities_add_up_and_lie_between_0_and_1(bundle: Bundle, prepared: Prepared) -> None:
    scores = JoblibScorer.open(bundle).score(columns_of(prepared.test))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_plan_held_before_is_what_the_model_leans_on(bundle: Bundle, prepared: Prepared) -> None:
    # Inertia: the plan held gets more probability on average than in rows that say nothing of it.
    scorer = JoblibScorer.open(bundle)
    columns = columns_of(prepared.test)
    known = scorer.score(columns)
    unknown = scorer.score({**columns, "current_plan": np.full(len(prepared.test), None, dtype=object)})
    at = [scorer.classes.index(p) if p in scorer.classes else -1 for p in columns["current_plan"]]
    rows = [i for i, j in enumerate(at) if j >= 0]
    held = [at[i] for i in rows]
    assert known[rows, held].mean() > unknown[rows, held].mean() + 0.1
