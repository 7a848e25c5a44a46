"""What every test shares: property tests are the same everywhere, and never flaky for want of time."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# derandomized: the same examples on every machine, so that a red test is red for everyone
settings.register_profile(
    "default", deadline=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("default"), derandomize=False, max_examples=2000)
settings.load_profile("default")
