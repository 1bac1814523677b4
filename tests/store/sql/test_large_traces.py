"""One more span costs a trace of many spans and tags what it costs a small one."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import event

from spanframe_store.sql.writer import SpanWriter
from tests.plugins.otlp import span
from tests.plugins.store import Store

USAGE: Final = {"mlflow.chat.tokenUsage": json.dumps({"input_tokens": 1})}
SMALL, LARGE = b"s" * 16, b"l" * 16
COUNTED_STEPS: Final = 100


def steps_of(store: Store, *sent: Any) -> int:
    """Write some spans; return the steps that the virtual machine of SQLite took."""
    count = 0

    def note() -> None:
        nonlocal count
        count += 1

    def watch(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(note, COUNTED_STEPS)

    event.listen(store.engine, "checkout", watch)
    store.write(*sent)
    event.remove(store.engine, "checkout", watch)
    return count * COUNTED_STEPS


def test_a_small_change_does_not_grow_with_the_trace(
    new_sqlite_store: Callable[[], Store],
) -> None:
    store = new_sqlite_store()
    resource = {f"of.resource{n}": "x" for n in range(5)}
    store.write(span(1, trace_id=SMALL), resource=resource)
    for first in range(2, 5002, 2500):
        store.write(
            *(
                span(n, parent=9999999, trace_id=LARGE, attributes=USAGE)
                for n in range(first, first + 2500)
            ),
            resource=resource,
        )
    changes: dict[str, dict[str, Any]] = {
        "plain": {},
        "usage": {"attributes": USAGE},
        "tag": {"attributes": {"mlflow.traceTag.t": "x"}},
        "known parent": {"parent": 50},
    }
    for number, fields in enumerate(changes.values(), 100_000):
        took = {
            trace_id: steps_of(
                store, span(number, trace_id=trace_id, **{"parent": 1, **fields})
            )
            for trace_id in (SMALL, LARGE)
        }
        # Summing up the whole of the large trace takes ten times as many.
        assert took[LARGE] <= took[SMALL] + 5000, fields


def test_ten_thousand_tags_are_bounded(store: Store) -> None:
    """What is read of the trace for one more span is within its limit."""
    for first in range(0, 10_000, 2000):
        tags = {f"mlflow.traceTag.t{n}": "v" * 10 for n in range(first, first + 2000)}
        store.write(span(first + 1, parent=1 << 40, attributes=tags))
    read = 0

    def note(_: Any, cursor: Any, statement: str, values: Any, *__: object) -> None:
        nonlocal read
        if statement.startswith("SELECT") and "traces" in statement:
            read += sum(len(repr(row)) for row in cursor.fetchall())
            cursor.execute(statement, values)  # for the caller

    store.writer = SpanWriter(store.engine)
    event.listen(store.engine, "after_cursor_execute", note)
    store.write(span(77_777, parent=1 << 40))
    event.remove(store.engine, "after_cursor_execute", note)
    assert 0 < read < 100_000


def test_the_usage_of_a_large_trace_is_exact(store: Store) -> None:
    """Children first, then their parents, which report them once more."""
    for first in range(1000, 4000, 500):
        store.write(
            *(
                span(n, parent=1 + n % 7, attributes=USAGE)
                for n in range(first, first + 500)
            )
        )
    store.write(span(1, parent=900, attributes=USAGE), span(900))
    with store.engine.connect() as connection:
        text = connection.exec_driver_sql("SELECT metadata FROM traces").scalar_one()
    usage = json.loads(json.loads(text)["mlflow.trace.tokenUsage"])
    covered = sum(1 for n in range(1000, 4000) if n % 7 == 0)
    assert usage["input_tokens"] == 3000 - covered + 1
