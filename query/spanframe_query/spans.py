"""Searches for spans: one row a span."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, get_args, overload

import pandas as pd

import spanframe
from spanframe.errors import InvalidArgumentError
from spanframe_query import reader
from spanframe_query.arguments import checked_search, limit_of
from spanframe_query.arrow import polars_frame
from spanframe_query.arrow_types import pyarrow
from spanframe_query.gc_pause import gc_paused
from spanframe_query.scope import experiment_ids_of, store_url
from spanframe_query.span_table import span_frame, span_rows, span_table
from spanframe_store.contract.results import SpanColumns

__all__ = ["search_spans"]

SpanReturnType = Literal["pandas", "arrow", "polars", "iterator"]
Ids = Sequence[str | int]

_PAGE_SPANS: Final = 20_000
"""Spans that are read at a time."""


@overload
def search_spans(
    filter_string: str | None = ...,
    max_results: int | None = ...,
    *,
    order_by: str | Sequence[str] | None = ...,
    attributes: Sequence[str] = ...,
    return_type: Literal["pandas"] | None = ...,
    experiment_ids: Ids | None = ...,
    locations: Ids | None = ...,
    sql_warehouse_id: str | None = ...,
    flush: bool = ...,
) -> pd.DataFrame: ...
@overload
def search_spans(
    filter_string: str | None = ...,
    max_results: int | None = ...,
    *,
    order_by: str | Sequence[str] | None = ...,
    attributes: Sequence[str] = ...,
    return_type: Literal["iterator"],
    experiment_ids: Ids | None = ...,
    locations: Ids | None = ...,
    sql_warehouse_id: str | None = ...,
    flush: bool = ...,
) -> Iterator[dict[str, Any]]: ...
@overload
def search_spans(
    filter_string: str | None = ...,
    max_results: int | None = ...,
    *,
    order_by: str | Sequence[str] | None = ...,
    attributes: Sequence[str] = ...,
    return_type: Literal["arrow", "polars"],
    experiment_ids: Ids | None = ...,
    locations: Ids | None = ...,
    sql_warehouse_id: str | None = ...,
    flush: bool = ...,
) -> Any: ...
def search_spans(
    filter_string: str | None = None,
    max_results: int | None = None,
    *,
    order_by: str | Sequence[str] | None = None,
    attributes: Sequence[str] = (),
    return_type: SpanReturnType | None = None,
    experiment_ids: Ids | None = None,
    locations: Ids | None = None,
    sql_warehouse_id: str | None = None,
    flush: bool = False,
) -> Any:
    """Find spans: those that fulfil the clauses on spans, in traces that fulfil all.

    Args:
        filter_string: the filter, ``"span.type = 'LLM' AND tags.env = 'prod'"``; None
            and the empty text find every span.
        max_results: the maximum number of spans; None for all, 0 or less for none.
        order_by: the order of their traces, ``"timestamp_ms DESC"``, or several; the
            newest first by default. Spans of one trace are in the order of their start.
        attributes: keys of attributes, each to be a column ``attributes.<key>``, whose
            type follows from its values.
        return_type: ``"pandas"`` (the default), ``"arrow"``, a ``pyarrow.Table``,
            ``"polars"``, a ``polars.DataFrame``, or ``"iterator"``, which yields a
            dictionary for each span and reads the spans in portions.
        experiment_ids: experiment ids; as in `search_traces` when left out.
        locations: experiment ids under MLflow 3's name.
        sql_warehouse_id: name of a store in the setting ``warehouses``; None for the
            configured store.
        flush: whether to send first what this process has recorded.

    Returns:
        One row per span, as a DataFrame with the columns and types of
        `spanframe_query.span_table`, also when no span is found. Other types by
        ``return_type``.

    Raises:
        FilterError: when the filter or the order cannot be used; the message points at
            the place.
        InvalidArgumentError: when another argument cannot be used.
        MissingExtraError: when ``return_type`` is ``"arrow"`` or ``"polars"`` and the
            library is not installed.
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> calls = spanframe.search_spans("span.type = 'LLM'", max_results=10)
        >>> list(calls.columns)[:5]
        ['trace_id', 'span_id', 'parent_id', 'name', 'type']
    """
    build = _builder(return_type)
    wanted = _keys(attributes)
    store, search = checked_search(
        store_url(sql_warehouse_id),
        filter_string,
        order_by,
        experiment_ids=experiment_ids_of(experiment_ids, locations) or None,
    )
    limited = replace(search, limit=limit_of(max_results))
    if flush:
        spanframe.flush()
    pages = reader.read_span_pages(store, limited, wanted, size=_PAGE_SPANS)
    if return_type == "iterator":
        return build(pages, wanted)
    with gc_paused():
        return build(pages, wanted)


def _builder(
    return_type: SpanReturnType | None,
) -> Callable[[Iterable[SpanColumns], Sequence[str]], Any]:
    """Return the function that makes the result of spans."""
    match return_type:
        case None | "pandas":
            return span_frame
        case "iterator":
            return span_rows
        case "arrow":
            pyarrow()
            return span_table
        case "polars":
            pyarrow()
            return lambda pages, keys: polars_frame(span_table(pages, keys))
    known = ", ".join(repr(name) for name in get_args(SpanReturnType))
    raise InvalidArgumentError(f"return_type is {return_type!r}: write one of {known}.")


def _keys(attributes: Sequence[str]) -> tuple[str, ...]:
    if isinstance(attributes, str):
        raise InvalidArgumentError(
            f"attributes is the text {attributes!r}: write a list, [{attributes!r}]."
        )
    for key in attributes:
        if not isinstance(key, str):
            raise InvalidArgumentError(
                f"attributes has {key!r:.80}: write keys of attributes as texts."
            )
    return tuple(attributes)
