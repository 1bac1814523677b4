"""spanframe: OpenTelemetry traces in, pandas DataFrames out.

Names that record are imported here; names that search are resolved on first use, so
that ``import spanframe`` does not load pandas, SQLAlchemy or gRPC.
"""

from typing import TYPE_CHECKING

from spanframe import _sdk_limits  # noqa: F401 - before OpenTelemetry's SDK is imported

# isort: split
from spanframe import _instrument, _lazy, _modules, plot, tracing
from spanframe._configure import (
    configure,
    get_tracking_uri,
    is_tracking_uri_set,
    set_tracking_uri,
)
from spanframe._current import (
    get_active_trace_id,
    get_current_active_span,
    get_last_active_trace_id,
    update_current_span,
    update_current_trace,
)
from spanframe._decorator import trace
from spanframe._experiment import (
    ActiveModel,
    clear_active_model,
    get_active_model_id,
    set_active_model,
    set_experiment,
)
from spanframe._instrument import autolog, instrument, instrument_all
from spanframe._live import LiveSpan
from spanframe._runtime import flush, flush_trace_async_logging, shutdown, stats
from spanframe._spans import log_trace, start_span, start_span_no_context
from spanframe._threads import ThreadPoolExecutor
from spanframe._version import __version__
from spanframe.entities import SpanType
from spanframe.errors import MlflowException, SpanframeError
from spanframe.tracing import context

if TYPE_CHECKING:
    from spanframe_query import *  # noqa: F403 - what `FUNCTIONS` lists
    from spanframe_query.client import MlflowClient as MlflowClient
    from spanframe_query.client import SpanframeClient as SpanframeClient

    ag2: _instrument.Library
    agno: _instrument.Library
    anthropic: _instrument.Library
    autogen: _instrument.Library
    bedrock: _instrument.Library
    crewai: _instrument.Library
    dspy: _instrument.Library
    gemini: _instrument.Library
    groq: _instrument.Library
    haystack: _instrument.Library
    langchain: _instrument.Library
    litellm: _instrument.Library
    llama_index: _instrument.Library
    mistral: _instrument.Library
    openai: _instrument.Library
    pydantic_ai: _instrument.Library
    semantic_kernel: _instrument.Library
    smolagents: _instrument.Library
    strands: _instrument.Library

__all__ = [
    "ActiveModel",
    "LiveSpan",
    "MlflowException",
    "SpanType",
    "SpanframeError",
    "ThreadPoolExecutor",
    "__version__",
    "autolog",
    "clear_active_model",
    "configure",
    "context",
    "flush",
    "flush_trace_async_logging",
    "get_active_model_id",
    "get_active_trace_id",
    "get_current_active_span",
    "get_last_active_trace_id",
    "get_tracking_uri",
    "instrument",
    "instrument_all",
    "is_tracking_uri_set",
    "log_trace",
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

_modules.install()

if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(
        __name__, __all__, _lazy.FUNCTIONS | _lazy.CLIENT
    )
