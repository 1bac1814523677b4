"""`spanframe.plot`: figures of traces and frames, resolved on first use."""

from typing import TYPE_CHECKING

from spanframe import _lazy

if TYPE_CHECKING:
    from spanframe_query.plot import errors, latency, waterfall

__all__ = ["errors", "latency", "waterfall"]

if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(__name__, __all__, _lazy.PLOTS)
