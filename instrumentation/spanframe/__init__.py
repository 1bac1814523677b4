"""spanframe: OpenTelemetry traces in, pandas DataFrames out.

Recording is here; searching is resolved on first use, so that an instrumented app loads
neither pandas nor SQLAlchemy nor gRPC with ``import spanframe``.
"""

from typing import TYPE_CHECKING, Final

from spanframe import _lazy, tracing
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
from spanframe._configure import configure, set_tracking_uri
from spanframe._runtime import flush, shutdown, stats
from spanframe._spans import start_span, start_span_no_context
from spanframe._threads import ThreadPoolExecutor
from spanframe._version import __version__
from spanframe.entities import SpanType
from spanframe.errors import SpanframeError

if TYPE_CHECKING:
    from spanframe_query import (
        count_traces,
        create_experiment,
        delete_trace_tag,
        fields,
        get_experiment_by_name,
        get_trace,
        iter_traces,
        search_sessions,
        search_traces,
        set_trace_tag,
    )
    from spanframe_query.client import MlflowClient, SpanframeClient

MlflowException = SpanframeError

__all__ = [
    "LiveSpan",
    "MlflowClient",
    "MlflowException",
    "SpanType",
    "SpanframeClient",
    "SpanframeError",
    "ThreadPoolExecutor",
    "__version__",
    "configure",
    "count_traces",
    "create_experiment",
    "delete_trace_tag",
    "fields",
    "flush",
    "get_active_trace_id",
    "get_current_active_span",
    "get_experiment_by_name",
    "get_last_active_trace_id",
    "get_trace",
    "iter_traces",
    "search_sessions",
    "search_traces",
    "set_active_model",
    "set_experiment",
    "set_trace_tag",
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

_SEARCHING: Final = {
    "MlflowClient": "spanframe_query.client",
    "SpanframeClient": "spanframe_query.client",
    **dict.fromkeys(
        (
            "count_traces",
            "create_experiment",
            "delete_trace_tag",
            "fields",
            "get_experiment_by_name",
            "get_trace",
            "iter_traces",
            "search_sessions",
            "search_traces",
            "set_trace_tag",
        ),
        "spanframe_query",
    ),
}

if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(__name__, __all__, _SEARCHING)
