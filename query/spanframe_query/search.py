"""Searches: arguments → checked search → traces → a DataFrame, list or table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, get_args, overload

import pandas as pd

import spanframe
from spanframe.errors import InvalidArgumentError
from spanframe_query import reader
from spanframe_query.arguments import checked_search, limit_of
from spanframe_query.arrow import (
    build_table,
    plain_columns,
    polars_frame,
    table_schema,
)
from spanframe_query.entities import Trace
from spanframe_query.extract import ExtractField, parse_extract_fields
from spanframe_query.frame import build_frame
from spanframe_query.gc_pause import gc_paused
from spanframe_query.layouts import columns_of_layout
from spanframe_query.scope import experiment_ids_of, store_url
from spanframe_store.contract.results import ClauseUse

__all__ = ["count_traces", "iter_traces", "search_traces"]

ColumnLayout = Literal["v2", "v3", "tidy"]
ReturnType = Literal["pandas", "list", "arrow", "polars"]
Ids = Sequence[str | int]


@overload
def search_traces(
    filter_or_experiment_ids: str | Ids | None = ...,
    /,
    filter_string: str | None = ...,
    max_results: int | None = ...,
    order_by: str | Sequence[str] | None = ...,
    extract_fields: Sequence[str] | None = ...,
    run_id: str | None = ...,
    return_type: Literal["pandas"] | None = ...,
    model_id: str | None = ...,
    sql_warehouse_id: str | None = ...,
    include_spans: bool = ...,
    locations: Ids | None = ...,
    flush: bool = ...,
    *,
    experiment_ids: Ids | None = ...,
    layout: ColumnLayout = ...,
    explain: bool = ...,
) -> pd.DataFrame: ...
@overload
def search_traces(
    filter_or_experiment_ids: str | Ids | None = ...,
    /,
    filter_string: str | None = ...,
    max_results: int | None = ...,
    order_by: str | Sequence[str] | None = ...,
    extract_fields: None = ...,
    run_id: str | None = ...,
    *,
    return_type: Literal["list"],
    model_id: str | None = ...,
    sql_warehouse_id: str | None = ...,
    include_spans: bool = ...,
    locations: Ids | None = ...,
    flush: bool = ...,
    experiment_ids: Ids | None = ...,
    layout: ColumnLayout = ...,
    explain: bool = ...,
) -> list[Trace]: ...
@overload
def search_traces(
    filter_or_experiment_ids: str | Ids | None = ...,
    /,
    filter_string: str | None = ...,
    max_results: int | None = ...,
    order_by: str | Sequence[str] | None = ...,
    extract_fields: Sequence[str] | None = ...,
    run_id: str | None = ...,
    *,
    return_type: Literal["arrow", "polars"],
    model_id: str | None = ...,
    sql_warehouse_id: str | None = ...,
    include_spans: bool = ...,
    locations: Ids | None = ...,
    flush: bool = ...,
    experiment_ids: Ids | None = ...,
    layout: ColumnLayout = ...,
    explain: bool = ...,
) -> Any: ...
def search_traces(
    filter_or_experiment_ids: str | Ids | None = None,
    /,
    filter_string: str | None = None,
    max_results: int | None = None,
    order_by: str | Sequence[str] | None = None,
    extract_fields: Sequence[str] | None = None,
    run_id: str | None = None,
    return_type: ReturnType | None = None,
    model_id: str | None = None,
    sql_warehouse_id: str | None = None,
    include_spans: bool = True,
    locations: Ids | None = None,
    flush: bool = False,
    *,
    experiment_ids: Ids | None = None,
    layout: ColumnLayout = "v2",
    explain: bool = False,
) -> Any:
    """Find traces.

    The search looks in all experiments, unless an argument, `set_experiment` or a
    setting names one.

    Args:
        filter_or_experiment_ids: the filter as text, or experiment ids as a list.
        filter_string: the filter, ``"attributes.status = 'OK' AND tags.env = 'prod'"``.
        max_results: the maximum number of traces; None for all, 0 or less for none.
        order_by: ``"timestamp_ms DESC"``, or several; the newest first by default.
        extract_fields: more columns, ``"span.inputs.field"`` each.
        run_id: only traces of this run (metadata ``mlflow.sourceRun``).
        return_type: ``"pandas"`` (the default), ``"list"`` of `Trace`, ``"arrow"``, a
            ``pyarrow.Table`` without the column ``trace``, or ``"polars"``, a
            ``polars.DataFrame`` of that table.
        model_id: only traces of this model (metadata ``mlflow.modelId``); joined with
            the filter by AND.
        sql_warehouse_id: name of a store in the setting ``warehouses``; None for the
            configured store.
        include_spans: False reads no spans: ``spans`` is empty, ``request`` and
            ``response`` are None.
        locations: experiment ids under MLflow 3's name.
        flush: whether to send first what this process has recorded.
        experiment_ids: experiment ids, by keyword.
        layout: ``"v2"``, the ten columns of MLflow 2; ``"v3"``, MLflow 3's; or
            ``"tidy"``, plain values, and a column for each tag and metadata entry.
        explain: whether to return, in place of traces, a DataFrame with one row per
            clause: ``clause``, the index that it ``uses``, what it ``reads``, and
            whether it ``scans`` the store.

    Returns:
        One row per trace, as a DataFrame with the columns and types of
        `spanframe_query.layouts`, also when no trace is found. Times and durations are
        milliseconds. Other types by ``return_type``.

    Raises:
        FilterError: when the filter or the order cannot be used; the message points at
            the place.
        InvalidArgumentError: when another argument cannot be used.
        MissingExtraError: when ``return_type`` is ``"arrow"`` or ``"polars"`` and the
            library is not installed.
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> slow = spanframe.search_traces("execution_time_ms > 1000", max_results=10)
        >>> list(slow.columns)[:5]
        ['request_id', 'trace', 'timestamp_ms', 'status', 'execution_time_ms']
    """
    if isinstance(filter_or_experiment_ids, str):
        if filter_string is not None:
            raise InvalidArgumentError(
                "Two filters are given, the first argument and filter_string: "
                "join them with AND."
            )
        filter_string = filter_or_experiment_ids
    elif filter_or_experiment_ids is not None:
        if experiment_ids is not None:
            raise InvalidArgumentError(
                "Experiment ids are given twice, as the first argument and as "
                "experiment_ids: give them once."
            )
        experiment_ids = filter_or_experiment_ids
    build = _builder(return_type, layout, parse_extract_fields(extract_fields))
    if return_type == "list" and extract_fields:
        raise InvalidArgumentError(
            "extract_fields makes columns: leave it out, or return_type='list'."
        )
    store, search = checked_search(
        store_url(sql_warehouse_id),
        filter_string,
        order_by,
        experiment_ids=experiment_ids_of(experiment_ids, locations) or None,
        model_id=model_id,
        run_id=run_id,
    )
    limited = replace(search, limit=limit_of(max_results))
    if explain:
        return pd.DataFrame(reader.explain(store, limited), columns=ClauseUse._fields)
    if flush:
        spanframe.flush()
    with gc_paused():
        return build(reader.read(store, limited, include_spans=include_spans))


def count_traces(
    filter_string: str | None = None,
    *,
    experiment_ids: Ids | None = None,
    locations: Ids | None = None,
    sql_warehouse_id: str | None = None,
) -> int:
    """Return how many traces a filter finds, without reading them.

    Args:
        filter_string: the filter; None and the empty text count every trace.
        experiment_ids: experiment ids; as in `search_traces` when left out.
        locations: experiment ids under MLflow 3's name.
        sql_warehouse_id: name of a store in the setting ``warehouses``; None for the
            configured store.

    Raises:
        FilterError: when the filter cannot be used.
        InvalidArgumentError: when another argument cannot be used.
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> spanframe.count_traces("status = 'OK'") <= spanframe.count_traces()
        True
    """
    store, search = checked_search(
        store_url(sql_warehouse_id),
        filter_string,
        experiment_ids=experiment_ids_of(experiment_ids, locations) or None,
    )
    return reader.count(store, search)


def iter_traces(
    filter_string: str | None = None,
    batch_size: int = 1000,
    *,
    order_by: str | Sequence[str] | None = None,
    max_results: int | None = None,
    include_spans: bool = True,
    experiment_ids: Ids | None = None,
    locations: Ids | None = None,
    sql_warehouse_id: str | None = None,
) -> Iterator[Trace]:
    """Yield the traces that a filter finds, however many there are.

    The traces are read in batches. Traces that arrive in between neither repeat a trace
    nor hide one.

    Args:
        filter_string: the filter; None and the empty text find every trace.
        batch_size: the number of traces read, and held in memory, at once.
        order_by: ``"timestamp_ms DESC"``, or several; the newest first by default.
        max_results: the maximum number of traces; None for all.
        include_spans: False reads no spans.
        experiment_ids: experiment ids; as in `search_traces` when left out.
        locations: experiment ids under MLflow 3's name.
        sql_warehouse_id: name of a store in the setting ``warehouses``; None for the
            configured store.

    Raises:
        FilterError: when the filter or the order cannot be used; raised by the call,
            not by the iteration.
        InvalidArgumentError: when another argument cannot be used; likewise.
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> traces = spanframe.iter_traces("status = 'OK'", include_spans=False)
        >>> names = {trace.info.name for trace in traces}
    """
    if batch_size < 1:
        raise InvalidArgumentError(f"batch_size is {batch_size!r}: write 1 or more.")
    store, search = checked_search(
        store_url(sql_warehouse_id),
        filter_string,
        order_by,
        experiment_ids=experiment_ids_of(experiment_ids, locations) or None,
    )
    pages = reader.read_pages(
        store,
        replace(search, limit=limit_of(max_results)),
        include_spans=include_spans,
        size=batch_size,
    )
    return (trace for page in pages for trace in page.traces)


def _builder(
    return_type: ReturnType | None, layout: ColumnLayout, fields: Sequence[ExtractField]
) -> Callable[[Sequence[Trace]], Any]:
    """Return the function that makes the result of traces; check its arguments."""
    columns_of_layout(layout)
    match return_type:
        case None | "pandas":
            return partial(build_frame, layout=layout, fields=fields)
        case "arrow" | "polars":
            table_schema(plain_columns(layout, ()), fields)
            finish = polars_frame if return_type == "polars" else _itself
            return lambda traces: finish(
                build_table(traces, plain_columns(layout, traces), fields)
            )
        case "list":
            return list
    known = ", ".join(repr(name) for name in get_args(ReturnType))
    raise InvalidArgumentError(f"return_type is {return_type!r}: write one of {known}.")


def _itself(table: Any) -> Any:
    return table
