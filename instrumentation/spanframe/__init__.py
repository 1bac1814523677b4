"""spanframe: OpenTelemetry traces in, pandas DataFrames out.

Names that record are imported here; names that search are resolved on first use, so
that ``import spanframe`` does not load pandas, SQLAlchemy or gRPC.
"""

from typing import TYPE_CHECKING

from spanframe import _sdk_limits  # noqa: F401 - before OpenTelemetry's SDK is imported

# isort: split
from spanframe import _lazy, plot, tracing
from spanframe._configure import configure, set_tracking_uri
from spanframe._current import (
    get_active_trace_id,
    get_current_active_span,
    get_last_active_trace_id,
    update_current_span,
    update_current_trace,
)
from spanframe._decorator import trace
from spanframe._experiment import set_active_model, set_experiment
from spanframe._live import LiveSpan
from spanframe._runtime import flush, shutdown, stats
from spanframe._spans import start_span, start_span_no_context
from spanframe._threads import ThreadPoolExecutor
from spanframe._version import __version__
from spanframe.entities import SpanType
from spanframe.errors import SpanframeError

if TYPE_CHECKING:
    from spanframe_query import *  # noqa: F403 - what `FUNCTIONS` lists
    from spanframe_query.client import MlflowClient as MlflowClient
    from spanframe_query.client import SpanframeClient as SpanframeClient

MlflowException = SpanframeError

__all__ = [
    "LiveSpan",
    "MlflowException",
    "SpanType",
    "SpanframeError",
    "ThreadPoolExecutor",
    "__version__",
    "configure",
    "flush",
    "get_active_trace_id",
    "get_current_active_span",
    "get_last_active_trace_id",
    "plot",
    "set_active_model",
    "set_experiment",
    "set_tracking_uri",
    "shutdown",
    "start_span",
    "start_span_no_context",
    "stats",
    "trace",
    "tracing",
    "update_current_span",
    "update_current_trace",
]
__all__ += list(_lazy.CLIENT | _lazy.FUNCTIONS)

if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(
        __name__, __all__, _lazy.FUNCTIONS | _lazy.CLIENT
    )
