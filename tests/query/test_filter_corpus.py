"""The corpus: what each filter means, or the whole message it is refused with."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from spanframe.errors import FilterError
from spanframe_query.filter import parse_filter
from spanframe_query.filter.names import ATTRIBUTES, NOT_FIELDS
from spanframe_query.filter.parser import parse
from spanframe_query.filter.services import SERVICE
from spanframe_query.layouts import LAYOUTS
from spanframe_query.span_table import SPAN_COLUMNS
from spanframe_store.contract.capabilities import refuse_unserved
from spanframe_store.contract.search import Search
from spanframe_store.sql.engines import DATABASES
from spanframe_store.sql.plans import WALK_TRACES
from spanframe_store.sql.statements import select_traces

CORPUS = tomllib.loads(Path(__file__).with_name("corpus.toml").read_text("utf-8"))


def _each(name: str) -> pytest.MarkDecorator:
    entries = CORPUS[name]
    ids = [entry["filter"] for entry in entries]
    return pytest.mark.parametrize("entry", entries, ids=ids)


@_each("valid")
def test_a_valid_filter_means_what_the_corpus_says(entry: dict[str, Any]) -> None:
    assert str(parse_filter(entry["filter"])) == entry["means"]


@_each("valid")
def test_the_one_spelling_of_a_filter_means_the_same(entry: dict[str, Any]) -> None:
    filter_ = parse_filter(entry["filter"])

    assert parse_filter(str(filter_)) == filter_


@_each("valid")
def test_sqlite_serves_every_valid_filter(entry: dict[str, Any]) -> None:
    layout = DATABASES["sqlite"].layout(WALK_TRACES)
    select_traces(Search(filter=parse_filter(entry["filter"])), layout)


@_each("parse_error")
def test_the_grammar_refuses_with_this_message(entry: dict[str, Any]) -> None:
    with pytest.raises(FilterError) as caught:
        parse(entry["filter"])

    assert str(caught.value) == entry["message"]


@_each("check_error")
def test_the_field_table_refuses_with_this_message(entry: dict[str, Any]) -> None:
    parse(entry["filter"])

    with pytest.raises(FilterError) as caught:
        parse_filter(entry["filter"])

    assert str(caught.value) == entry["message"]


@_each("refused")
def test_an_engine_refuses_with_this_message(entry: dict[str, Any]) -> None:
    filter_ = parse_filter(entry["filter"])
    database = DATABASES[entry["engine"]]

    with pytest.raises(FilterError) as caught:
        refuse_unserved(
            filter_, database.layout(WALK_TRACES).capabilities, database.name
        )

    assert str(caught.value) == entry["message"]


@pytest.mark.parametrize("value", [5, b"status = 'OK'", ["status = 'OK'"], True])
def test_a_filter_that_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(FilterError, match="A filter is a text"):
        parse_filter(value)


@pytest.mark.parametrize("value", [None, "", " \n\t "])
def test_no_filter_has_no_conditions(value: str | None) -> None:
    assert parse_filter(value).leaves() == ()


def test_a_column_of_a_result_is_a_field_or_says_what_to_write() -> None:
    columns = {column.name for layout in LAYOUTS.values() for column in layout}
    columns |= {column.name for column in SPAN_COLUMNS}
    fields = ATTRIBUTES.keys() | {SERVICE}
    for column in columns - fields:
        with pytest.raises(FilterError) as refused:
            parse_filter(f"{column} = 'x'")
        assert refused.value.hint == NOT_FIELDS.get(column, "Did you mean trace_id?")
