"""Changes of a row store: tags, deletion of traces, experiments.

Each change is one short transaction. An edit wins over all spans that arrive later.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from spanframe import keys
from spanframe.errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    StoreError,
)
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.trace_state import edit, merge
from spanframe_store.sql import index_entries
from spanframe_store.sql.chunks import chunks
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.large_usage import forget_parts
from spanframe_store.sql.schema import (
    dictionaries,
    experiments,
    span_blocks,
    spans,
    traces,
)
from spanframe_store.sql.trace_columns import columns_of, searchable_of, state_of
from spanframe_store.sql.urls import driver_message, store_name

__all__ = [
    "create_experiment",
    "delete_trace_tag",
    "delete_traces",
    "delete_traces_before",
    "set_trace_tag",
    "transaction",
]

_PORTION_TRACES: Final = 500
"""Maximum traces per transaction, so that no writer waits long for the lock."""

# A dictionary holds text of the spans it was trained on, so it is deleted with the last
# block that uses it. The newest stays, as the next block is compressed with it.
_UNUSED_DICTIONARIES: Final = delete(dictionaries).where(
    dictionaries.c.dictionary_key
    < select(func.max(dictionaries.c.dictionary_key).label("newest")).scalar_subquery(),
    ~exists().where(span_blocks.c.dictionary_key == dictionaries.c.dictionary_key),
)


def set_trace_tag(engine: Engine, trace_id: bytes, key: str, value: str) -> None:
    """Set a tag of a stored trace.

    Args:
        engine: a writing engine.
        trace_id: the 16 bytes of the OpenTelemetry trace id.
        key: the tag; ``mlflow.traceName`` renames the trace.
        value: the text, kept whole.

    Raises:
        NotFoundError: when the store has no such trace.
        StoreError: when the store cannot be written.
    """
    _edit(engine, trace_id, key, value)


def delete_trace_tag(engine: Engine, trace_id: bytes, key: str) -> None:
    """Delete a tag of a stored trace.

    Raises:
        NotFoundError: when the store has no such trace, or the trace no such tag.
        StoreError: when the store cannot be written.
    """
    _edit(engine, trace_id, key, None)


def delete_traces(engine: Engine, trace_ids: Iterable[bytes]) -> int:
    """Delete traces with their spans and index rows; return how many existed.

    Raises:
        StoreError: when the store cannot be written.
    """
    deleted = 0
    for ids in chunks(trace_ids, _PORTION_TRACES):
        with transaction(engine) as connection:
            query = select(traces).where(traces.c.trace_id.in_(ids))
            deleted += _delete(connection, connection.execute(query).all())
    return deleted


def delete_traces_before(
    engine: Engine,
    timestamp_ms: int,
    *,
    experiment_id: int | None = None,
    at_most: int | None = None,
    with_start: bool = False,
) -> int:
    """Delete one portion of the traces that started at ``timestamp_ms`` or before.

    Args:
        engine: a writing engine.
        timestamp_ms: epoch milliseconds.
        experiment_id: the experiment; None for all.
        at_most: the maximum number of traces, below the size of a portion.
        with_start: leave traces whose start is unknown, which counts as 0.

    Returns:
        The number of deleted traces, oldest first; 0 when none is left. The caller
        repeats the call, so that writers get their turn in between.

    Raises:
        StoreError: when the store cannot be written.
    """
    limit = _PORTION_TRACES if at_most is None else min(at_most, _PORTION_TRACES)
    query = select(traces).where(traces.c.timestamp_ms <= timestamp_ms)
    if experiment_id is not None:
        query = query.where(traces.c.experiment_id == experiment_id)
    if with_start:
        query = query.where(traces.c.timestamp_ms > 0)
    query = query.order_by(traces.c.timestamp_ms, traces.c.trace_id).limit(limit)
    with transaction(engine) as connection:
        return _delete(connection, connection.execute(query).all())


def create_experiment(
    engine: Engine,
    name: str,
    *,
    artifact_location: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> int:
    """Create an experiment and return its id.

    Args:
        engine: a writing engine.
        name: the name, not empty and not taken.
        artifact_location: a URI to keep.
        tags: tags to keep.

    Raises:
        InvalidArgumentError: when the name is empty.
        AlreadyExistsError: when the name is taken.
        StoreError: when the store cannot be written.
    """
    if not name.strip():
        raise InvalidArgumentError("The name of an experiment is empty: write a name.")
    name = stored_text(name)
    with transaction(engine) as connection:
        is_it = database_of(connection).has_name(experiments.c.name, [name])
        taken = select(experiments).where(is_it)
        if connection.execute(taken).first():
            raise AlreadyExistsError(
                f"Experiment {name!r} exists already: choose another name."
            )
        greatest = connection.execute(select(func.max(experiments.c.experiment_id)))
        experiment_id = int(greatest.scalar() or 0) + 1
        connection.execute(
            insert(experiments).values(
                experiment_id=experiment_id,
                name=name,
                creation_time_ms=time.time_ns() // 1_000_000,
                artifact_location=artifact_location and stored_text(artifact_location),
                tags=stored_text(json.dumps(dict(tags))) if tags else None,
            )
        )
    return experiment_id


def _edit(engine: Engine, trace_id: bytes, key: str, value: str | None) -> None:
    key = stored_text(key)
    field = "name" if key == keys.TAG_TRACE_NAME else f"tags.{key}"
    with transaction(engine) as connection:
        query = select(traces).where(traces.c.trace_id == trace_id)
        row = connection.execute(query).first()
        if row is None:
            raise NotFoundError(
                f"There is no trace {keys.request_id(trace_id)} in this store."
            )
        before = row._asdict()
        state = state_of(before)
        if value is None and state.values.get(field) is None:
            raise NotFoundError(
                f"Trace {keys.request_id(trace_id)} has no tag {key!r}."
            )
        after = merge(state, edit(field, value, time.time_ns()))
        columns = columns_of(after)
        connection.execute(
            update(traces).where(traces.c.trace_id == trace_id).values(columns)
        )
        changes = index_entries.Changes()
        changes.add(
            row.trace_key, index_entries.Searchable.of_row(before), searchable_of(after)
        )
        changes.write(connection)


def _delete(connection: Connection, rows: Sequence[Any]) -> int:
    changes = index_entries.Changes()
    for row in rows:
        found_by = index_entries.Searchable.of_row(row._asdict())
        changes.add(row.trace_key, found_by, None)
    changes.write(connection)
    trace_keys = [row.trace_key for row in rows]
    blocks = select(spans.c.block_key).where(spans.c.trace_key.in_(trace_keys))
    connection.execute(delete(span_blocks).where(span_blocks.c.block_key.in_(blocks)))
    for table in (spans, traces):
        connection.execute(delete(table).where(table.c.trace_key.in_(trace_keys)))
    forget_parts(connection, trace_keys)
    connection.execute(_UNUSED_DICTIONARIES)
    return len(rows)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Begin and commit a transaction.

    Raises:
        StoreError: when the store refuses.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        where = store_name(engine)
        raise StoreError(
            f"The store {where} cannot be written: {driver_message(error)}."
        ) from error
