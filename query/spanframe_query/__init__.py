"""The query room: filters, searches, traces, DataFrames, the client.

Names are resolved on first use: who only reads traces, as the command line and the
client do, does not wait for pandas.
"""

from typing import TYPE_CHECKING, Final

from spanframe import _lazy

if TYPE_CHECKING:
    from spanframe_query.experiments import create_experiment, get_experiment_by_name
    from spanframe_query.known_fields import fields
    from spanframe_query.search import count_traces, iter_traces, search_traces
    from spanframe_query.sessions import search_sessions
    from spanframe_query.traces import delete_trace_tag, get_trace, set_trace_tag

__all__ = [
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
]

_MODULES: Final = {
    "count_traces": "spanframe_query.search",
    "create_experiment": "spanframe_query.experiments",
    "delete_trace_tag": "spanframe_query.traces",
    "fields": "spanframe_query.known_fields",
    "get_experiment_by_name": "spanframe_query.experiments",
    "get_trace": "spanframe_query.traces",
    "iter_traces": "spanframe_query.search",
    "search_sessions": "spanframe_query.sessions",
    "search_traces": "spanframe_query.search",
    "set_trace_tag": "spanframe_query.traces",
}

if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(__name__, __all__, _MODULES)
