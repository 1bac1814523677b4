"""Public names that live in `spanframe_query`, resolved on first use (PEP 562).

The one upward import of the package: an app that only records never loads pandas or
SQLAlchemy, and one that searches writes ``spanframe.search_traces``.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final

from spanframe.errors import MissingExtraError

__all__ = ["CLIENT", "ENTITIES", "FUNCTIONS", "PLOTS", "attributes", "query"]

FUNCTIONS: Final = {
    "aggregate_traces": "spanframe_query.aggregates",
    "count_traces": "spanframe_query.search",
    "create_experiment": "spanframe_query.experiments",
    "delete_trace_tag": "spanframe_query.traces",
    "export_traces": "spanframe_query.archive.exporting",
    "fields": "spanframe_query.known_fields",
    "get_experiment_by_name": "spanframe_query.experiments",
    "get_trace": "spanframe_query.traces",
    "import_traces": "spanframe_query.archive.importing",
    "iter_traces": "spanframe_query.search",
    "search_sessions": "spanframe_query.sessions",
    "search_traces": "spanframe_query.search",
    "set_trace_tag": "spanframe_query.traces",
}
"""The module of each function of `spanframe` and of `spanframe_query`."""

CLIENT: Final = dict.fromkeys(
    ("MlflowClient", "SpanframeClient"), "spanframe_query.client"
)
"""The module of each class of `spanframe.client`."""

PLOTS: Final = dict.fromkeys(("errors", "latency", "waterfall"), "spanframe_query.plot")
"""The module of each function of `spanframe.plot`."""

ENTITIES: Final = dict.fromkeys(
    (
        "Experiment",
        "MlflowExperimentLocation",
        "PagedList",
        "Session",
        "Span",
        "Trace",
        "TraceData",
        "TraceInfo",
        "TraceLocation",
        "TraceState",
        "TraceStatus",
    ),
    "spanframe_query.entities",
)
"""The module of each class of `spanframe.entities` that a search returns."""


_LIBRARY: Final = "pandas"
"""A library that the extra ``query`` alone brings; not every name loads one at once."""


def query(name: str, module: str) -> Any:
    """Return ``name`` of a module of `spanframe_query`.

    Raises:
        MissingExtraError: when a library of the extra ``query`` is not installed.
    """
    if find_spec(_LIBRARY) is None:
        raise MissingExtraError(name, "query")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("spanframe"):
            raise
        raise MissingExtraError(name, "query") from error


def attributes(
    owner: str, public: Sequence[str], modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and ``__dir__`` of a module.

    Args:
        owner: the module's name.
        public: its ``__all__``.
        modules: the module of each name that is resolved on first use.
    """

    def getattribute(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {owner!r} has no attribute {name!r}")
        value = query(name, modules[name])
        setattr(sys.modules[owner], name, value)
        return value

    def directory() -> list[str]:
        return sorted(public)

    return getattribute, directory
