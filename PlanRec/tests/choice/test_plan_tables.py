"""Tables of plans add up to the bits of the trees they were made of; what cannot be tabled is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from common_utils.compiled import CompiledScorer
from common_utils.compiled.export.parity import varied_matrix
from common_utils.errors import ArtifactError
from planrec.billing import Catalogue
from planrec.choice.boosting import MonotoneBoosting
from planrec.choice.compiling import compiled_trees
from planrec.config import ChallengerConfig
from planrec.decisions.choice_sets import BOOSTING_FEATURES, NUMBER_FEATURES, tree_numbers, tree_rows
from planrec.decisions.plan_tables import PlanTables
from tests.choice.forests import compiled, forest
from tests.choice.test_boosting import choices, rows_of


@pytest.fixture(scope="module")
def fitted(catalogue: Catalogue) -> MonotoneBoosting:
    rows = rows_of(0, 1500)
    sizes = ChallengerConfig(max_iter=40, min_samples_leaf=15)
    return MonotoneBoosting(catalogue, sizes, history_months=2).fit(rows, choices(rows, 1))


def asked() -> pd.DataFrame:
    rows = rows_of(3, 400)
    rows.loc[::7, "age"] = np.nan
    rows.loc[::5, "current_plan"] = None
    return rows


def test_tables_add_up_to_the_bits_of_the_trees(fitted: MonotoneBoosting, catalogue: Catalogue) -> None:
    trees, rows = compiled_trees(fitted), asked()
    tables, alternatives = PlanTables(trees, catalogue), fitted.alternatives(rows)
    utility = fitted.logit_.utilities(alternatives)
    found = tables.log_odds(tree_numbers(rows, alternatives, utility=utility), alternatives.current)
    matrix = tree_rows(rows, alternatives, catalogue, utility=utility)[:, fitted.known_]
    expected = CompiledScorer(trees).score_matrix(matrix)[:, 0]
    assert found[alternatives.available].tolist() == expected.tolist()
    np.testing.assert_allclose(expected, fitted.forest_.decision_function(matrix), rtol=0, atol=1e-12)
    assert len(np.unique(expected)) > 300


def test_tables_add_up_to_the_trees_at_and_beside_their_split_points(
    fitted: MonotoneBoosting, catalogue: Catalogue
) -> None:
    trees = compiled_trees(fitted)
    tables, rng, n = PlanTables(trees, catalogue), np.random.default_rng(4), 300
    alternatives = fitted.alternatives(rows_of(4, n))
    utility = fitted.logit_.utilities(alternatives)
    base = tree_rows(rows_of(4, n), alternatives, catalogue, utility=utility)
    varied = np.full((n, len(BOOSTING_FEATURES)), np.nan)
    varied[:, fitted.known_] = varied_matrix(trees, rng, n, base=base[:, fitted.known_])
    numbers = [varied[:, BOOSTING_FEATURES.index(name)] for name in NUMBER_FEATURES]
    # Every plan of a row gets the row's numbers; what plan and plan held decide stays its own.
    wide = [np.repeat(part[:, None], len(catalogue.plans), axis=1) for part in numbers]
    found = tables.log_odds(wide, alternatives.current)
    alternatives.available[:] = True
    matrix = tree_rows(rows_of(4, n), alternatives, catalogue, utility=utility)
    for name, part in zip(NUMBER_FEATURES, numbers, strict=True):
        matrix[:, BOOSTING_FEATURES.index(name)] = np.repeat(part, len(catalogue.plans))
    expected = CompiledScorer(trees).score_matrix(matrix[:, fitted.known_])[:, 0]
    assert found.ravel().tolist() == expected.tolist()


def test_tables_that_were_dropped_are_made_again(fitted: MonotoneBoosting, catalogue: Catalogue) -> None:
    tables = PlanTables(compiled_trees(fitted), catalogue)
    first = tables.sums(3).tolist()
    tables.sums.cache_clear()
    assert tables.sums(3).tolist() == first


@pytest.mark.parametrize(
    ("trees", "message"),
    [
        pytest.param(forest("age", 30.0, "logit"), "not a forest that adds up exactly", id="link"),
        pytest.param(compiled([("age", 30.0, 1)], [1e6, 0.1]), "not a forest that adds up exactly", id="order"),
        pytest.param(
            compiled([("age", 30.0, 0b011), ("expected_bill", 5.0, 0b001)], [1.0, 2.0, 3.0]),
            "a tree looks at two numbers",
            id="two-numbers",
        ),
        pytest.param(
            replace(forest("age", 30.0), feature_names=("colour", *forest("age", 30.0).feature_names[1:])),
            "ask for other features",
            id="features",
        ),
    ],
)
def test_trees_that_cannot_be_tabled_are_refused(catalogue: Catalogue, trees, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArtifactError, match=message):
        PlanTables(trees, catalogue)
