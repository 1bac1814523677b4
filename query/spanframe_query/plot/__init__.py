"""Plots with matplotlib: a trace as a waterfall, latencies and errors of a DataFrame.

Each function returns a figure of matplotlib, which a notebook shows; ``savefig`` writes
it. matplotlib's state (``pyplot``) is neither read nor changed.
"""

from spanframe_query.plot.frames import errors, latency
from spanframe_query.plot.spans import waterfall

__all__ = ["errors", "latency", "waterfall"]
