"""`order_by`: names, directions, ties, absent values, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from spanframe.errors import FilterError, InvalidArgumentError
from spanframe_query.order import parse_order
from spanframe_store.contract.search import Search
from tests.plugins.records import TraceRecord, open_store, rows_of

RECORDS = [
    TraceRecord(
        number=1,
        timestamp_ms=100,
        execution_time_ms=50,
        status="OK",
        name="b",
        tags={"lane": "My_F"},
    ),
    TraceRecord(
        number=2,
        timestamp_ms=100,
        execution_time_ms=None,
        status="IN_PROGRESS",
        name=None,
        experiment_id=7,
        metadata={"mlflow.sourceRun": "r2"},
    ),
    TraceRecord(
        number=3,
        timestamp_ms=120,
        execution_time_ms=5,
        status="ERROR",
        name="ä",
        tags={"lane": "inprog"},
        metadata={"mlflow.sourceRun": "r1"},
    ),
]


@pytest.fixture(scope="module")
def engine(place: Path | str) -> Iterator[Engine]:
    engine = open_store(place, RECORDS)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("order_by", "numbers"),
    [
        (None, [3, 1, 2]),
        ([], [3, 1, 2]),
        ("timestamp", [1, 2, 3]),
        (["timestamp_ms ASC", "request_id DESC"], [2, 1, 3]),
        ("request_id desc", [3, 2, 1]),
        ("execution_time", [3, 1, 2]),
        ("attributes.execution_time_ms DESC", [1, 3, 2]),
        ("end_time", [2, 3, 1]),
        ("end_time_ms DESC", [1, 3, 2]),
        ("name", [1, 3, 2]),
        ("name DESC", [3, 1, 2]),
        ("status", [3, 2, 1]),
        ("tags.lane", [1, 3, 2]),
        ("tags.`lane` DESC", [3, 1, 2]),
        ("metadata.`mlflow.sourceRun`", [3, 2, 1]),
        ("run_id DESC", [2, 3, 1]),
        ("experiment_id DESC", [2, 3, 1]),
        ("tags.nowhere", [3, 1, 2]),
    ],
)
def test_rows_come_in_this_order(
    engine: Engine, order_by: Any, numbers: list[int]
) -> None:
    search = Search(order=parse_order(order_by))

    with engine.connect() as connection:
        rows = rows_of(connection, search)

    assert [row.trace_key for row in rows] == numbers


def test_the_newest_first_then_the_request_id_break_ties() -> None:
    terms = parse_order(["tags.lane DESC", "status"])

    assert [str(term) for term in terms] == [
        "tags.`lane` DESC",
        "status ASC",
        "timestamp_ms DESC",
        "request_id ASC",
    ]


def test_a_tie_breaker_that_is_given_is_not_added_again() -> None:
    assert [str(term) for term in parse_order("timestamp ASC")] == [
        "timestamp_ms ASC",
        "request_id ASC",
    ]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            "",
            "The order is empty\n  \n  ^\nWrite, for example, timestamp_ms DESC",
        ),
        (
            "timestamp FOO",
            """An order is a field and a direction
  timestamp FOO
            ^^^
Write ASC or DESC after the field, and several fields as a list of texts""",
        ),
        (
            "status, name DESC",
            """An order is a field and a direction
  status, name DESC
        ^^^^^^^^^^^
Write ASC or DESC after the field, and several fields as a list of texts""",
        ),
        (
            "statsu DESC",
            "No such field: statsu\n  statsu DESC\n  ^^^^^^\nDid you mean status?",
        ),
        (
            "client_request_id",
            """Traces are not ordered by this field
  client_request_id
  ^^^^^^^^^^^^^^^^^
Order by timestamp_ms, execution_time_ms, end_time_ms, status, request_id, \
experiment_id, name, tags.<key> or metadata.<key>""",
        ),
    ],
)
def test_a_bad_item_is_refused_with_this_message(item: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_order([item])

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "item",
    [
        "client_request_id",
        "text",
        "prompt",
        "feedback.x",
        "TIMESTAMP ASC",
        "metadata.`mlflow.trace.tokenUsage`",
        "metadata.`mlflow.trace.cost`",
        "5",
        "'status'",
        "ASC",
        "DESC",
        "status DESC DESC",
        "status -- c",
        "tags.",
        "tags.`x",
        "status; DROP TABLE traces",
    ],
)
def test_what_is_no_order_is_refused(item: str) -> None:
    with pytest.raises(FilterError):
        parse_order(item)


def test_a_field_is_named_once_aliases_included() -> None:
    with pytest.raises(FilterError, match="ordered by already"):
        parse_order(["timestamp_ms", "timestamp DESC"])


def test_an_item_that_is_no_text_is_refused() -> None:
    items: Any = [5]
    with pytest.raises(InvalidArgumentError, match="order_by takes texts"):
        parse_order(items)
