"""The arguments of a search → a checked search, and the reader of its store."""

from collections.abc import Sequence
from operator import index
from typing import Any, NamedTuple

from spanframe import keys
from spanframe.errors import InvalidArgumentError
from spanframe_query.filter import filter_and, parse_filter
from spanframe_query.order import parse_order
from spanframe_query.scope import active_experiment_ids
from spanframe_query.stores import reading
from spanframe_store.contract.search import Search
from spanframe_store.contract.store import Reader

__all__ = ["Checked", "checked_search", "limit_of"]


class Checked(NamedTuple):
    """A checked search, and the reader of the store it runs on."""

    reader: Reader
    search: Search


def checked_search(
    store: str,
    filter_string: str | None,
    order_by: str | Sequence[str] | None = None,
    *,
    experiment_ids: tuple[int, ...] | None = None,
    all_experiments: bool = False,
    model_id: str | None = None,
    run_id: str | None = None,
) -> Checked:
    """Check the arguments of a search, then open the store.

    Args:
        store: URL of the store.
        filter_string: the filter, or None for every trace.
        order_by: the order, or None for the newest first.
        experiment_ids: the experiments; None for the active one.
        all_experiments: whether None means all experiments instead.
        model_id: only traces of this model.
        run_id: only traces of this run.

    Raises:
        FilterError: when the filter or the order cannot be used.
        StoreError: when the store cannot be opened.
    """
    checked = parse_filter(filter_string)
    for key, value in ((keys.META_MODEL_ID, model_id), (keys.META_SOURCE_RUN, run_id)):
        if value is not None:
            checked = filter_and(checked, "metadata", key, str(value))
    order = parse_order(order_by)
    reader = reading(store)
    if experiment_ids is None and not all_experiments:
        experiment_ids = active_experiment_ids(reader)
    return Checked(
        reader, Search(filter=checked, order=order, experiment_ids=experiment_ids)
    )


def limit_of(max_results: Any) -> int | None:
    """Read the argument ``max_results``; None for all.

    Raises:
        InvalidArgumentError: when it is not a whole number.
    """
    if max_results is None:
        return None
    whole = hasattr(max_results, "__index__") and not isinstance(max_results, bool)
    if not whole:
        raise InvalidArgumentError(
            f"max_results is {max_results!r}: write a whole number, or None for all."
        )
    return max(0, index(max_results))
