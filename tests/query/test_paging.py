"""Page tokens: page after page is one big page, and no token fits another search."""

import base64
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from spanframe.errors import InvalidArgumentError
from spanframe_query.filter import parse_filter
from spanframe_query.order import parse_order
from spanframe_query.paging import next_token, read_token
from spanframe_store.contract.search import Search
from spanframe_store.sql.statements import order_values
from tests.plugins.examples import COSTLY
from tests.plugins.records import TraceRecord, fill, open_store, refill, rows_of

RECORDS = [
    TraceRecord(
        number=number,
        timestamp_ms=1_000 + number // 4,
        execution_time_ms=None if number % 3 == 0 else number % 5,
        status="OK" if number % 2 else "ERROR",
        name=None if number % 7 == 0 else f"n{number % 2}",
        experiment_id=number % 2,
        tags={"env": "prod"} | ({"lane": f"l{number % 3}"} if number % 4 else {}),
    )
    for number in range(1, 31)
]
ITEMS = [
    "timestamp",
    "timestamp DESC",
    "execution_time",
    "execution_time DESC",
    "end_time DESC",
    "status DESC",
    "name",
    "name DESC",
    "tags.lane",
    "tags.lane DESC",
    "tags.nowhere",
    "request_id DESC",
    "experiment_id",
]


@pytest.fixture(scope="module")
def engine(place: Path | str) -> Iterator[Engine]:
    engine = open_store(place, RECORDS)
    yield engine
    engine.dispose()


def _token(search: Search, last_row: Any) -> str:
    return next_token(search, order_values(last_row, search.order))


def _rows(engine: Engine, search: Search) -> list[Any]:
    with engine.connect() as connection:
        return list(rows_of(connection, search))


def _search(text: str = "", order_by: Any = None, **more: Any) -> Search:
    return Search(filter=parse_filter(text), order=parse_order(order_by), **more)


@given(
    items=st.lists(
        st.sampled_from(ITEMS), max_size=3, unique_by=lambda item: item.split()[0]
    ),
    limit=st.integers(1, 11),
    text=st.sampled_from(["", "tags.env = 'prod'", "status = 'OK'"]),
)
@COSTLY
def test_page_after_page_is_one_big_page(
    engine: Engine, items: list[str], limit: int, text: str
) -> None:
    whole = [row.trace_key for row in _rows(engine, _search(text, items))]
    search = _search(text, items, limit=limit)

    pages: list[int] = []
    token: str | None = None
    while True:
        after = read_token(token, search)
        rows = _rows(engine, dataclasses.replace(search, after=after))
        if not rows:
            break
        assert len(rows) <= limit
        pages += [row.trace_key for row in rows]
        token = _token(search, rows[-1])

    assert pages == whole


def test_traces_that_arrive_between_pages_move_no_row(engine: Engine) -> None:
    refill(engine, RECORDS)
    search = _search(limit=10)
    rows = _rows(engine, search)
    token = _token(search, rows[-1])

    newer = [TraceRecord(number=n, timestamp_ms=9_000) for n in range(100, 120)]
    fill(engine, newer)
    after = read_token(token, search)
    rest = _rows(engine, dataclasses.replace(search, after=after, limit=None))
    refill(engine, RECORDS)

    seen = [row.trace_key for row in [*rows, *rest]]
    assert sorted(seen) == [record.number for record in RECORDS]


@pytest.mark.parametrize("token", [None, ""])
def test_no_token_is_the_first_page(token: str | None) -> None:
    assert read_token(token, _search()) is None


def test_a_token_is_url_safe_and_survives_its_search_spelled_differently(
    engine: Engine,
) -> None:
    search = _search("status='OK'", "timestamp", experiment_ids=(1, 0))
    same = _search(
        'attributes.status  =  "OK"', "timestamp_ms ASC", experiment_ids=(0, 1)
    )
    row = _rows(engine, search)[-1]

    token = _token(search, row)

    assert token.replace("-", "").replace("_", "").replace("=", "").isalnum()
    assert read_token(token, same) == (row.timestamp_ms, row.trace_id)


@pytest.mark.parametrize(
    "other",
    [
        _search("status = 'OK'"),
        _search("", "timestamp ASC"),
        _search("", "name"),
        _search(experiment_ids=(0,)),
        _search(experiment_ids=()),
    ],
)
def test_a_token_of_another_search_is_refused(engine: Engine, other: Search) -> None:
    search = _search()
    token = _token(search, _rows(engine, search)[-1])

    with pytest.raises(InvalidArgumentError, match="page token belongs to another"):
        read_token(token, other)


def _changed(token: str, position: int, value: Any) -> str:
    values = json.loads(base64.urlsafe_b64decode(token))
    values[position] = value
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


@pytest.mark.parametrize("value", ["5", 1 << 63, 1.5, True, [1], {}])
def test_a_token_with_a_value_of_another_type_is_refused(
    engine: Engine, value: Any
) -> None:
    search = _search()
    token = _token(search, _rows(engine, search)[-1])

    with pytest.raises(InvalidArgumentError, match="not a page token"):
        read_token(_changed(token, 1, value), search)


@pytest.mark.parametrize("value", ["zz", "abc", 5, None])
def test_a_token_with_a_broken_id_is_refused(engine: Engine, value: Any) -> None:
    search = _search()
    token = _token(search, _rows(engine, search)[-1])

    with pytest.raises(InvalidArgumentError, match="not a page token"):
        read_token(_changed(token, 2, value), search)


def test_a_token_with_half_a_surrogate_pair_is_refused(engine: Engine) -> None:
    search = _search("", "name")
    token = _token(search, _rows(engine, search)[0])

    with pytest.raises(InvalidArgumentError, match="not a page token"):
        read_token(_changed(token, 1, "\ud800"), search)


@given(token=st.text(min_size=1) | st.binary(min_size=1).map(base64.b64encode))
def test_anything_else_is_refused_as_no_page_token(token: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="page token"):
        read_token(token, _search())


@pytest.mark.parametrize(
    "text", ["null", "5", "[]", "[[]]", "{}", "[" * 100_000, '"x"', '["\\ud800"]']
)
def test_json_that_is_no_token_is_refused(text: str) -> None:
    token = base64.urlsafe_b64encode(text.encode()).decode()

    with pytest.raises(InvalidArgumentError, match="page token"):
        read_token(token, _search())


@pytest.mark.parametrize(
    ("experiment_ids", "count"),
    [(None, 30), ((0,), 15), ((0, 1), 30), ((), 0), ((5,), 0), ((1 << 70, -1), 0)],
)
def test_a_search_looks_in_its_experiments(
    engine: Engine, experiment_ids: tuple[int, ...] | None, count: int
) -> None:
    assert len(_rows(engine, _search(experiment_ids=experiment_ids))) == count


@pytest.mark.parametrize(
    ("limit", "count"), [(None, 30), (0, 0), (-1, 0), (7, 7), (1 << 80, 30)]
)
def test_a_search_returns_at_most_its_limit(
    engine: Engine, limit: int | None, count: int
) -> None:
    assert len(_rows(engine, _search(limit=limit))) == count
