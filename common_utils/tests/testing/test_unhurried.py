from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from common_utils.testing import unhurried


@pytest.fixture
def chosen() -> Iterator[None]:
    """A profile as the command line may name one; afterwards the profile of all other tests is what it was."""
    before = settings.get_profile(unhurried.PROFILE)
    checks = [HealthCheck.large_base_example]
    settings.register_profile("chosen", max_examples=7, deadline=100, suppress_health_check=checks)
    settings.load_profile("chosen")
    yield
    settings.register_profile(unhurried.PROFILE, before)
    settings.load_profile(unhurried.PROFILE)


def test_only_the_limits_of_time_are_lifted(chosen: None) -> None:
    unhurried.pytest_configure()
    assert settings.default.max_examples == 7
    assert settings.default.deadline is None
    assert set(settings.default.suppress_health_check) == {HealthCheck.large_base_example, HealthCheck.too_slow}


def test_these_tests_run_with_it() -> None:
    assert settings.get_current_profile_name() == unhurried.PROFILE
    assert settings.default.max_examples >= 100
