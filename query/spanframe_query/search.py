"""The walk of a search: arguments → checked search → rows → traces → frame."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple, overload

import pandas as pd
from sqlalchemy import Engine

import spanframe
from spanframe import keys
from spanframe.errors import InvalidArgumentError
from spanframe_query import reader
from spanframe_query.columns import columns_of_layout
from spanframe_query.entities import Trace
from spanframe_query.extract import parse_extract_fields
from spanframe_query.filter import filter_and, parse_filter
from spanframe_query.frame import build_frame
from spanframe_query.order import parse_order
from spanframe_query.scope import active_experiment_ids, experiment_ids_of, store_url
from spanframe_query.select import Search
from spanframe_query.stores import reading

__all__ = [
    "Planned",
    "count_traces",
    "iter_traces",
    "limit_of",
    "plan",
    "search_traces",
]

Layout = Literal["v2", "v3"]
Ids = Sequence[str | int]

_RETURN_TYPES: Final = ("pandas", "list")


class Planned(NamedTuple):
    """A checked search and the engine it runs on."""

    engine: Engine
    search: Search


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
    layout: Layout = ...,
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
    layout: Layout = ...,
) -> list[Trace]: ...
def search_traces(
    filter_or_experiment_ids: str | Ids | None = None,
    /,
    filter_string: str | None = None,
    max_results: int | None = None,
    order_by: str | Sequence[str] | None = None,
    extract_fields: Sequence[str] | None = None,
    run_id: str | None = None,
    return_type: Literal["pandas", "list"] | None = None,
    model_id: str | None = None,
    sql_warehouse_id: str | None = None,
    include_spans: bool = True,
    locations: Ids | None = None,
    flush: bool = False,
    *,
    experiment_ids: Ids | None = None,
    layout: Layout = "v2",
) -> pd.DataFrame | list[Trace]:
    """Find traces.

    Where no experiment is named, by an argument, `set_experiment` or a setting, all
    experiments are searched.

    Args:
        filter_or_experiment_ids: a text is the filter, a list holds experiment ids.
        filter_string: the filter, ``"attributes.status = 'OK' AND tags.env = 'prod'"``.
        max_results: the most traces to return; None for all, 0 or less for none.
        order_by: ``"timestamp_ms DESC"``, or several; the newest first by default.
        extract_fields: more columns, ``"span.inputs.field"`` each.
        run_id: only traces of this run (metadata ``mlflow.sourceRun``).
        return_type: ``"pandas"`` (the default) or ``"list"``, of `Trace`.
        model_id: only traces of this model (metadata ``mlflow.modelId``); joined with
            the filter by AND.
        sql_warehouse_id: the store that the setting ``warehouses`` has under this name.
        include_spans: False reads no spans: ``spans`` is empty, ``request`` and
            ``response`` are None.
        locations: experiment ids under MLflow 3's name.
        flush: send what this process has recorded first.
        experiment_ids: experiment ids, by keyword.
        layout: ``"v2"``, the ten columns of MLflow 2, or ``"v3"``, MLflow 3's.

    Returns:
        A DataFrame with the columns and types of `spanframe_query.columns`, also when
        nothing is found; or the list of traces.

    Raises:
        FilterError: when the filter or order cannot be used; it draws the place.
        InvalidArgumentError: when another argument cannot be used.
        StoreError: when the store cannot be read.
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
            raise InvalidArgumentError("Experiment ids are given twice.")
        experiment_ids = filter_or_experiment_ids
    as_list = _wants_list(return_type)
    columns_of_layout(layout)
    fields = parse_extract_fields(extract_fields)
    if as_list and fields:
        raise InvalidArgumentError(
            "extract_fields makes columns: leave it out, or return_type='list'."
        )
    planned = plan(
        store_url(sql_warehouse_id),
        filter_string,
        order_by,
        experiment_ids=experiment_ids_of(experiment_ids, locations) or None,
        model_id=model_id,
        run_id=run_id,
    )
    limited = replace(planned.search, limit=limit_of(max_results))
    if flush:
        spanframe.flush()
    traces = reader.read(planned.engine, limited, include_spans=include_spans)
    return traces if as_list else build_frame(traces, layout=layout, fields=fields)


def count_traces(
    filter_string: str | None = None,
    *,
    experiment_ids: Ids | None = None,
    locations: Ids | None = None,
    sql_warehouse_id: str | None = None,
) -> int:
    """Return how many traces a filter finds; arguments as in `search_traces`.

    Raises:
        FilterError: when the filter cannot be used.
        StoreError: when the store cannot be read.
    """
    planned = plan(
        store_url(sql_warehouse_id),
        filter_string,
        experiment_ids=experiment_ids_of(experiment_ids, locations) or None,
    )
    return reader.count(planned.engine, planned.search)


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
    """Yield the traces a filter finds, however many there are.

    Args:
        filter_string: the filter.
        batch_size: how many are read, and held in memory, at once.
        order_by: as in `search_traces`, like all that follow.
        max_results: the most traces to yield.
        include_spans: False reads no spans.
        experiment_ids: experiment ids.
        locations: experiment ids under MLflow 3's name.
        sql_warehouse_id: the store that the setting ``warehouses`` has under this name.

    Raises:
        FilterError: when the filter or order cannot be used; at once, not on the way.
        InvalidArgumentError: when another argument cannot be used.
        StoreError: when the store cannot be read.
    """
    if batch_size < 1:
        raise InvalidArgumentError(f"batch_size is {batch_size!r}: write 1 or more.")
    planned = plan(
        store_url(sql_warehouse_id),
        filter_string,
        order_by,
        experiment_ids=experiment_ids_of(experiment_ids, locations) or None,
    )
    pages = reader.read_pages(
        planned.engine,
        replace(planned.search, limit=limit_of(max_results)),
        include_spans=include_spans,
        size=batch_size,
    )
    return (trace for page in pages for trace in page.traces)


def plan(
    store: str,
    filter_string: str | None,
    order_by: str | Sequence[str] | None = None,
    *,
    experiment_ids: tuple[int, ...] | None = None,
    all_experiments: bool = False,
    model_id: str | None = None,
    run_id: str | None = None,
) -> Planned:
    """Check what is searched for, then open the store.

    Args:
        store: URL of the store.
        filter_string: the filter.
        order_by: the order.
        experiment_ids: the experiments; None for the active one.
        all_experiments: whether None stands for all of them instead.
        model_id: joined with the filter.
        run_id: joined with the filter.
    """
    checked = parse_filter(filter_string)
    for key, value in ((keys.META_MODEL_ID, model_id), (keys.META_SOURCE_RUN, run_id)):
        if value is not None:
            checked = filter_and(checked, "metadata", key, str(value))
    order = parse_order(order_by)
    engine = reading(store)
    if experiment_ids is None and not all_experiments:
        experiment_ids = active_experiment_ids(engine)
    return Planned(
        engine, Search(filter=checked, order=order, experiment_ids=experiment_ids)
    )


def limit_of(max_results: Any) -> int | None:
    """Read ``max_results``.

    Raises:
        InvalidArgumentError: when it is not a whole number.
    """
    if max_results is None:
        return None
    if isinstance(max_results, bool) or not isinstance(max_results, int):
        raise InvalidArgumentError(
            f"max_results is {max_results!r}: write a whole number, or None for all."
        )
    return max(0, max_results)


def _wants_list(return_type: Any) -> bool:
    if return_type is not None and return_type not in _RETURN_TYPES:
        known = " or ".join(repr(name) for name in _RETURN_TYPES)
        raise InvalidArgumentError(f"return_type is {return_type!r}: write {known}.")
    return bool(return_type == "list")
