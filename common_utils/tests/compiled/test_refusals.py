"""What cannot be compiled is refused by name, with what to change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from tests.compiled.cases import assert_same, classes, hgb, ordinal, people

from common_utils.compiled.export.columns import column_encoder
from common_utils.compiled.export.pipeline import compile_pipeline
from common_utils.errors import CompileError


def refused(model: Any, k: int = 2) -> Any:
    frame = people(missing=False)
    return model.fit(frame, classes(frame, k) if k else frame["age"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: refused(ordinal(RandomForestClassifier(3))), "RandomForestClassifier cannot", id="kind"),
        pytest.param(
            lambda: refused(ordinal(make_pipeline(MinMaxScaler(), LogisticRegression()))),
            "step 'minmaxscaler': MinMaxScaler cannot be compiled there",
            id="step",
        ),
        pytest.param(
            lambda: refused(ordinal(VotingClassifier([("a", hgb())], voting="hard"))), "use voting='soft'", id="hard"
        ),
        pytest.param(
            lambda: refused(ordinal(hgb(), min_frequency=2)), "OrdinalEncoder with min_frequency", id="rare-ordinal"
        ),
        pytest.param(
            lambda: refused(
                make_pipeline(
                    ColumnTransformer([("c", OneHotEncoder(drop="first", sparse_output=False), ["city"])]), hgb()
                )
            ),
            "OneHotEncoder with drop",
            id="onehot-drop",
        ),
        pytest.param(
            lambda: refused(make_pipeline(ColumnTransformer([("c", StandardScaler(), ["age"])]), hgb())),
            "ColumnTransformer, 'c': StandardScaler cannot be compiled",
            id="column-step",
        ),
        pytest.param(
            lambda: refused(
                ordinal(
                    TransformedTargetRegressor(
                        HistGradientBoostingRegressor(loss="poisson", max_iter=2), func=np.log, inverse_func=np.exp
                    )
                ),
                0,
            ),
            "without a link of its own",
            id="target-link",
        ),
        pytest.param(
            lambda: refused(ordinal(TransformedTargetRegressor(Ridge(), func=np.sqrt, inverse_func=np.square)), 0),
            "TransformedTargetRegressor: only",
            id="target",
        ),
        pytest.param(lambda: hgb().fit(np.zeros((40, 1)), np.arange(40) % 2), "columns without names", id="names"),
        pytest.param(
            lambda: make_pipeline(ColumnTransformer([("c", "passthrough", [0])]), hgb()).fit(
                np.zeros((40, 1)), np.arange(40) % 2
            ),
            "ColumnTransformer, 'c': columns without names",
            id="column-names",
        ),
    ],
)
def test_what_cannot_be_compiled_is_named_with_what_to_change(make: Any, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        compile_pipeline(make())


def test_none_and_nan_as_two_categories_are_refused() -> None:
    frame = pd.DataFrame({"x": pd.Series(["a", None, np.nan, "a"], dtype=object)})
    transformer = ColumnTransformer([("x", OrdinalEncoder(), ["x"])]).fit(frame)
    with pytest.raises(CompileError, match="None and NaN are both categories"):
        column_encoder(transformer)


def test_a_loss_that_is_not_known_is_refused() -> None:
    model = HistGradientBoostingRegressor(max_iter=2).fit(people()[["age"]], people()["age"])
    model.loss = "cubic"
    with pytest.raises(CompileError, match="loss='cubic' cannot be compiled"):
        compile_pipeline(model)


class WithMargin(VotingClassifier):
    """A mean that claims a margin."""

    def decision_function(self, X: Any) -> Any:
        return self.predict_proba(X)[:, 1] * 2 - 1


WithMargin.__name__ = "VotingClassifier"


def test_a_margin_that_is_no_sum_is_refused() -> None:
    frame = people(400)[["age", "balance"]]
    inner = WithMargin([("a", hgb()), ("b", hgb())], voting="soft")
    with pytest.raises(CompileError, match="MeanNode has no link to change; calibrate or transform each member"):
        compile_pipeline(CalibratedClassifierCV(inner, cv=2).fit(frame, classes(people(400), 2)))


def test_a_fold_that_missed_a_class_is_refused() -> None:
    frame = people(400)[["age", "balance"]]
    model = CalibratedClassifierCV(hgb(), cv=2).fit(frame, classes(people(400), 3))
    model.calibrated_classifiers_[0].classes = np.array([0, 1, 2, 3])
    with pytest.raises(CompileError, match="a fold did not see every class"):
        compile_pipeline(model)


def test_an_imputer_that_never_saw_a_value_is_refused() -> None:
    frame = people().assign(balance=np.nan)[["age", "balance"]]
    with pytest.warns(UserWarning, match="Skipping features without any observed values"):
        model = make_pipeline(SimpleImputer(), hgb()).fit(frame, classes(people(), 2))
    with pytest.raises(CompileError, match="never there in training"):
        compile_pipeline(model)


def test_a_dropped_column_and_odd_categories() -> None:
    frame = people().assign(when=pd.Timestamp("2025-01-01"))
    encoders = ColumnTransformer([("age", "passthrough", ["age"]), ("off", "drop", ["city"])])
    assert_same(make_pipeline(encoders, hgb()).fit(frame, classes(frame, 2)), frame)
    dated = ColumnTransformer([("when", OrdinalEncoder(), ["when"])]).fit(frame)
    dated.transformers_[0][1].categories_ = [np.array([object()], dtype=object)]
    with pytest.raises(CompileError, match="categories must be text, numbers or booleans"):
        column_encoder(dated)
