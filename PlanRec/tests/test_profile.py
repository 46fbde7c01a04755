"""The profile a bundle brings: what later months are compared with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from common_utils.bundle import Bundle
from common_utils.monitoring.profiles.counting import profile_like, reference_profile
from common_utils.monitoring.profiles.profile_json import bundle_profile
from planrec.batch.seen import seen_columns
from planrec.decisions import SubscriberRecord, UsageMonth, latest_rows
from planrec.decisions.watched import watched_columns


def test_profile_describes_every_feature(bundle: Bundle) -> None:
    profile = bundle_profile(bundle)
    known = {"minutes", "messages", "megabytes", "age", "tenure_months", "contract_months_left"}
    assert set(profile.numbers) == known
    assert set(profile.categories) == {"current_plan"}
    assert profile.rows == profile.subjects > 100
    assert len(profile.months) == 1
    assert profile.score is not None
    assert 0 < profile.score.rows < profile.rows, "scores of subscribers that were learnt from are no reference"


def test_service_and_files_count_the_same_columns() -> None:
    months = pd.DataFrame(
        {
            "subscriber_id": ["a", "a", "b"],
            "month": ["2025-01", "2025-02", "2025-02"],
            "minutes": [1.0, 2.0, 3.0],
            "messages": [4.0, 5.0, 6.0],
            "megabytes": [7.0, 8.0, 9.0],
            "current_plan": ["surf", "ultimate", None],
            "age": [30.0, 30.0, np.nan],
            "tenure_months": [0.0, 1.0, 2.0],
            "contract_months_left": [3.0, 2.0, np.nan],
        }
    )
    records = [
        SubscriberRecord([UsageMonth(24301, 2, 5, 8), UsageMonth(24300, 1, 4, 7)], "ultimate", 30.0, 1.0, 2.0),
        SubscriberRecord([UsageMonth(24301, 3, 6, 9)], None, None, 2.0, None),
    ]
    of_file, of_service = seen_columns(latest_rows(months, as_of=24301, history_months=3)), watched_columns(records)
    assert of_file.keys() == of_service.keys()
    reference = reference_profile(of_file)
    assert profile_like(reference, of_service) == profile_like(reference, of_file)
    for name in reference.numbers:
        np.testing.assert_array_equal(of_file[name], of_service[name])


def test_a_subscriber_without_a_month_is_counted_as_missing() -> None:
    columns = watched_columns([SubscriberRecord([])])
    assert np.isnan(columns["minutes"]).all()
    assert columns["current_plan"].tolist() == [None]
