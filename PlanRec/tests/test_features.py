from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from common_utils.errors import ConfigError, DataError
from planrec.billing import Catalogue
from planrec.decisions import decision_table
from planrec.decisions.formulas import feature_names
from planrec.features import DecisionFeatures


def test_transformer_names_every_column_and_passes_extra_columns(trio: pd.DataFrame, megaline: Catalogue) -> None:
    table = decision_table(trio, history_months=2)
    features = DecisionFeatures(megaline, history_months=2, extra_columns=("age",)).fit(table)
    matrix = features.transform(table)
    names = features.get_feature_names_out().tolist()
    assert matrix.shape == (3, len(names))
    known = [
        n for n in feature_names(megaline, with_current_plan=True) if n not in ("tenure_months", "contract_months_left")
    ]
    assert names == [*known, "age"]
    assert matrix[:, -1].tolist() == [30.0, 30.0, 70.0]


def test_transformer_leaves_out_what_no_row_fitted_on_knows(trio: pd.DataFrame, megaline: Catalogue) -> None:
    table = decision_table(trio, history_months=2)
    without = DecisionFeatures(megaline, history_months=2).fit(table)
    partly = table.assign(tenure_months=[np.nan, 7.0, np.nan])
    assert "tenure_months" not in without.feature_names_out_
    assert without.transform(partly).shape == (3, len(without.feature_names_out_))
    with_tenure = DecisionFeatures(megaline, history_months=2).fit(partly)
    assert with_tenure.feature_names_out_[-1] == "tenure_months"
    assert with_tenure.transform(table)[:, -1].tolist() == pytest.approx([np.nan] * 3, nan_ok=True)


def test_transformer_refuses_text_as_a_feature_without_repeating_it(trio: pd.DataFrame, megaline: Catalogue) -> None:
    table = decision_table(trio.assign(region="north"), history_months=2)
    with pytest.raises(DataError, match=r"column 'region' holds text.*`extra_columns`") as caught:
        DecisionFeatures(megaline, history_months=2, extra_columns=("region",)).fit(table)
    assert "north" not in str(caught.value)


def test_transformer_gives_the_same_for_a_table_and_for_plain_arrays(trio: pd.DataFrame, megaline: Catalogue) -> None:
    table = decision_table(trio, history_months=2)
    features = DecisionFeatures(megaline, history_months=2).fit(table)
    arrays = {str(name): table[name].to_numpy() for name in table.columns}
    np.testing.assert_array_equal(features.transform(table), features.transform(arrays))


def test_transformer_without_the_current_plan_does_not_see_it(trio: pd.DataFrame, megaline: Catalogue) -> None:
    table = decision_table(trio, history_months=2)
    features = DecisionFeatures(megaline, history_months=2, with_current_plan=False).fit(table)
    other = table.assign(current_plan="ultimate")
    np.testing.assert_array_equal(features.transform(table), features.transform(other))
    assert not any("current" in name for name in features.feature_names_out_)


def test_transformer_can_be_cloned_and_leaves_its_input_alone(trio: pd.DataFrame, megaline: Catalogue) -> None:
    table = decision_table(trio, history_months=2)
    copy = table.copy()
    clone(DecisionFeatures(megaline, history_months=2)).fit_transform(table)
    pd.testing.assert_frame_equal(table, copy)


def test_transformer_refuses_missing_columns_and_bad_parameters(trio: pd.DataFrame, megaline: Catalogue) -> None:
    table = decision_table(trio, history_months=2)
    with pytest.raises(DataError, match=r"missing column\(s\) \['minutes_3', 'messages_3', 'megabytes_3'\]"):
        DecisionFeatures(megaline, history_months=3).fit(table)
    with pytest.raises(DataError, match="current_plan"):
        DecisionFeatures(megaline, history_months=2).fit(table.drop(columns="current_plan"))
    with pytest.raises(ConfigError, match="history_months is 0"):
        DecisionFeatures(megaline, history_months=0).fit(table)
