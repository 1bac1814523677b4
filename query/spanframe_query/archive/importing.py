"""Imports traces into a store: of an archive, or of MLflow's tracking store.

Each portion is read back and compared before the next one is written.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from spanframe import keys
from spanframe.errors import StoreError
from spanframe_query.archive.folder import count_day, days_of, read_day
from spanframe_query.archive.tables import traces_in
from spanframe_query.filter import Comparator, Condition, Field, FieldKind, Filter
from spanframe_query.scope import store_url
from spanframe_query.stores import reading
from spanframe_store.contract.foreign import ForeignTrace
from spanframe_store.contract.search import Search
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.store import Progress, Reader
from spanframe_store.otlp.foreign import rows_of
from spanframe_store.otlp.stored_spans import spans_of
from spanframe_store.registry import backend_of, foreign_store

__all__ = ["Imported", "import_into", "import_traces"]

_PORTION_TRACES: Final = 200
"""Traces per transaction."""

_NOT_STORABLE: Final = "spans that no store can hold"
_REQUEST_ID: Final = Field(FieldKind.REQUEST_ID)


@dataclass
class Imported:
    """Counts of an import.

    Attributes:
        traces: traces that were read, all of which the store has now.
        spans: spans that were written.
        present: spans that the store had already.
        left_out: what was not imported: a plural, and how many.
    """

    traces: int = 0
    spans: int = 0
    present: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


def import_traces(
    source: str | Path, *, sql_warehouse_id: str | None = None
) -> Imported:
    """Write the traces of an archive, or of MLflow's tracking store, to the store.

    Spans keep their bytes, traces their tags and metadata. What the store has already
    is left as it is, so that importing again changes nothing. Each trace is read back
    and its spans are compared.

    Args:
        source: a folder that `export_traces` wrote, or MLflow's tracking URI,
            ``sqlite:///mlflow.db`` or ``postgresql://…``.
        sql_warehouse_id: name of a store in the setting ``warehouses``; None for the
            configured store, which is made when it does not exist.

    Returns:
        How many traces and spans were imported, and what was not.

    Raises:
        InvalidArgumentError: when the folder is not an archive.
        MissingExtraError: when pyarrow, or the driver of a database, is not installed.
        SettingsError: when the URL does not name a tracking store.
        StoreError: when one of the two cannot be read or written, or the store does not
            give back what was written.

    Example:
        >>> import spanframe, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = spanframe.export_traces(folder)
        ...     imported = spanframe.import_traces(folder)
        >>> imported.spans, imported.present == exported.spans
        (0, True)
    """
    return import_into(store_url(sql_warehouse_id), str(source))


def import_into(
    url: str, source: str, progress: Progress = lambda *_: None
) -> Imported:
    """Import the traces of a source into the store of a URL.

    Args:
        url: URL of the store; it is made when it does not exist.
        source: a folder, or MLflow's tracking URI.
        progress: called with the traces done and the traces in total.
    """
    if "://" in source:
        with closing(foreign_store(source)) as opened:
            done = _import(url, opened.traces(), opened.count(), progress)
            for what, count in opened.left_out.items():
                done.left_out[what] = count
            return done
    folder = Path(source)
    days = days_of(folder)
    total = sum(count_day(folder, day) for day in days)
    portions = (traces_in(each) for day in days for each in read_day(folder, day))
    return _import(url, (t for portion in portions for t in portion), total, progress)


def _import(
    url: str, traces: Iterator[ForeignTrace], total: int, progress: Progress
) -> Imported:
    done = Imported()
    backend = backend_of(url)
    with closing(backend.admin(url)) as admin:
        admin.upgrade()
    with closing(backend.writer(url)) as writer:
        while portion := list(islice(traces, _PORTION_TRACES)):
            rows, refused = _rows(portion)
            for written in writer.write(list(rows.values())):
                done.spans += written.stored
                done.present += written.duplicates
            _compare(reading(url), rows)
            done.traces += len(rows)
            if refused:
                left_out = done.left_out.get(_NOT_STORABLE, 0)
                done.left_out[_NOT_STORABLE] = left_out + refused
            progress(done.traces, total)
    return done


def _rows(portion: Iterable[ForeignTrace]) -> tuple[dict[bytes, list[SpanRow]], int]:
    """Return the rows of each trace that has any, and how many spans have none."""
    found: dict[bytes, list[SpanRow]] = {}
    refused = 0
    for trace in portion:
        rows, bad = rows_of(trace)
        refused += bad
        if rows:
            found[trace.trace_id] = rows
    return found, refused


def _compare(store: Reader, rows: Mapping[bytes, list[SpanRow]]) -> None:
    """Raise unless a store has all of these spans, byte by byte.

    Raises:
        StoreError: a span is missing; the message names its trace.
    """
    ids = tuple(keys.request_id(trace_id) for trace_id in rows)
    if not ids:
        return
    condition = Condition(_REQUEST_ID, Comparator.IN, ids)
    page = store.find(Search(filter=Filter(condition)), include_spans=True)
    blocks = dict(zip(page.traces.trace_id, page.spans or (), strict=True))
    for trace_id, expected in rows.items():
        stored = {
            span.digest
            for block in blocks.get(trace_id, ())
            for span in spans_of(block)
        }
        if not stored.issuperset(row.digest for row in expected):
            raise StoreError(
                f"The store does not give back the spans of trace "
                f"{keys.request_id(trace_id)} that were imported. Run `spanframe db "
                "check`, then import again: what is there is left as it is."
            )
