"""How many examples Hypothesis tries: few by default, more in CI, many on request.

``HYPOTHESIS_PROFILE=ci`` tries the same ones each time, ``deep`` looks for new ones.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings

__all__ = ["COSTLY", "IN_CI"]

_PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "default")

IN_CI: Final = _PROFILE == "ci"
"""There nothing that a test needs may be missing."""

# gRPC and SQL take now and then longer than any sensible deadline for one example.
settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile(
    "ci", max_examples=300, deadline=None, derandomize=True, print_blob=True
)
settings.register_profile("deep", max_examples=5000, deadline=None)
settings.load_profile(_PROFILE)

COSTLY: Final = settings(
    max_examples=max(20, settings().max_examples // 5),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""For an example that fills stores, or is large: a fifth as many."""
