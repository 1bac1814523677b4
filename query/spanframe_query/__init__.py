"""The query room: filters, searches, traces, DataFrames, the client."""

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
