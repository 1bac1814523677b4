"""What a filter reads from the body of a span, and how it compares it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from sqlalchemy import Engine

from spanframe_query.filter import parse_filter
from spanframe_store.contract.search import Search
from spanframe_store.residual.span_body import attribute_number, attribute_text, content
from spanframe_store.sql.block_functions import BlockFunctions
from spanframe_store.sql.blocks import Codec
from spanframe_store.sql.codecs import Codecs
from tests.plugins.records import SpanRecord, TraceRecord, open_store, rows_of

DEEP = "[" * 100_000


def _body(value: AnyValue) -> Span:
    return Span(attributes=[KeyValue(key="k", value=value)])


def _text(text: str) -> AnyValue:
    return AnyValue(string_value=text)


@pytest.mark.parametrize(
    ("value", "text", "number"),
    [
        (_text("plain"), "plain", None),
        (_text(""), "", None),
        (_text('"a text"'), "a text", None),
        (_text('{"city":"Tōkyō"}'), '{"city": "Tōkyō"}', None),
        (_text("[1,2]"), "[1, 2]", None),
        (_text('{"broken'), '{"broken', None),
        (_text(DEEP), DEEP, None),
        (_text("5"), "5", 5),
        (_text("-2.50"), "-2.50", -2.5),
        (_text("1e3"), "1e3", 1000.0),
        (_text('"5"'), "5", 5),
        (_text("05"), "05", None),
        (_text("0x5"), "0x5", None),
        (_text("٣"), "٣", None),
        (_text(" 5"), " 5", None),
        (_text("NaN"), "NaN", None),
        (_text("true"), "true", None),
        (_text("9" * 30), "9" * 30, 1e30),
        (_text("9" * 5_000), "9" * 5_000, float("inf")),
        (AnyValue(int_value=-7), "-7", -7),
        (AnyValue(int_value=(1 << 63) - 1), "9223372036854775807", (1 << 63) - 1),
        (AnyValue(double_value=0.5), "0.5", 0.5),
        (AnyValue(bool_value=True), "true", None),
        (AnyValue(bool_value=False), "false", None),
        (AnyValue(bytes_value=b"\0\xff"), "AP8=", None),
        (AnyValue(array_value=ArrayValue(values=[_text("a")])), '["a"]', None),
        (
            AnyValue(
                kvlist_value=KeyValueList(values=[KeyValue(key="a", value=_text("5"))])
            ),
            '{"a": "5"}',
            None,
        ),
        (AnyValue(), None, None),
    ],
)
def test_an_attribute_is_decoded(
    value: AnyValue, text: str | None, number: float | None
) -> None:
    body = _body(value)

    assert attribute_text(body, "k") == text
    assert attribute_number(body, "k") == number
    assert type(attribute_number(body, "k")) is type(number)


def test_an_absent_attribute_is_none() -> None:
    body = _body(_text("5"))

    assert attribute_text(body, "K") is None
    assert attribute_number(body, "other") is None


def test_content_is_json_with_decoded_attributes_and_events() -> None:
    span = Span(
        name="s",
        status=Status(code=Status.STATUS_CODE_ERROR, message="no"),
        attributes=[KeyValue(key="in", value=_text('{"q":"東京"}'))],
        events=[
            Span.Event(name="e", attributes=[KeyValue(key="n", value=_text("5"))]),
        ],
    )

    assert content(span) == (
        '{"name": "s", "status": {"code": "STATUS_CODE_ERROR", "message": "no"}, '
        '"attributes": {"in": {"q": "東京"}}, '
        '"events": [{"name": "e", "attributes": {"n": "5"}}]}'
    )


def test_an_unknown_status_code_is_its_number() -> None:
    span = Span.FromString(b"\x7a\x02\x18\x09")

    assert '"code": 9' in content(span)


@pytest.mark.parametrize("depth", [101, 500, *range(800, 1_000, 7), 100_000])
def test_a_text_nested_deeper_than_sense_is_a_text(depth: int) -> None:
    text = "[" * depth + "]" * depth
    body = _body(_text(text))

    assert attribute_text(body, "k") == text
    assert text in content(body)


def test_a_long_list_is_not_a_deep_one() -> None:
    text = json.dumps([[{}]] * 200, separators=(",", ":"))

    assert attribute_text(_body(_text(text)), "k") == json.dumps([[{}]] * 200)


@pytest.mark.parametrize("text", [r'"\ud800"', r'{"a": "\udfff"}', r'["\ud83d"]'])
def test_half_a_surrogate_pair_is_read_as_a_replacement(text: str) -> None:
    body = _body(_text(text))

    assert "\ufffd" in (attribute_text(body, "k") or "")
    content(body).encode()


@pytest.mark.parametrize("text", ["a\0b", '"a\\u0000b"'])
def test_u0000_is_shown_as_the_store_keeps_it(text: str) -> None:
    assert attribute_text(_body(_text(text)), "k") == "a\ufffdb"


def test_u0000_in_a_key_is_found_as_the_store_keeps_it() -> None:
    span = Span(attributes=[KeyValue(key="a\0", value=_text("v"))])

    assert attribute_text(span, "a\ufffd") == "v"


@pytest.mark.parametrize("block", [b"\xff\xff", *Codec().pack([[b"\xff\xff"]])])
def test_a_damaged_block_has_no_attributes(block: bytes) -> None:
    functions = BlockFunctions(Codecs())
    assert functions.attribute_text(block, None, 0, "k") is None
    assert functions.attribute_number(block, None, 0, "k") is None
    assert functions.content(block, None, 0).startswith('{"name": ""')


# --- through filters ----------------------------------------------------------------

SPANS: dict[int, tuple[dict[str, Any], ...]] = {
    1: ({"k": "red"},),
    2: ({"k": '"red"'},),
    3: ({"k": 5}, {"k": "blue"}),
    4: ({"k": 5.5, "other": 1},),
    5: ({"k": "5"},),
    6: ({"k": True},),
    7: ({"k": '{"a":1,"b":[2]}'},),
    8: ({},),
    9: (),
}


@pytest.fixture(scope="module")
def engine(place: Path | str) -> Iterator[Engine]:
    records = [
        TraceRecord(
            number=number,
            spans=tuple(
                SpanRecord(name=f"s{place}", attributes=attributes)
                for place, attributes in enumerate(spans)
            ),
        )
        for number, spans in SPANS.items()
    ]
    engine = open_store(place, records)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("span.attributes.k = 'red'", [1, 2]),
        ("span.attributes.k = '\"red\"'", [1, 2]),
        ("span.attributes.k != 'red'", [3, 4, 5, 6, 7]),
        ("span.attributes.k = 5", [3, 5]),
        ("span.attributes.k = 5.0", [3, 5]),
        ("span.attributes.k = '5'", [3, 5]),
        ("span.attributes.k = '5.0'", []),
        ("span.attributes.k != 5", [1, 2, 3, 4, 6, 7]),
        ("span.attributes.k > 5", [4]),
        ("span.attributes.k >= '5'", [3, 4, 5]),
        ("span.attributes.k < 5.6", [3, 4, 5]),
        ("span.attributes.k <= 5", [3, 5]),
        ("span.attributes.k = 'true'", [6]),
        ("span.attributes.k = 1", []),
        ('span.attributes.k = \'{"a": 1, "b": [2]}\'', [7]),
        ("span.attributes.k IN ('blue', 5.5, 'true')", [3, 4, 6]),
        ("span.attributes.k NOT IN ('red', 5)", [3, 4, 6, 7]),
        ("span.attributes.k LIKE '%e%'", [1, 2, 3, 6]),
        ("span.attributes.k LIKE '%'", [1, 2, 3, 4, 5, 6, 7]),
        ("span.attributes.k ILIKE 'RED'", [1, 2]),
        ("span.attributes.k RLIKE '^[0-9.]+$'", [3, 4, 5]),
        ("span.content LIKE '%\"a\": 1%'", [7]),
        ("trace.text ILIKE '%RED%'", [1, 2]),
        (f"span.attributes.k = '{DEEP}'", []),
        (r"""span.attributes.k = '"\ud800"'""", []),
        ("span.attributes.k = 'blue' AND span.name = 's1'", [3]),
        ("span.attributes.k = 'blue' AND span.name = 's0'", []),
        ("span.attributes.k = 'blue' AND span.attributes.k = 5", []),
        ("span.attributes.k > 5 AND span.attributes.other = 1", [4]),
    ],
)
def test_filters_compare_decoded_values_on_one_span(
    engine: Engine, text: str, numbers: list[int]
) -> None:
    search = Search(filter=parse_filter(text))

    with engine.connect() as connection:
        rows = rows_of(connection, search)
        assert sorted(row.trace_key for row in rows) == numbers
