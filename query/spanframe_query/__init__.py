"""Searches, traces, DataFrames, the client, the command line.

Names are resolved on first use: a program that only reads traces, as the command line
and the client do, does not wait for pandas.
"""

from typing import TYPE_CHECKING

from spanframe import _lazy

if TYPE_CHECKING:
    from spanframe_query.added_traces import add_trace as add_trace
    from spanframe_query.aggregates import aggregate_traces as aggregate_traces
    from spanframe_query.archive.exporting import export_traces as export_traces
    from spanframe_query.archive.importing import import_traces as import_traces
    from spanframe_query.experiments import create_experiment as create_experiment
    from spanframe_query.experiments import get_experiment as get_experiment
    from spanframe_query.experiments import (
        get_experiment_by_name as get_experiment_by_name,
    )
    from spanframe_query.experiments import search_experiments as search_experiments
    from spanframe_query.known_fields import fields as fields
    from spanframe_query.search import count_traces as count_traces
    from spanframe_query.search import iter_traces as iter_traces
    from spanframe_query.search import search_traces as search_traces
    from spanframe_query.sessions import search_sessions as search_sessions
    from spanframe_query.spans import search_spans as search_spans
    from spanframe_query.traces import delete_trace_tag as delete_trace_tag
    from spanframe_query.traces import get_trace as get_trace
    from spanframe_query.traces import set_trace_tag as set_trace_tag

if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __all__ = list(_lazy.FUNCTIONS)
    __getattr__, __dir__ = _lazy.attributes(__name__, __all__, _lazy.FUNCTIONS)
