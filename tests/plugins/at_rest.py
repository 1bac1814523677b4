"""How long a promise of time may take on a machine that others use as well."""

import os

__all__ = ["patience"]


def patience() -> float:
    """Return how often the promised time may pass: once on a machine at rest.

    What waits for a core is counted, as the system does it over the last minute. A test
    that is marked ``alone`` adds no more to it than the machine has cores.
    """
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
