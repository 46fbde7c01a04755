from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common_utils.compiled import ColumnEncoder, CompiledModel, InputColumn
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.nodes import ForestNode
from common_utils.errors import ArtifactError
from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.decisions.choice_sets import BOOSTING_FEATURES
from planrec.quick import RowChoice
from planrec.quick.plan_trees import PlanTrees
from planrec.rules import built_in_rules
from tests.app.cases import by_bill_alone


def forest(feature: str, threshold: float, link: str = "logit") -> CompiledModel:
    """One split on one feature: log-odds 1 to the left, -1 to the right; missing goes left."""
    names = tuple(name for name in BOOSTING_FEATURES if name != "perks")
    splits = [(0, names.index(feature), threshold, 1, True)]
    one = MaskForest.of(n_features=len(names), n_outputs=1, splits=splits, leaves=[[[1.0], [-1.0]]])
    outputs = ("left", "taken") if link == "logit" else ("taken",)
    encoder = ColumnEncoder([InputColumn(name) for name in names])
    return CompiledModel(ForestNode(one, link), outputs, names, encoder)  # type: ignore[arg-type]


@pytest.mark.parametrize("feature", [name for name in BOOSTING_FEATURES if name != "perks"])
@pytest.mark.parametrize("held", [None, "basic-6", "unlimited"])
def test_every_feature_is_read_as_the_table_reads_it(catalogue: Catalogue, feature: str, held: str | None) -> None:
    from planrec.bundle import NextChoice

    usage = [UsageMonth(24_309 - k, 300.0 + 40 * k, 7.0, 9000.0) for k in range(4)]
    for threshold in (-3.0, 0.0, 0.5, 3.0, 30.0):
        model = replace(by_bill_alone(catalogue), trees=forest(feature, threshold))
        for age, tenure in ((None, None), (29.0, 31.0)):
            record = SubscriberRecord(usage, held, age, tenure)
            expected = NextChoice(model, built_in_rules()).of_records([record], [24_309])
            found = RowChoice(model, built_in_rules())(record, 24_309)
            assert found is not None
            assert found[0] == expected.p_take[0].tolist()


def test_a_forest_that_gives_no_two_classes_is_refused(catalogue: Catalogue) -> None:
    template = np.zeros((len(catalogue.plans), len(ALTERNATIVE_FEATURES)))
    with pytest.raises(ArtifactError, match="not a forest that tells two classes apart"):
        PlanTrees(forest("age", 30.0, "sigmoid"), catalogue, [template] * (len(catalogue.plans) + 1))
