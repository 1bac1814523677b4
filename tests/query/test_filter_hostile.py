"""Hostile keys and values match exactly their own rows and are never part of SQL."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, make_url

from spanframe_query.filter import filter_and, parse_filter
from spanframe_store.contract.search import Search
from spanframe_store.sql import schema
from spanframe_store.sql.engines import DATABASES
from spanframe_store.sql.planning import guessed
from spanframe_store.sql.plans import WALK_TRACES, Plan
from spanframe_store.sql.statements import select_traces
from tests.plugins.examples import some
from tests.plugins.hostile import HOSTILE
from tests.plugins.records import SpanRecord, TraceRecord, open_store, rows_of

NUMBERED = list(enumerate(HOSTILE, 1))
QUOTES = ("'", '"')
CLAUSES = {True: ("= 'held'", "IS NOT NULL"), False: ("IN ('held')", "LIKE 'h_l%'")}


@pytest.fixture(scope="module")
def engine(place: Path | str) -> Iterator[Engine]:
    records = [
        TraceRecord(
            number=number,
            name=text,
            client_request_id=text,
            tags={text: "held", "shared": text},
            metadata={text: "held", "shared": text},
            spans=(SpanRecord(name=text, attributes={text: "held", "shared": text}),),
        )
        for number, text in NUMBERED
    ]
    engine = open_store(place, records)
    yield engine
    engine.dispose()


def _quoted(text: str, quote: str) -> str:
    return quote + text.replace(quote, quote * 2) + quote


def _found(engine: Engine, text: str, plan: Plan | None = None) -> list[int]:
    search = Search(filter=parse_filter(text))
    with engine.connect() as connection:
        rows = rows_of(connection, search, plan)
        return sorted(row.trace_key for row in rows)


def test_there_are_300_hostile_texts() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 300


@pytest.mark.parametrize("scope", ["tags", "metadata"])
@pytest.mark.parametrize("walked", [True, False])
def test_a_hostile_key_finds_its_own_row(
    engine: Engine, scope: str, *, walked: bool
) -> None:
    plan = None if walked else WALK_TRACES
    wrong = {}
    for number, text in some(NUMBERED):
        if (scope, text) == ("tags", "name"):
            continue
        for clause in CLAUSES[walked]:
            found = _found(engine, f"{scope}.{_quoted(text, '`')} {clause}", plan)
            if found != [number]:
                wrong[text, clause] = found

    assert wrong == {}


@pytest.mark.parametrize(
    "field",
    [
        "tags.shared",
        "metadata.shared",
        "name",
        "client_request_id",
        "span.name",
        "span.attributes.shared",
    ],
)
def test_a_hostile_value_finds_its_own_row(engine: Engine, field: str) -> None:
    wrong = {}
    # A span attribute is looked for in the bytes of every span.
    for number, text in some(NUMBERED, 20 if field.startswith("span.attr") else 5):
        expected = [number]
        if field == "span.attributes.shared":
            # An attribute that is JSON text of a text equals that text.
            expected = [n for n, t in NUMBERED if _same_json(t, text)]
        found = _found(engine, f"{field} = {_quoted(text, QUOTES[number % 2])}")
        if found != expected:
            wrong[text] = found

    assert wrong == {}


def _same_json(left: str, right: str) -> bool:
    return left == right or _decoded(left) == _decoded(right)


def _decoded(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | dict | list) else text


def test_a_hostile_value_differs_from_all_others(engine: Engine) -> None:
    for number, text in some(NUMBERED):
        found = _found(engine, f"tags.shared != {_quoted(text, chr(39))}")
        assert number not in found
        assert len(found) == len(HOSTILE) - 1


def test_a_pattern_of_a_hostile_text_matches_what_the_wildcards_allow(
    engine: Engine,
) -> None:
    short = [text for text in HOSTILE if len(text) < 1_000]
    for pattern in some(short):
        regex = "".join(
            ".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern
        )
        expected = [
            number for number, text in NUMBERED if re.fullmatch(regex, text, re.DOTALL)
        ]
        assert (
            _found(engine, f"tags.shared LIKE {_quoted(pattern, chr(34))}") == expected
        )


def test_a_hostile_attribute_key_finds_its_own_span(engine: Engine) -> None:
    wrong = {}
    for number, text in some(NUMBERED, 20):
        found = _found(engine, f"span.attributes.{_quoted(text, '`')} = 'held'")
        if found != [number]:
            wrong[text] = found

    assert wrong == {}


def test_a_narrowed_filter_binds_its_value(engine: Engine) -> None:
    for number, text in some(NUMBERED):
        search = Search(filter=filter_and(parse_filter(""), "metadata", text, "held"))
        with engine.connect() as connection:
            rows = rows_of(connection, search)
        assert [row.trace_key for row in rows] == [number]


@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_no_hostile_text_is_part_of_a_statement(name: str) -> None:
    dialect = make_url(f"{name}://").get_dialect()()
    database = DATABASES[name]

    def statement(text: str) -> tuple[str, list[Any]]:
        value, key = _quoted(text, "'"), _quoted(text, "`")
        pattern = _quoted(f"{text}%", "'")
        filter_ = (
            f"tags.{key} = {value} AND metadata.{key} != {value} "
            f"AND tags.{key} IN ({value}, 'b') AND name LIKE {pattern} "
            f"AND span.name = {value} AND tags.{key} IS NOT NULL"
        )
        search = Search(filter=parse_filter(filter_))
        layout = database.layout(guessed(search))
        compiled = select_traces(search, layout).compile(dialect=dialect)
        return str(compiled), list(compiled.params.values())

    neutral, _ = statement("neutral")
    for text in some(HOSTILE):
        if text in {"name", "%"} or len(text) >= 255:
            continue
        sql, values = statement(text)
        assert sql == neutral
        assert text in values


def test_the_store_is_unchanged(engine: Engine) -> None:
    names = {table.name for table in schema.metadata.sorted_tables}

    assert set(inspect(engine).get_table_names()) == names
    assert len(_found(engine, "")) == len(HOSTILE)


def test_u0000_is_looked_for_as_the_store_keeps_it(engine: Engine) -> None:
    number = HOSTILE.index("\ufffd") + 1

    assert _found(engine, "tags.`\0` = 'held'") == [number]
    assert _found(engine, "tags.shared = '\0'") == [number]
