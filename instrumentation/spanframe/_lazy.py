"""Public names that live in `spanframe_query`, resolved on first use (PEP 562).

The one upward import of the package: an app that only records never loads pandas or
SQLAlchemy, and one that searches writes ``spanframe.search_traces``.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final

from spanframe._mlflow_names import MissingNameError
from spanframe._modules import is_module
from spanframe.errors import MissingExtraError

__all__ = ["CLIENT", "ENTITIES", "FUNCTIONS", "LIVE", "PLOTS", "attributes", "query"]

FUNCTIONS: Final = {
    "add_trace": "spanframe_query.added_traces",
    "aggregate_traces": "spanframe_query.aggregates",
    "count_traces": "spanframe_query.search",
    "create_experiment": "spanframe_query.experiments",
    "delete_trace_tag": "spanframe_query.traces",
    "export_traces": "spanframe_query.archive.exporting",
    "fields": "spanframe_query.known_fields",
    "get_experiment": "spanframe_query.experiments",
    "get_experiment_by_name": "spanframe_query.experiments",
    "get_trace": "spanframe_query.traces",
    "import_traces": "spanframe_query.archive.importing",
    "iter_traces": "spanframe_query.search",
    "search_experiments": "spanframe_query.experiments",
    "search_spans": "spanframe_query.spans",
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
        "PagedList",
        "Session",
        "Span",
        "Trace",
        "TraceData",
        "TraceInfo",
        "TraceLocation",
        "TraceLocationType",
        "TraceState",
        "TraceStatus",
    ),
    "spanframe_query.entities",
)
"""The module of each class of `spanframe.entities` that a search returns."""

LIVE: Final = dict.fromkeys(("LiveSpan", "NoOpSpan"), "spanframe._live")
"""The module of each class of `spanframe.entities` that is made by recording."""


_QUERY: Final = "spanframe_query"
_LIBRARY: Final = "pandas"
"""A library that the extra ``query`` alone brings; not every name loads one at once."""


def query(name: str, module: str) -> Any:
    """Return ``name`` of a module, most often one of `spanframe_query`.

    Raises:
        MissingExtraError: when a library of the extra ``query`` is not installed.
    """
    if module.startswith(_QUERY) and find_spec(_LIBRARY) is None:
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

    A module of MLflow's below it is found like a name. A name of MLflow's that is not
    here says what it is in spanframe.

    Args:
        owner: the module's name.
        public: its ``__all__``.
        modules: the module of each name that is resolved on first use.
    """

    def getattribute(name: str) -> Any:
        if name in modules:
            value = query(name, modules[name])
            setattr(sys.modules[owner], name, value)
            return value
        theirs = owner.replace("spanframe", "mlflow")
        if not name.startswith("_") and is_module(f"{theirs}.{name}"):
            return importlib.import_module(f"{owner}.{name}")
        raise MissingNameError(f"module {owner!r}", theirs, name, public)

    def directory() -> list[str]:
        return sorted(public)

    return getattribute, directory
