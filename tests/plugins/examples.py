"""How much is tried: a part by default, everything in CI, new examples on request.

``HYPOTHESIS_PROFILE=ci`` tries the same examples each time, ``deep`` looks for new
ones. With both, `make test` also runs what is marked ``deep``, and `some` leaves
nothing out.
"""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

from hypothesis import HealthCheck, settings

__all__ = ["COSTLY", "IN_CI", "some"]

_Case = TypeVar("_Case")

_PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "default")

IN_CI: Final = _PROFILE == "ci"
"""Whether nothing that a test needs may be missing."""

# gRPC and SQL take now and then longer than any sensible deadline for one example.
settings.register_profile("default", max_examples=20, deadline=None)
settings.register_profile(
    "ci", max_examples=300, deadline=None, derandomize=True, print_blob=True
)
settings.register_profile("deep", max_examples=5000, deadline=None)
settings.load_profile(_PROFILE)

COSTLY: Final = settings(
    max_examples=max(8, settings().max_examples // 5),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""For an example that fills stores, or is large: a fifth as many."""


def some(cases: Sequence[_Case], one_in: int = 5) -> Sequence[_Case]:
    """Return one case in so many, always the same; all of them in CI.

    For a loop inside of a test over hundreds of cases of one kind, each of which costs
    milliseconds.
    """
    return cases[::one_in] if _PROFILE == "default" else cases
