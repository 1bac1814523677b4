"""Filters of any size and numbers of any magnitude run or are refused, never crash."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from spanframe.errors import FilterError
from spanframe_query.filter import filter_and, parse_filter
from spanframe_query.order import parse_order
from spanframe_store.contract.search import Search
from tests.plugins.records import SpanRecord, TraceRecord, open_store, rows_of

RECORDS = [
    TraceRecord(
        number=number,
        tags={"shared": text},
        spans=(SpanRecord(attributes={"shared": text}),),
    )
    for number, text in enumerate(["x" * 50, "a" * 10_000, "one", "\ufffd"], 1)
]


@pytest.fixture(scope="module")
def engine(place: Path | str) -> Iterator[Engine]:
    engine = open_store(place, RECORDS)
    yield engine
    engine.dispose()


def _found(engine: Engine, text: str) -> list[int]:
    search = Search(filter=parse_filter(text))
    with engine.connect() as connection:
        rows = rows_of(connection, search)
        return sorted(row.trace_key for row in rows)


@pytest.mark.parametrize("text", ["tags.x = '\ud800'", "tags.`\udfff` = 'a'", "\ud83d"])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(FilterError, match="Half a surrogate pair"):
        parse_filter(text)


def test_half_a_surrogate_pair_is_refused_wherever_it_comes_from() -> None:
    every_trace = parse_filter("")

    with pytest.raises(FilterError, match="Half a surrogate pair"):
        parse_order("tags.`\ud800`")
    with pytest.raises(FilterError, match="Half a surrogate pair"):
        filter_and(every_trace, "metadata", "mlflow.modelId", "\ud800")
    with pytest.raises(FilterError, match="Half a surrogate pair"):
        filter_and(every_trace, "tags", "\udfff", "x")


@pytest.mark.parametrize(
    "number",
    [
        "1e400",
        "-1e400",
        "1e999999999999999999",
        "1e99999999999999999999",
        "1e-999999999999999999",
        "9" * 5_000,
        "0." + "0" * 5_000 + "1",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616.5",
    ],
)
@pytest.mark.parametrize("field", ["timestamp", "latency", "end_time"])
@pytest.mark.parametrize("comparator", ["=", "!=", "<", "<=", ">", ">="])
def test_a_number_of_any_size_is_compared_or_refused(
    engine: Engine, number: str, field: str, comparator: str
) -> None:
    try:
        found = _found(engine, f"{field} {comparator} {number}")
    except FilterError as error:
        raised = error
    else:
        assert len(found) in {0, len(RECORDS)}
        return
    assert raised.source == f"{field} {comparator} {number}"


@pytest.mark.parametrize(
    "number", ["1e400", "9" * 400, "1e-999999999999999999", "5e18"]
)
def test_an_attribute_is_compared_with_a_number_of_any_size(
    engine: Engine, number: str
) -> None:
    assert _found(engine, f"span.attributes.shared IN ({number}, -{number})") == []


@pytest.mark.parametrize(
    "text",
    [
        "status = 'OK' " * 50,
        " AND ".join(["status = 'OK'"] * 101),
        f"status IN ({', '.join(['1'] * 10_001)})",
        "(" * 10_000,
        "'" * 10_001,
        "`" * 10_001,
        "\"'`" * 5_000,
        " " * 100_000 + "x",
        "x" * 1_000_001,
        f"tags.x LIKE '{'%' * 10_001}'",
        f"tags.x RLIKE '{'(a*)*' * 2_001}'",
        "tags.x RLIKE 'a{1000}{1000}'",
        "a." * 5_000 + "b = 'x'",
    ],
    ids=lambda text: f"{text[:20]}… {len(text)}",
)
def test_a_monstrous_filter_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text)


def test_the_largest_filters_run(engine: Engine) -> None:
    clauses = " AND ".join(["name != 'x'", "tags.shared != 'x'"] * 50)
    values = ", ".join(f"'{i}'" for i in range(10_000))
    pattern = "%" + "\U0001f389_" * 4_999
    groups = "(" * 5_000 + ")" * 5_000

    assert len(_found(engine, clauses)) == len(RECORDS)
    assert len(_found(engine, f"tags.shared NOT IN ({values})")) == len(RECORDS)
    assert _found(engine, f"tags.shared LIKE '{pattern}'") == []
    assert len(_found(engine, f"tags.shared RLIKE '{groups}'")) == len(RECORDS)
    assert _found(engine, f"tags.shared ILIKE '{'?[' * 5_000}'") == []


def test_an_expression_that_makes_others_backtrack_ends(engine: Engine) -> None:
    assert _found(engine, "tags.shared RLIKE '^(x+x+)+z$'") == []
