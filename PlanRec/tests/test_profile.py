"""The profile a bundle brings: what later months are compared with."""

from __future__ import annotations

from common_utils.bundle import Bundle
from common_utils.monitoring.profile_json import bundle_profile


def test_profile_describes_every_feature(bundle: Bundle) -> None:
    profile = bundle_profile(bundle)
    known = {"minutes", "messages", "megabytes", "age", "tenure_months", "contract_months_left"}
    assert set(profile.numbers) == known
    assert set(profile.categories) == {"current_plan"}
    assert profile.rows == profile.subjects > 100
    assert len(profile.months) == 1
    assert profile.score is not None
    assert 0 < profile.score.rows < profile.rows, "scores of subscribers that were learnt from are no reference"
