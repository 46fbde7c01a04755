"""Trees over the plans of one choice answer as for a table of one, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planrec.billing import Catalogue
from planrec.bundle import NextChoice
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.quick import RowChoice
from planrec.rules import built_in_rules
from tests.app.cases import by_bill_alone
from tests.choice.forests import NAMES, compiled, forest


@pytest.mark.parametrize("feature", NAMES)
@pytest.mark.parametrize("held", [None, "basic-6", "unlimited"])
def test_every_feature_is_read_as_the_table_reads_it(catalogue: Catalogue, feature: str, held: str | None) -> None:
    usage = [UsageMonth(24_309 - k, 300.0 + 40 * k, 7.0, 9000.0) for k in range(4)]
    for threshold in (-3.0, 0.0, 0.5, 3.0, 30.0):
        model = replace(by_bill_alone(catalogue), trees=forest(feature, threshold))
        for age, tenure in ((None, None), (29.0, 31.0)):
            record = SubscriberRecord(usage, held, age, tenure)
            expected = NextChoice(model, built_in_rules()).of_records([record], [24_309])
            found = RowChoice(model, built_in_rules())(record, 24_309)
            assert found is not None
            assert found[0] == expected.p_take[0].tolist()


def test_either_side_of_what_a_plan_decides_may_look_at_its_own_number(catalogue: Catalogue) -> None:
    # Held: by tenure; any other plan: by age.
    splits = [("age", 30.0, 0b0001), ("is_current", 0.5, 0b0011), ("tenure_months", 12.0, 0b0100)]
    model = replace(by_bill_alone(catalogue), trees=compiled(splits, [0.5, 1.5, -0.25, 2.0]))
    usage = [UsageMonth(24_309, 300.0, 7.0, 9000.0)]
    for age, tenure in ((20.0, 6.0), (40.0, 6.0), (20.0, 24.0), (None, None)):
        record = SubscriberRecord(usage, "basic-6", age, tenure)
        expected = NextChoice(model, built_in_rules()).of_records([record], [24_309])
        found = RowChoice(model, built_in_rules())(record, 24_309)
        assert found is not None
        assert found[0] == expected.p_take[0].tolist()
        own, others = np.log(found[0][catalogue.index("basic-6")]), np.log(found[0][catalogue.index("smart-12")])
        by_tenure, by_age = 2.0 if tenure == 24.0 else -0.25, 1.5 if age == 40.0 else 0.5
        assert own - others == pytest.approx(np.logaddexp(0, -by_age) - np.logaddexp(0, -by_tenure))
