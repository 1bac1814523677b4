"""Sessions: the traces of one conversation each."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from spanframe import keys
from spanframe_query import reader
from spanframe_query.arguments import checked_search, limit_of
from spanframe_query.entities import Session, Trace
from spanframe_query.filter import Comparator, Condition, Field, FieldKind
from spanframe_query.scope import experiment_ids_of, store_url
from spanframe_store.contract.search import Search
from spanframe_store.contract.store import Reader

__all__ = ["search_sessions"]

_SESSION: Final = Field(FieldKind.METADATA, keys.META_SESSION)
_PAGE_TRACES: Final = 1000
"""Traces read at once while looking for sessions."""


def search_sessions(
    max_results: int = 100,
    run_id: str | None = None,
    model_id: str | None = None,
    include_spans: bool = True,
    locations: Sequence[str | int] | None = None,
) -> list[Session]:
    """Return the sessions that were active last, the most recent first.

    Args:
        max_results: the maximum number of sessions; None for all.
        run_id: only traces of this run.
        model_id: only traces of this model.
        include_spans: False reads no spans.
        locations: experiment ids; as in `search_traces` when left out.

    Returns:
        The sessions, each a sequence of its traces, oldest first.

    Raises:
        InvalidArgumentError: when an argument cannot be used.
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> sessions = spanframe.search_sessions(max_results=5, include_spans=False)
        >>> lengths = {session.id: len(session) for session in sessions}
    """
    store, search = checked_search(
        store_url(),
        None,
        experiment_ids=experiment_ids_of(None, locations) or None,
        model_id=model_id,
        run_id=run_id,
    )
    limit = limit_of(max_results)
    names = _newest_sessions(store, search, limit)
    if not names:
        return []
    found = _with(search, Comparator.IN, tuple(names))
    traces = reader.read(store, found, include_spans=include_spans)
    return _grouped(names, traces)


def _newest_sessions(store: Reader, search: Search, limit: int | None) -> list[str]:
    """Return session ids in the order of their newest traces."""
    names: dict[str, None] = {}
    pages = reader.read_pages(
        store,
        _with(search, Comparator.IS_NOT_NULL, None),
        include_spans=False,
        size=_PAGE_TRACES,
    )
    if limit == 0:
        return []
    for page in pages:
        for trace in page.traces:
            names.setdefault(trace.info.session_id or "")
            if len(names) == limit:
                return list(names)
    return list(names)


def _with(
    search: Search, comparator: Comparator, value: tuple[str, ...] | None
) -> Search:
    condition = Condition(_SESSION, comparator, value)
    return replace(search, filter=search.filter.and_(condition))


def _grouped(names: Sequence[str], newest_first: Iterable[Trace]) -> list[Session]:
    by_name: dict[str, list[Trace]] = {name: [] for name in names}
    for trace in newest_first:
        by_name[trace.info.session_id or ""].append(trace)
    return [Session(name, traces[::-1]) for name, traces in by_name.items()]
