"""The client: the functions of the public API for one store, with pages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import spanframe
from spanframe._mlflow_names import Explained
from spanframe._runtime import current_setting
from spanframe.errors import InvalidArgumentError, NotFoundError
from spanframe.settings import ClientSettings
from spanframe_query import reader
from spanframe_query.arguments import checked_search, limit_of
from spanframe_query.client_spans import SpansById
from spanframe_query.entities import Experiment, PagedList, Trace
from spanframe_query.experiment_search import page_after
from spanframe_query.experiments import (
    experiment_by_id,
    experiment_by_name,
    found_experiments,
    new_experiment,
)
from spanframe_query.mlflow_arguments import takes_request_id
from spanframe_query.paging import next_token, read_token
from spanframe_query.scope import experiment_id_of, experiment_ids_of
from spanframe_query.stores import reading, writing
from spanframe_query.traces import change_tag, experiment_traces, find_trace

__all__ = ["MlflowClient", "SpanframeClient"]


class SpanframeClient(SpansById, Explained):
    """Searches and changes one store, and records spans by their ids.

    Args:
        tracking_uri: URL of the store; None for the configured store.

    Example:
        >>> from spanframe.client import SpanframeClient
        >>> client = SpanframeClient()
        >>> page = client.search_traces(max_results=1, include_spans=False)
        >>> len(page) <= 1
        True
    """

    def __init__(self, tracking_uri: str | None = None) -> None:
        given = {"store": tracking_uri}
        self._store = tracking_uri and str(ClientSettings.load_one("store", given))

    @classmethod
    def in_mlflow(cls) -> str:
        """Return the class's name in MLflow."""
        return "mlflow.MlflowClient"

    @property
    def tracking_uri(self) -> str:
        """The URL of the store."""
        return self._store or str(current_setting("store"))

    def search_traces(
        self,
        experiment_ids: Sequence[str | int] | None = None,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: str | Sequence[str] | None = None,
        page_token: str | None = None,
        run_id: str | None = None,
        include_spans: bool = True,
        model_id: str | None = None,
        locations: Sequence[str | int] | None = None,
        flush: bool = False,
    ) -> PagedList[Trace]:
        """Return one page of traces.

        Args:
            experiment_ids: the experiments; None for all, an empty list for none.
            filter_string: the filter; None and the empty text find every trace.
            max_results: the size of the page in traces, of any size; 0 or less gives an
                empty page.
            order_by: ``"timestamp_ms DESC"``, or several; the newest first by default.
            page_token: ``token`` of the page before; None for the first page.
            run_id: only traces of this run.
            include_spans: False reads no spans.
            model_id: only traces of this model.
            locations: experiment ids under MLflow 3's name.
            flush: whether to send first what this process has recorded.

        Returns:
            The page; its ``token`` is None on the last page. Traces that arrive between
            two pages neither repeat a trace nor hide one.

        Raises:
            FilterError: when the filter or order cannot be used.
            InvalidArgumentError: when another argument, or the token, cannot be used.
            StoreError: when the store cannot be read.
        """
        size = _page_size(max_results)
        store, search = checked_search(
            self.tracking_uri,
            filter_string,
            order_by,
            experiment_ids=experiment_ids_of(experiment_ids, locations),
            all_experiments=True,
            model_id=model_id,
            run_id=run_id,
        )
        after = read_token(page_token, search)
        if flush:
            spanframe.flush()
        page = reader.read_page(
            store,
            replace(search, limit=size, after=after),
            include_spans=include_spans,
        )
        token = None if page.end is None else next_token(search, page.end)
        return PagedList(page.traces, token)

    def search_spans(
        self,
        experiment_ids: Sequence[str | int] | None = None,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: str | Sequence[str] | None = None,
        page_token: str | None = None,
        *,
        attributes: Sequence[str] = (),
        locations: Sequence[str | int] | None = None,
        flush: bool = False,
    ) -> PagedList[dict[str, Any]]:
        """Return one page of spans, each as a dictionary; see `spanframe.search_spans`.

        Args:
            experiment_ids: the experiments; None for all, an empty list for none.
            filter_string: the filter; None and the empty text find every span.
            max_results: the size of the page in spans, of any size; 0 or less gives an
                empty page.
            order_by: the order of their traces; the newest first by default.
            page_token: ``token`` of the page before; None for the first page.
            attributes: keys of attributes, each under ``attributes.<key>``.
            locations: experiment ids under MLflow 3's name.
            flush: whether to send first what this process has recorded.

        Returns:
            The page; its ``token`` is None on the last page. Spans that arrive between
            two pages do not repeat a span.

        Raises:
            FilterError: when the filter or order cannot be used.
            InvalidArgumentError: when another argument, or the token, cannot be used.
            StoreError: when the store cannot be read.
        """
        # The rows have pandas' type for times, which has nanoseconds.
        from spanframe_query.span_table import span_rows  # noqa: PLC0415

        store, search = checked_search(
            self.tracking_uri,
            filter_string,
            order_by,
            experiment_ids=experiment_ids_of(experiment_ids, locations),
            all_experiments=True,
        )
        after = read_token(page_token, search, of_spans=True)
        if flush:
            spanframe.flush()
        limited = replace(search, limit=_page_size(max_results), after=after)
        page = reader.read_span_page(store, limited, attributes)
        token = None if page.end is None else next_token(search, page.end)
        return PagedList(span_rows([page.spans], attributes), token)

    @takes_request_id
    def get_trace(
        self, trace_id: str, display: bool = True, flush: bool = False
    ) -> Trace:
        """Return a trace with its spans.

        Args:
            trace_id: ``tr-`` and 32 hex digits.
            display: ignored, as in a notebook a trace shows itself; MLflow has it.
            flush: whether to send first what this process has recorded.

        Raises:
            NotFoundError: when the store does not have the trace.
            StoreError: when the store cannot be read.
        """
        del display
        if flush:
            spanframe.flush()
        trace = find_trace(reading(self.tracking_uri), trace_id)
        if trace is None:
            raise NotFoundError(f"There is no trace {trace_id!r} in this store.")
        return trace

    @takes_request_id
    def set_trace_tag(self, trace_id: str, key: str, value: object) -> None:
        """Set a tag of a trace that this process records, or of a stored trace.

        Args:
            trace_id: ``tr-`` and 32 hex digits.
            key: the tag, 1 to 250 characters.
            value: the value; anything but text is written as its ``str``.

        Raises:
            InvalidArgumentError: when the key cannot be used.
            NotFoundError: when the store does not have the trace.
            StoreError: when the store cannot be written.
        """
        change_tag(self.tracking_uri, trace_id, key, str(value))

    @takes_request_id
    def delete_trace_tag(self, trace_id: str, key: str) -> None:
        """Delete a tag of a trace that this process records, or of a stored trace.

        Args:
            trace_id: ``tr-`` and 32 hex digits.
            key: the tag.

        Raises:
            InvalidArgumentError: when the key cannot be used.
            NotFoundError: when the store does not have the trace, or the trace does not
                have the tag.
            StoreError: when the store cannot be written.
        """
        change_tag(self.tracking_uri, trace_id, key, None)

    def delete_traces(
        self,
        experiment_id: str | int,
        max_timestamp_millis: int | None = None,
        max_traces: int | None = None,
        trace_ids: Iterable[str] | None = None,
    ) -> int:
        """Delete traces of one experiment, by age or by id.

        Args:
            experiment_id: the experiment; traces of other experiments stay.
            max_timestamp_millis: milliseconds since the epoch; traces that started then
                or before are deleted, the oldest first.
            max_traces: the maximum number of traces to delete by age; None for all.
            trace_ids: the traces to delete; ids that the experiment does not have are
                ignored.

        Returns:
            The number of deleted traces.

        Raises:
            InvalidArgumentError: unless exactly one of ``max_timestamp_millis`` and
                ``trace_ids`` is given.
            StoreError: when the store cannot be written.
        """
        experiment = experiment_id_of("experiment_id", experiment_id)
        store = self.tracking_uri
        if max_timestamp_millis is not None and trace_ids is None:
            limit = limit_of(max_traces)
            return _delete_by_age(store, experiment, max_timestamp_millis, limit)
        if (
            trace_ids is None
            or max_timestamp_millis is not None
            or max_traces is not None
        ):
            raise InvalidArgumentError(
                "Give either max_timestamp_millis, with or without max_traces, or "
                "trace_ids."
            )
        return _delete_by_id(store, experiment, trace_ids)

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> str:
        """Create an experiment and return its id, a whole number as text.

        Args:
            name: the name, not empty and not taken.
            artifact_location: a URI to keep; nothing is written there.
            tags: tags by key; anything but text is written as its ``str``.

        Raises:
            InvalidArgumentError: when the name is empty or not text.
            AlreadyExistsError: when the name is taken.
            StoreError: when the store cannot be written.
        """
        return new_experiment(self.tracking_uri, name, artifact_location, tags)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Return the experiment of a name; None when the store does not have it."""
        return experiment_by_name(self.tracking_uri, name)

    def search_experiments(
        self,
        view_type: int = 1,
        max_results: int | None = 1000,
        filter_string: str | None = None,
        order_by: str | Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Return one page of the experiments that `spanframe.search_experiments` finds.

        Args:
            view_type: as in MLflow; 2, deleted ones, finds none.
            max_results: the size of the page; None for all.
            filter_string: the filter.
            order_by: ``"name ASC"``, or several; the newest first by default.
            page_token: ``token`` of the page before; None for the first page.

        Raises:
            FilterError: when the filter or order cannot be used.
            InvalidArgumentError: when another argument, or the token, cannot be used.
            StoreError: when the store cannot be read.
        """
        size = limit_of(max_results)
        found = found_experiments(self.tracking_uri, view_type, filter_string, order_by)
        behind = page_after(found, page_token)
        page = behind[:size]
        more = len(behind) > len(page) > 0
        return PagedList(page, page[-1].experiment_id if more else None)

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        """Return the experiment of an id.

        Args:
            experiment_id: the id, a whole number or its text.

        Raises:
            InvalidArgumentError: when the id is not a whole number.
            NotFoundError: when the store does not have the experiment.
        """
        return experiment_by_id(self.tracking_uri, experiment_id)


def _page_size(max_results: int) -> int:
    size = limit_of(max_results)
    if size is None:
        raise InvalidArgumentError(
            "max_results is None: write the size of a page as a whole number."
        )
    return size


MlflowClient = SpanframeClient


def _delete_by_age(
    store: str, experiment_id: int, max_timestamp_ms: int, limit: int | None
) -> int:
    admin = writing(store)
    deleted = 0
    while limit is None or deleted < limit:
        portion = admin.delete_traces_before(
            max_timestamp_ms,
            experiment_id=experiment_id,
            at_most=None if limit is None else limit - deleted,
        )
        if not portion:
            break
        deleted += portion
    return deleted


def _delete_by_id(store: str, experiment_id: int, trace_ids: Iterable[str]) -> int:
    raw_ids = experiment_traces(reading(store), experiment_id, trace_ids)
    return writing(store).delete_traces(raw_ids)
