"""Any text, in whatever column it is derived to, is kept alike on every engine."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import Text, select, update

from spanframe.errors import StoreError
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp import decode_request
from spanframe_store.sql import mutations, schema
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.copying import copy_store
from tests.plugins.otlp import request, span
from tests.plugins.store import Store

MARK: Final = "marked"
TEXTS: Final = {
    "NUL": f"{MARK} a\0b\0",
    "half a pair": f"{MARK} \ud83d, \ude00",
    "a pair in halves": f"{MARK} \ud83d\ude00".encode("utf-16", "surrogatepass").decode(
        "utf-16"
    ),
    "no characters": f"{MARK} \ufffe\uffff\ufdd0\U0010ffff",
    "controls": f"{MARK} \x01\x1b[2J\x7f\x85\u2028\u202e",
    "1 MiB": MARK + "x" * (1 << 20) + "\0ü",
}
CLOSED: Final = {
    ("traces", "status"),
    ("span_kinds", "status"),
    ("spans", "usage"),
    ("usage_parts", "counts"),
}
"""Columns of text whose values a sender only chooses."""


def attributes_with(text: str, raw: str) -> list[dict[str, Any]]:
    """Attributes that state a text about their trace, each of a span of its own.

    Args:
        text: the text, where JSON spells it.
        raw: the same; empty where UTF-8 cannot encode it.
    """
    escaped = json.dumps(text)
    chat = json.dumps({"messages": [{"role": "user", "content": text}]})
    answer = {"choices": [{"message": {"role": "assistant", "content": text}}]}
    spelt: dict[str, Any] = {
        "mlflow.spanType": escaped,
        "mlflow.spanInputs": chat,
        "mlflow.spanOutputs": json.dumps(answer),
        "mlflow.chat.tokenUsage": json.dumps({"input_tokens": 1, text: 2}),
        "mlflow.llm.model": escaped,
        "spanframe.trace.state": escaped,
        "tag.tags": json.dumps([text]),
        "metadata": json.dumps({text: text, "session": escaped}),
        "langfuse.trace.metadata.other": json.dumps([text]),
    }
    written = {
        "mlflow.traceTag.said": raw,
        f"mlflow.traceTag.{raw}": "said",
        f"spanframe.metadata.{raw}": raw,
        "spanframe.trace.client_request_id": raw,
        "spanframe.trace.name": raw,
        "spanframe.trace.request_preview": raw,
        "spanframe.trace.response_preview": raw,
        "spanframe.experiment": raw,
        "user.id": raw,
        raw: raw,
    }
    plain = {"mlflow.spanInputs": raw, "mlflow.spanOutputs": {"output": raw}}
    return [
        *({key: value} for key, value in spelt.items()),
        *({key: value} for key, value in written.items() if raw),
        plain,
        {"mlflow.spanInputs": escaped, "mlflow.spanOutputs": escaped},
    ]


def placed(text: str) -> bytes:
    """A request that states a text in every place that something is derived from."""
    raw = text if text == text.encode(errors="replace").decode() else ""
    message = request(
        *(
            span(1, trace_id=trace_id(number), attributes=attributes)
            for number, attributes in enumerate(attributes_with(text, raw), 1)
        ),
        span(1, trace_id=trace_id(99), name=raw),
        resource={raw[:99]: [raw]},
        scope=raw,
    )
    of_resource = message.resource_spans[0]
    of_resource.schema_url = of_resource.scope_spans[0].schema_url = raw
    of_mlflow = of_resource.scope_spans.add()
    of_mlflow.scope.name = "mlflow.tests"
    escaped = json.dumps(text)
    twice = {"user.id": escaped, "session.id": escaped, "tag.tags": f"[{escaped}]"}
    of_mlflow.spans.add().CopyFrom(span(2, parent=1, attributes=twice))
    return message.SerializeToString()


def trace_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def filled(store: Store, text: str) -> Store:
    """A store that has been given a text in every way."""
    decoded = decode_request(placed(text))
    assert decoded.rejected == []
    store.writer.write([decoded.rows])
    mutations.create_experiment(
        store.engine,
        f"made {text}",
        artifact_location=f"at {text}",
        tags={f"with {text}": text},
    )
    mutations.set_trace_tag(store.engine, trace_id(1), f"edited {text}", text)
    mutations.set_trace_tag(store.engine, trace_id(2), "mlflow.traceName", text)
    mutations.set_trace_tag(store.engine, trace_id(2), text, "goes")
    mutations.delete_trace_tag(store.engine, trace_id(2), text)
    return store


def rows_of(store: Store) -> dict[str, list[dict[str, Any]]]:
    """All rows, without the times of edits."""
    with store.engine.connect() as connection:
        found = {
            table.name: [
                row._asdict()
                for row in connection.execute(
                    select(table).order_by(*table.primary_key.columns)
                )
            ]
            for table in schema.metadata.sorted_tables
        }
    for row in found["experiments"]:
        row["creation_time_ms"] = 0
    for row in found["traces"]:
        row["stamps"] = len(row["stamps"])
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_every_column_holds_any_text_on_both_engines(
    name: str,
    new_sqlite_store: Callable[[], Store],
    new_postgresql_store: Callable[[], Store],
) -> None:
    text = TEXTS[name]
    found = rows_of(filled(new_sqlite_store(), text))
    assert rows_of(filled(new_postgresql_store(), text)) == found
    columns = {
        (table.name, column.name)
        for table in schema.metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, Text)
    } - CLOSED
    holding = set()
    for table, column in columns:
        texts = [row[column] for row in found[table] if row[column] is not None]
        assert not any("\0" in each for each in texts)
        if any(MARK in each for each in texts):
            holding.add((table, column))
    missing = {("attribute_index", "whole_value")} if len(text) < 256 else set()
    if name == "half a pair":  # which OTLP itself cannot hold
        missing |= {
            ("resources", "schema_url"),
            ("scopes", "schema_url"),
            ("traces", "client_request_id"),
            ("span_kinds", "name"),
        }
    if len(text) > 1 << 20:  # too long to be searched for messages
        missing |= {("traces", "trace_inputs"), ("traces", "trace_outputs")}
    assert columns - holding == missing
    [edited] = [row for row in found["traces"] if row["trace_id"] == trace_id(1)]
    tags = json.loads(edited["tags"])
    assert tags[stored_text(f"edited {text}")] == stored_text(text)


def test_a_store_that_holds_what_another_refuses_is_copied_whole(
    new_sqlite_store: Callable[[], Store],
    new_postgresql_store: Callable[[], Store],
) -> None:
    """Rows that an earlier version wrote, before U+0000 was replaced everywhere."""
    source, target = new_sqlite_store(), new_postgresql_store()
    said = {"mlflow.traceTag.a": "b", "spanframe.experiment": "e"}
    source.write(span(1, attributes=said), scope="s")
    nul = {
        schema.resources: {"schema_url": "a\0b"},
        schema.scopes: {"schema_url": "a\0b"},
        schema.span_signatures: {"name": "a\0b"},
        schema.traces: {"request_preview": "a\0b", "tags": '{"a\\u0000":"b\\u0000"}'},
        schema.experiments: {"name": "a\0b"},
    }
    with source.engine.begin() as connection:
        for table, values in nul.items():
            rows = update(table).values(values)
            if table is schema.experiments:
                rows = rows.where(table.c.experiment_id > 0)
            connection.execute(rows)
    reading = open_engine(source.url, read_only=True)
    assert copy_store(reading, target.engine, lambda *_: None) == (1, 0)
    assert copy_store(reading, target.engine, lambda *_: None) == (0, 1)
    reading.dispose()
    found = rows_of(target)
    [trace] = found["traces"]
    assert trace["request_preview"] == "a\ufffdb"
    assert json.loads(trace["tags"]) == {"a\ufffd": "b\ufffd"}
    assert found["resources"][0]["schema_url"] == "a\ufffdb"
    assert found["attribute_index"][0]["key"] == "a\ufffd"


def test_a_trace_that_cannot_be_copied_is_named_and_the_others_are_copied(
    new_sqlite_store: Callable[[], Store],
    new_postgresql_store: Callable[[], Store],
) -> None:
    source, target = new_sqlite_store(), new_postgresql_store()
    source.write(*(span(1, trace_id=trace_id(number)) for number in range(1, 10)))
    damage: dict[int, dict[str, Any]] = {
        3: {"experiment_id": 1 << 40},
        7: {"tags": "no JSON"},
    }
    with source.engine.begin() as connection:
        for number, values in damage.items():
            is_it = schema.traces.c.trace_id == trace_id(number)
            connection.execute(update(schema.traces).where(is_it).values(values))
    reading = open_engine(source.url, read_only=True)
    told: list[tuple[int, int]] = []
    with pytest.raises(
        StoreError, match=r"but 2, which .*tr-0+3 \(.*tr-0+7 "
    ) as caught:
        copy_store(reading, target.engine, lambda *how_far: told.append(how_far))
    reading.dispose()
    assert "The source still has them" in str(caught.value)
    assert told[-1] == (9, 9)
    held = {row["trace_id"] for row in rows_of(target)["traces"]}
    assert held == {trace_id(n) for n in range(1, 10)} - {trace_id(3), trace_id(7)}
