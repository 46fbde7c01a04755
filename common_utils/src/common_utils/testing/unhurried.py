"""A pytest plugin: Hypothesis fails no test for being slow, because other workers use the machine at the same time.

    pytest_plugins = ["common_utils.testing.unhurried"]

By default Hypothesis fails a test when one example takes more than 200 ms, or when drawing the first examples takes
seconds. On a busy machine both happen to sound tests. What a test wants to say about time it measures itself.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

__all__ = ["pytest_configure"]

PROFILE = "unhurried"


def pytest_configure() -> None:
    """Load Hypothesis's profile at hand once more, without its two limits of time.

    Examples
    --------
    >>> settings.default.deadline is None, HealthCheck.too_slow in settings.default.suppress_health_check
    (True, True)
    """
    hand = settings.get_profile(settings.get_current_profile_name())
    unhurried = {*hand.suppress_health_check, HealthCheck.too_slow}
    settings.register_profile(PROFILE, hand, deadline=None, suppress_health_check=sorted(unhurried, key=str))
    settings.load_profile(PROFILE)
