"""Filters over what the collector itself has written: index and JSON say the same."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, Row

from spanframe import keys
from spanframe_query.filter import FieldKind, parse_filter
from spanframe_store.contract.search import Search
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.computed import COMPUTED, add_computed
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.plans import WALK_TRACES, candidates
from tests.plugins.otlp import MS, START, span
from tests.plugins.records import rows_of
from tests.plugins.store import Store

LONG = "x" * 300
ROOT = {
    "mlflow.traceTag.env": "prod",
    'mlflow.traceTag.it\'s "odd".$': "a%b",
    "mlflow.traceTag.long": LONG,
    "mlflow.traceTag.name": "a tag called name",
    "spanframe.metadata.release": "1.2",
    "user.id": "ada",
    "spanframe.trace.says.user.id": "true",
    "spanframe.trace.client_request_id": "request 77",
    "config": '{"top": [1, {"k": "v"}]}',
    "mlflow.spanInputs": '{"q": "東京"}',
    "mlflow.spanType": '"CHAIN"',
}


@pytest.fixture
def reading(store: Store) -> Iterator[Engine]:
    store.write(
        span(2, parent=1, start_ms=5, attributes={"gen_ai.usage.input_tokens": 7}),
        span(1, attributes=ROOT),
    )
    # What arrives late moves the start of its trace, and its index rows with it.
    store.write(span(3, trace_id=b"\7" * 16, parent=9, start_ms=50))
    store.write(
        span(
            4,
            trace_id=b"\7" * 16,
            start_ms=20,
            ms=15,
            attributes={"mlflow.traceTag.env": "dev"},
        )
    )
    engine = open_engine(store.url, read_only=True)
    database_of(engine).prepare_reading(engine)
    yield engine
    engine.dispose()


def _rows(engine: Engine, text: str) -> list[Row[Any]]:
    """Return the rows of a filter, after every plan has found the same."""
    search = Search(filter=parse_filter(text))
    with engine.connect() as connection:
        plans = [None, WALK_TRACES, *(c.plan for c in candidates(search.filter))]
        results = [list(rows_of(connection, search, plan)) for plan in plans]
    ids = [[row.trace_id for row in rows] for rows in results]
    assert ids == [ids[0]] * len(ids)
    return results[0]


@pytest.mark.parametrize(
    "text",
    [
        "tags.env = 'prod'",
        "tags.env IN ('prod', 'test') AND tags.env LIKE 'pr%'",
        "tags.`it's \"odd\".$` = 'a%b'",
        "tags.`it's \"odd\".$` != 'a_b'",
        f"tags.long = '{LONG}'",
        f"tags.long LIKE '{LONG[:299]}_'",
        f"tags.long != '{LONG[:256]}'",
        "tags.name = 'a tag called name'",
        "metadata.release = '1.2' AND metadata.`mlflow.trace.user` = 'ada'",
        "metadata.`mlflow.trace.user` RLIKE '^a'",
        "metadata.mlflow.traceInputs LIKE '%東京%'",
        "tags.mlflow.traceName = 'span 1' AND name = 'span 1'",
        "span.attributes.gen_ai.usage.input_tokens = 7",
        "span.attributes.mlflow.chat.tokenUsage LIKE '%\"input_tokens\": 7%'",
        'span.attributes.mlflow.spanInputs = \'{"q":"東京"}\'',
        "span.content LIKE '%\"q\": \"東京\"%' AND span.type = 'CHAIN'",
        'span.attributes.config = \'{"top": [1, {"k": "v"}]}\'',
        'span.content LIKE \'%"config": {"top": [1, {"k": "v"}]}%\'',
        "client_request_id = 'request 77' AND trace.text LIKE '%東京%'",
        "execution_time_ms = 10 AND status = 'OK'",
        f"timestamp_ms = {START // MS} AND tags.env = 'prod'",
    ],
)
def test_a_filter_finds_what_the_collector_wrote(reading: Engine, text: str) -> None:
    assert [row.trace_id for row in _rows(reading, text)] == [bytes(range(1, 17))]


@pytest.mark.parametrize(
    "text",
    [
        f"tags.long = '{LONG[:256]}'",
        f"tags.long = '{LONG}x'",
        "tags.name = 'span 1'",
        "tags.env = 'prod' AND tags.env = 'dev'",
        "tags.missing != 'x'",
        "span.name = 'span 2' AND span.type = 'CHAIN'",
        # Facts of a trace travel as attributes of its root and belong to no span.
        "span.content LIKE '%prod%'",
        "tags.env = 'prod' AND trace.text ILIKE '%PROD%'",
        "metadata.release = '1.2' AND span.content LIKE '%1.2%'",
        "span.content LIKE '%ada%'",
        "span.content LIKE '%traceTag%'",
        "span.content LIKE '%spanframe.%' AND span.type = 'CHAIN'",
        "trace.text LIKE '%request 77%'",
        "span.attributes.mlflow.traceTag.env = 'prod'",
        "span.attributes.spanframe.metadata.release LIKE '%'",
        "span.attributes.user.id = 'ada'",
        "span.attributes.user.id != 'bob' AND span.content LIKE '%東京%'",
    ],
)
def test_a_filter_finds_nothing_else(reading: Engine, text: str) -> None:
    assert _rows(reading, text) == []


def test_an_index_row_moves_with_the_start_of_its_trace(reading: Engine) -> None:
    [row] = _rows(reading, f"tags.env = 'dev' AND timestamp = {START // MS + 20}")

    assert row.trace_id == b"\7" * 16


def test_what_a_trace_shows_is_what_a_filter_finds(reading: Engine) -> None:
    rows = _rows(reading, "")
    for row in rows:
        columns = {name: [value] for name, value in row._mapping.items()}
        columns["request_id"] = [keys.request_id(row.trace_id)]
        shown: dict[FieldKind, dict[str, str]] = {
            FieldKind.TAG: {},
            FieldKind.METADATA: {},
        }
        for kind, entries in shown.items():
            add_computed(kind, [entries], columns)
        for kind, key in COMPUTED:
            value = shown[kind].get(key)
            equal = f"= '{value}'" if value is not None else "IS NULL"
            text = f"request_id = '{keys.request_id(row.trace_id)}' AND {kind.value}"
            assert len(_rows(reading, f"{text}.`{key}` {equal}")) == 1

    assert len(rows) == 2
