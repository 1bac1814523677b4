"""Exports the traces of a store to an archive, a day after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from spanframe.errors import InvalidArgumentError
from spanframe_query import reader
from spanframe_query.archive.folder import ids_of_day, read_day, write_day
from spanframe_query.archive.tables import Tables, pyarrow, tables_of, without
from spanframe_query.arguments import checked_search
from spanframe_query.filter import Comparator, Condition, Field, FieldKind
from spanframe_query.scope import experiment_ids_of, store_url
from spanframe_store.contract.aggregates import Aggregation
from spanframe_store.contract.capabilities import Capability
from spanframe_store.contract.results import Page
from spanframe_store.contract.search import OrderTerm, Search
from spanframe_store.contract.store import Progress, Reader

__all__ = ["Exported", "export_from", "export_traces"]

_DAY_MS: Final = 86_400_000
_PORTION_TRACES: Final = 200
"""Traces read and held in memory at once."""

_TIME: Final = Field(FieldKind.TIMESTAMP_MS)
_OLDEST_FIRST: Final = (
    OrderTerm(_TIME, descending=False),
    OrderTerm(Field(FieldKind.REQUEST_ID), descending=False),
)


class Exported(NamedTuple):
    """Counts of an export.

    Attributes:
        traces: traces written.
        spans: spans written.
        present: traces that were found, and that the archive had already.
        kept: traces that the archive has of the same days, and that were not found.
    """

    traces: int
    spans: int
    present: int
    kept: int


def export_traces(
    folder: str | Path,
    filter_string: str | None = None,
    *,
    again: bool = False,
    experiment_ids: Sequence[str | int] | None = None,
    locations: Sequence[str | int] | None = None,
    sql_warehouse_id: str | None = None,
) -> Exported:
    """Write traces and spans to Parquet files, a folder for each day in UTC.

    Traces that are in the folder stay there, whatever the store has or the filter finds
    now, and others are added to them, so that an interrupted export goes on where it
    stopped; ``again`` writes those that are found anew, with late spans and changed
    tags. A day is written as a whole or not at all.

    Args:
        folder: the folder of the archive; it is made when it does not exist.
        filter_string: the filter; None and the empty text export every trace.
        again: whether traces that are there are written again.
        experiment_ids: experiment ids; as in `search_traces` when left out.
        locations: experiment ids under MLflow 3's name.
        sql_warehouse_id: name of a store in the setting ``warehouses``; None for the
            configured store.

    Returns:
        How many traces and spans were written, and how many traces were there.

    Raises:
        FilterError: when the filter cannot be used.
        InvalidArgumentError: when the store does not have the spans as they arrived.
        MissingExtraError: when pyarrow is not installed.
        StoreError: when the store cannot be read or the files not be written.

    Example:
        >>> import spanframe, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = spanframe.export_traces(folder)
        >>> exported.traces == spanframe.count_traces()
        True
    """
    store, search = checked_search(
        store_url(sql_warehouse_id),
        filter_string,
        experiment_ids=experiment_ids_of(experiment_ids, locations) or None,
    )
    return export_from(store, search, Path(folder), again=again)


def export_from(
    store: Reader,
    search: Search,
    folder: Path,
    *,
    again: bool = False,
    progress: Progress = lambda *_: None,
) -> Exported:
    """Export the traces of a checked search.

    Args:
        store: the reader of the store.
        search: the search.
        folder: the folder of the archive.
        again: whether traces that are there are written again.
        progress: called with the traces done and the traces in total.
    """
    pyarrow()
    if Capability.ORIGINALS not in store.capabilities:
        raise InvalidArgumentError(
            f"A store on {store.engine_name} does not have spans as they arrived. "
            f"{Capability.ORIGINALS.value}."
        )
    by_day = reader.aggregate(store, Aggregation(search=search, every_ms=_DAY_MS))
    counts = {g.start_ms or 0: int(g.figures[0] or 0) for g in by_day}
    total, done = sum(counts.values()), Exported(0, 0, 0, 0)
    for start_ms in sorted(counts):
        of_day = _export_day(store, search, start_ms, folder, again=again)
        done = Exported(*map(sum, zip(done, of_day, strict=True)))
        progress(done.traces + done.present, total)
    return done


def _export_day(
    store: Reader, search: Search, start_ms: int, folder: Path, *, again: bool
) -> Exported:
    """Write the traces of a day beside those that the archive has of it."""
    day = datetime.fromtimestamp(start_ms / 1000, UTC).date()
    search = _of_day(search, start_ms)
    archived = ids_of_day(folder, day)
    found = _ids(store, search) if archived else frozenset()
    staying = archived - found if again else archived
    present, kept = len(found & staying), len(archived - found)
    if archived and found <= staying:
        return Exported(0, 0, present, kept)
    traces = spans = 0

    def portions() -> Iterator[Tables]:
        nonlocal traces, spans
        for old in read_day(folder, day) if archived else ():
            yield without(old, archived - staying)
        for portion in _portions(store, search):
            new = without(portion, staying)
            traces, spans = traces + new.traces.num_rows, spans + new.spans.num_rows
            yield new

    write_day(folder, day, portions())
    return Exported(traces, spans, present, kept)


def _of_day(search: Search, start_ms: int) -> Search:
    """Narrow a search to the traces that started on a day, the oldest first."""
    from_start = Condition(_TIME, Comparator.GE, Decimal(start_ms))
    to_end = Condition(_TIME, Comparator.LT, Decimal(start_ms + _DAY_MS))
    return replace(
        search,
        filter=search.filter.and_(from_start).and_(to_end),
        order=_OLDEST_FIRST,
        limit=_PORTION_TRACES,
        after=None,
    )


def _ids(store: Reader, search: Search) -> frozenset[str]:
    """Return the ids, in hex, of the traces that a search finds."""
    pages = _pages(store, search, include_spans=False)
    return frozenset(each.hex() for page in pages for each in page.traces.trace_id)


def _portions(store: Reader, search: Search) -> Iterator[Tables]:
    @cache
    def experiment(experiment_id: int) -> str:
        found = store.experiment_of(experiment_id)
        return str(experiment_id) if found is None else found.name

    for page in _pages(store, search, include_spans=True):
        wanted = {block.origin for blocks in page.spans or () for block in blocks}
        yield tables_of(page, store.origins(wanted), experiment)


def _pages(store: Reader, search: Search, *, include_spans: bool) -> Iterator[Page]:
    while True:
        page = store.find(search, include_spans=include_spans)
        if page.traces.trace_id:
            yield page
        if page.end is None:
            return
        search = replace(search, after=page.end)
