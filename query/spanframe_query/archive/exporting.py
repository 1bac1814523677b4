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
from spanframe_query.archive.folder import count_day, write_day
from spanframe_query.archive.tables import Tables, pyarrow, tables_of
from spanframe_query.arguments import checked_search
from spanframe_query.filter import Comparator, Condition, Field, FieldKind
from spanframe_query.scope import experiment_ids_of, store_url
from spanframe_store.contract.aggregates import Aggregation
from spanframe_store.contract.capabilities import Capability
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
    """What an export wrote: traces and their spans; and what it found written.

    Attributes:
        traces: traces written.
        spans: spans written.
        present: traces of days that the archive had already.
    """

    traces: int
    spans: int
    present: int


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

    A day is in the folder as a whole or not at all. A day that is there with as many
    traces as the store has is left as it is, so that an interrupted export goes on
    where it stopped; ``again`` writes it anew, with late spans and changed tags.

    Args:
        folder: the folder of the archive; it is made when it does not exist.
        filter_string: the filter; None and the empty text export every trace.
        again: whether days that are there are written again.
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
        again: whether days that are there are written again.
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
    total, traces, spans, present = sum(counts.values()), 0, 0, 0
    for start_ms, count in sorted(counts.items()):
        day = datetime.fromtimestamp(start_ms / 1000, UTC).date()
        if not again and count_day(folder, day) == count:
            present += count
        else:
            portions = _portions(store, search, start_ms)
            more_traces, more_spans = write_day(folder, day, portions)
            traces, spans = traces + more_traces, spans + more_spans
        progress(traces + present, total)
    return Exported(traces, spans, present)


def _portions(store: Reader, search: Search, start_ms: int) -> Iterator[Tables]:
    """Yield the traces that started on a day, the oldest first."""
    from_start = Condition(_TIME, Comparator.GE, Decimal(start_ms))
    to_end = Condition(_TIME, Comparator.LT, Decimal(start_ms + _DAY_MS))
    of_day = replace(
        search,
        filter=search.filter.and_(from_start).and_(to_end),
        order=_OLDEST_FIRST,
        limit=_PORTION_TRACES,
        after=None,
    )

    @cache
    def experiment(experiment_id: int) -> str:
        found = store.experiment_of(experiment_id)
        return str(experiment_id) if found is None else found.name

    while True:
        page = store.find(of_day, include_spans=True)
        wanted = {block.origin for blocks in page.spans or () for block in blocks}
        if page.traces.trace_id:
            yield tables_of(page, store.origins(wanted), experiment)
        if page.end is None:
            return
        of_day = replace(of_day, after=page.end)
