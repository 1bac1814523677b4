"""OTLP/JSON by its own rules: what is read, what is ignored, what a bad value costs."""

import json
from collections.abc import Iterator, MutableSequence
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe_collector.otlp_json import (
    TooManyObjectsError,
    Translated,
    to_protobuf,
    translation,
)
from spanframe_store.otlp import EnvelopeError, decode_request
from tests.plugins.otlp import any_value, pairs, request, span
from tests.plugins.otlp_json import (
    SPAN_ID,
    TRACE_ID,
    as_json,
    body,
    full_request,
    json_span,
)


def translated(*spans: Any, **resource_spans: Any) -> ExportTraceServiceRequest:
    result = to_protobuf(body(*spans, **resource_spans))
    assert result.rejected == []
    return ExportTraceServiceRequest.FromString(result.request)


def read(**fields: Any) -> Span:
    message = translated(json_span(**fields))
    [found] = message.resource_spans[0].scope_spans[0].spans
    return found


def rejected(result: Translated) -> list[tuple[str, int]]:
    return [(r.reason, r.spans) for r in result.rejected]


def test_a_request_written_by_hand_is_read() -> None:
    """Catalogue 5."""
    text = """
    {"resourceSpans": [{"resource": {"attributes":
        [{"key": "service.name", "value": {"stringValue": "shop"}}]},
      "scopeSpans": [{"scope": {"name": "by hand", "version": "2"},
        "spans": [{
          "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
          "parentSpanId": "0000000000000001", "name": "checkout", "kind": 2,
          "startTimeUnixNano": 1700000000000000001,
          "endTimeUnixNano": "1700000000000000002",
          "attributes": [{"key": "n", "value": {"intValue": "7"}}]}]}]}]}
    """
    message = Span(
        trace_id=bytes.fromhex(TRACE_ID),
        span_id=bytes.fromhex(SPAN_ID),
        parent_span_id=bytes(7) + b"\x01",
        name="checkout",
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=1700000000000000001,
        end_time_unix_nano=1700000000000000002,
        attributes=pairs({"n": 7}),
    )
    expected = request(message, resource={"service.name": "shop"}, scope="by hand")
    expected.resource_spans[0].scope_spans[0].scope.version = "2"
    assert to_protobuf(text.encode()) == (expected.SerializeToString(), [], "")


def test_every_field_comes_through() -> None:
    """Catalogue 3 and 4: the same bytes as the protobuf encoding."""
    whole = full_request()
    result = to_protobuf(json.dumps(as_json(whole)).encode())
    assert result == (whole.SerializeToString(), [], "")


SAMPLES: dict[int, Any] = {
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_DOUBLE: 1.5,
    FieldDescriptor.CPPTYPE_ENUM: 2,
    FieldDescriptor.CPPTYPE_INT32: -(1 << 31),
    FieldDescriptor.CPPTYPE_INT64: -(1 << 63),
    FieldDescriptor.CPPTYPE_UINT32: (1 << 32) - 1,
    FieldDescriptor.CPPTYPE_UINT64: (1 << 64) - 1,
}


def values_of(field: FieldDescriptor, levels: int) -> list[Any]:
    if field.message_type is not None:
        return filled(GetMessageClass(field.message_type), levels)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return [field.name.encode()]
    return [SAMPLES.get(field.cpp_type, field.name)]


def filled(message: Any, levels: int) -> list[Message]:
    """Make messages that have every field; several where it is one field of several."""
    found = [message()]
    one_of_several = []
    for field in message.DESCRIPTOR.fields if levels else ():
        values = values_of(field, levels - 1)
        if isinstance(getattr(message(), field.name), MutableSequence):
            for each in found:
                getattr(each, field.name).extend(values)
        elif field.containing_oneof is not None:
            one_of_several += [message(**{field.name: value}) for value in values]
        else:
            pairs_of = [(each, value) for each in found for value in values]
            found = [message(**{field.name: value}) for _, value in pairs_of]
            for new, (old, _) in zip(found, pairs_of, strict=True):
                new.MergeFrom(old)
    return one_of_several or found


def set_in(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        yield field.full_name
        if field.message_type is not None:
            for each in value if isinstance(value, MutableSequence) else [value]:
                yield from set_in(each)


def declared_in(message: Descriptor, known: set[str]) -> Iterator[str]:
    if message.full_name not in known:
        known.add(message.full_name)
        for field in message.fields:
            yield field.full_name
            if field.message_type is not None:
                yield from declared_in(field.message_type, known)


def test_every_field_of_every_message_is_read() -> None:
    """A field that a new version of OTLP adds is read without a change here."""
    # From the request to a list within an attribute of an event.
    [whole] = filled(ExportTraceServiceRequest, 9)
    assert isinstance(whole, ExportTraceServiceRequest)
    result = to_protobuf(json.dumps(as_json(whole)).encode())
    assert result == (whole.SerializeToString(), [], "")
    assert set(set_in(whole)) == set(declared_in(whole.DESCRIPTOR, set()))


ANY_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), ANY_VALUES, max_size=4))
def test_any_attributes_come_through(attributes: dict[str, Any]) -> None:
    whole = request(span(attributes=attributes), resource=attributes)
    result = to_protobuf(json.dumps(as_json(whole)).encode())
    assert ExportTraceServiceRequest.FromString(result.request) == whole


# --- the peculiarities --------------------------------------------------------------


def test_ids_are_hexadecimal_in_any_case() -> None:
    """Catalogue 5."""
    upper = translated(json_span(traceId=TRACE_ID.upper(), spanId=SPAN_ID.upper()))
    assert upper == translated(json_span())


@pytest.mark.parametrize("number", [1 << 62, str(1 << 62), float(1 << 62)])
def test_integers_of_64_bits_are_numbers_or_strings(number: Any) -> None:
    """Catalogue 5."""
    found = read(
        startTimeUnixNano=number,
        attributes=[{"key": "n", "value": {"intValue": number}}],
    )
    assert found.start_time_unix_nano == 1 << 62
    assert found.attributes[0].value.int_value == 1 << 62


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (1.5, 1.5),
        (1, 1.0),
        ("1.5e3", 1500.0),
        ("-2", -2.0),
        ("Infinity", float("inf")),
        ("-Infinity", float("-inf")),
    ],
)
def test_doubles_are_numbers_or_words(text: Any, number: float) -> None:
    found = read(attributes=[{"key": "d", "value": {"doubleValue": text}}])
    assert found.attributes[0].value.double_value == number


def test_nan_is_a_word() -> None:
    found = read(attributes=[{"key": "d", "value": {"doubleValue": "NaN"}}])
    number = found.attributes[0].value.double_value
    assert number != number  # noqa: PLR0124 - what makes it NaN


@pytest.mark.parametrize("text", ["+/8=", "-_8=", "+/8", "-_8"])
def test_bytes_are_base64_of_either_alphabet(text: str) -> None:
    found = read(attributes=[{"key": "b", "value": {"bytesValue": text}}])
    assert found.attributes[0].value.bytes_value == b"\xfb\xff"


def test_null_is_absent_everywhere() -> None:
    whole = {
        "resourceSpans": [
            None,
            {
                "resource": None,
                "schemaUrl": None,
                "scopeSpans": [
                    {
                        "scope": None,
                        "spans": [
                            None,
                            json_span(
                                parentSpanId=None,
                                kind=None,
                                status=None,
                                events=None,
                                links=[None],
                                attributes=[
                                    {"key": "n", "value": None},
                                    {"key": None, "value": {"stringValue": None}},
                                    {
                                        "key": "a",
                                        "value": {"arrayValue": {"values": [None]}},
                                    },
                                ],
                            ),
                        ],
                    },
                    None,
                ],
            },
        ]
    }
    result = to_protobuf(json.dumps(whole).encode())
    assert result.rejected == []
    message = ExportTraceServiceRequest.FromString(result.request)
    [found] = message.resource_spans[0].scope_spans[0].spans
    assert found.parent_span_id == b""
    assert [kv.key for kv in found.attributes] == ["n", "", "a"]
    assert [kv.value.WhichOneof("value") for kv in found.attributes] == [
        None,
        None,
        "array_value",
    ]
    [element] = found.attributes[2].value.array_value.values
    assert element.WhichOneof("value") is None


@pytest.mark.parametrize("key", ["arrayValue", "kvlistValue"])
@pytest.mark.parametrize("values", [None, []])
def test_a_list_that_is_null_is_empty(key: str, values: Any) -> None:
    found = read(attributes=[{"key": "a", "value": {key: {"values": values}}}])
    assert found.attributes[0].value in (any_value([]), any_value({}))


def test_an_entry_of_a_map_that_is_null_is_absent() -> None:
    entries = [None, {"key": "b", "value": {"intValue": 1}}]
    found = read(
        attributes=[{"key": "a", "value": {"kvlistValue": {"values": entries}}}]
    )
    assert found.attributes[0].value == any_value({"b": 1})


def with_unknown_keys(value: Any) -> Any:
    if isinstance(value, list):
        return [with_unknown_keys(item) for item in value]
    if isinstance(value, dict):
        known = {key: with_unknown_keys(item) for key, item in value.items()}
        return {"unknown": {"deep": [1]}, "Name": 5, "trace_id": 7, **known}
    return value


def test_unknown_keys_are_ignored_at_every_level() -> None:
    """Catalogue 6."""
    whole = full_request()
    text = json.dumps(with_unknown_keys(as_json(whole)))
    assert to_protobuf(text.encode()).request == whole.SerializeToString()


@pytest.mark.parametrize(
    "whole",
    [
        {"resource_spans": [{"scope_spans": [{"spans": [{"trace_id": TRACE_ID}]}]}]},
        {"resourceSpans": [{"scope_spans": []}]},
    ],
)
def test_snake_case_holds_nothing_and_is_warned_of(whole: Any) -> None:
    """Catalogue 6."""
    result = to_protobuf(json.dumps(whole).encode())
    assert result[:2] == (b"", [])
    assert "snake_case: write them in lowerCamelCase" in result.warning


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        ({"ResourceSpans": [{"ScopeSpans": []}]}, "PascalCase"),
        ({"resourceSpans": [{"ScopeSpans": [{"Spans": []}]}]}, "PascalCase"),
        ({"resourceSpans": [{"instrumentationLibrarySpans": []}]}, "before 0.15"),
        ({"batches": [{"resource": {}, "scopeSpans": []}]}, "Tempo"),
        ({"scopeSpans": [{"spans": []}]}, "outside of resourceSpans"),
        ({"spans": []}, "outside of resourceSpans"),
        ({"data": [{"traceID": "1", "spans": []}]}, "Jaeger"),
    ],
)
def test_another_shape_is_told_what_it_looks_like(whole: Any, said: str) -> None:
    result = to_protobuf(json.dumps(whole).encode())
    assert result[:2] == (b"", [])
    assert said in result.warning


@pytest.mark.parametrize("text", ["{}", '{"resourceSpans": []}', '{"other": 1}'])
def test_a_request_without_spans_is_fine(text: str) -> None:
    """Catalogue 1."""
    assert to_protobuf(text.encode()) == (b"", [], "")


# --- what is wrong, and what it costs -----------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b'{"resourceSpans": {}}',
        b'{"resourceSpans": [1]}',
        b'{"resourceSpans": [{"scopeSpans": "x"}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": {}}]}]}',
        b'{"x": NaN}',
        b'{"x": -Infinity}',
        b'{"x": "\xff"}',
        b'\xff\xfe{\x00"\x00',
        b"[" * 200_000,
        b'{"x":' * 100_000,
        b'{"resourceLogs": []}',
        b'{"resourceMetrics": [{}]}',
    ],
    ids=lambda b: repr(b)[:24],
)
def test_what_is_no_request_is_refused(broken: bytes) -> None:
    """Catalogue 9 and 11."""
    with pytest.raises(EnvelopeError):
        to_protobuf(broken)


def test_more_objects_than_fit_the_memory_are_refused() -> None:
    """Catalogue 49."""
    with pytest.raises(TooManyObjectsError):
        to_protobuf(b'{"x":[' + b"{}," * 300_000 + b"{}]}")
    with pytest.raises(TooManyObjectsError):
        to_protobuf(b'{"x":[' + b'"ab",' * 800_001 + b"1]}")


@pytest.mark.parametrize(
    "text", ["[" * 300_000, "{" * 300_000, '"{\\' * 100_000 + "[" * 300_000]
)
def test_brackets_in_a_text_are_text(text: str) -> None:
    attributes = [{"key": "code", "value": {"stringValue": text}}]
    one = {"traceId": "01" * 16, "spanId": "02" * 8, "attributes": attributes}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}
    [row] = decode_request(to_protobuf(json.dumps(body).encode()).request).rows
    assert Span.FromString(row.body).attributes[0].value.string_value == text


TEXTS = st.text(',[{"\\}]a')
VALUES = st.recursive(
    TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20
)


def objects_in(value: Any) -> int:
    """Count as a parser does, once it has them all in memory."""
    if isinstance(value, dict):
        return 1 + sum(map(objects_in, value.values()))
    return 1 + sum(map(objects_in, value)) if isinstance(value, list) else 0


def commas_in(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list):
        return 0
    return max(0, len(inner) - 1) + sum(map(commas_in, inner))


@given(st.lists(VALUES), st.integers(1, 9))
def test_objects_outside_of_texts_are_counted_exactly(
    value: list[Any], counted_bytes: int
) -> None:
    body, objects = json.dumps(value).encode(), objects_in(value)
    commas = commas_in(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation, "_COUNTED_BYTES", counted_bytes)
        patch.setattr(translation, "MAX_OBJECTS", objects)
        patch.setattr(translation, "MAX_VALUES", commas)
        assert not translation._has_too_many_parts(body)
        patch.setattr(translation, "MAX_OBJECTS", objects - 1)
        assert translation._has_too_many_parts(body)
        patch.setattr(translation, "MAX_OBJECTS", objects)
        patch.setattr(translation, "MAX_VALUES", commas - 1)
        assert translation._has_too_many_parts(body)


def attribute(value: Any) -> dict[str, Any]:
    return json_span(attributes=[{"key": "k", "value": value}])


def nested(depth: int) -> Any:
    value: Any = {"stringValue": "leaf"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return value


@pytest.mark.parametrize("size", [0, 1, 7, 9, 15, 17, 32])
def test_ids_of_another_length_are_left_to_the_decoder(size: int) -> None:
    """Catalogue 8."""
    good = json_span(parentSpanId="00" * 8, links=[{"traceId": "", "traceState": "a"}])
    bad = [
        json_span(traceId="ab" * size),
        json_span(spanId="ab" * size),
        json_span(parentSpanId="ab" * size) if size else json_span(spanId="00" * 8),
        json_span(traceId="00" * 16),
        json_span(spanId=None),
    ]
    decoded = decode_request(to_protobuf(body(good, *bad)).request)
    assert sum(r.spans for r in decoded.rejected) == len(bad)
    [row] = decoded.rows
    assert row.parent_span_id is None
    assert len(Span.FromString(row.body).links) == 1


BAD_SPANS = [
    (json_span(traceId="not hex"), "invalid_trace_id"),
    (json_span(traceId=TRACE_ID[:-1]), "invalid_trace_id"),
    (json_span(traceId=f" {TRACE_ID} "), "invalid_trace_id"),
    (json_span(traceId=5), "invalid_trace_id"),
    (json_span(traceId="\ud800"), "invalid_trace_id"),
    (json_span(spanId="zz"), "invalid_span_id"),
    (json_span(parentSpanId="zz"), "invalid_parent_span_id"),
    (json_span(startTimeUnixNano=-1), "undecodable_span"),
    (json_span(startTimeUnixNano="soon"), "undecodable_span"),
    (json_span(startTimeUnixNano=" 1 "), "undecodable_span"),
    (json_span(startTimeUnixNano="1_0"), "undecodable_span"),
    (json_span(startTimeUnixNano=1.5), "undecodable_span"),
    (json_span(startTimeUnixNano=[1, 5]), "undecodable_span"),
    (5, "undecodable_span"),
    ("span", "undecodable_span"),
    ([], "undecodable_span"),
]

LEFT_OUT = [
    (json_span(links=[{"traceId": "zz"}]), "one of the links"),
    (json_span(kind="SPAN_KIND_KING"), "kind"),
    (json_span(kind=1 << 40), "kind"),
    (json_span(kind=True), "kind"),
    (json_span(name=[5]), "name"),
    (json_span(flags=1 << 32), "flags"),
    (json_span(attributes={}), "attributes"),
    (json_span(attributes=[5]), "an attribute"),
    (json_span(attributes=[{"key": [1]}]), "an attribute"),
    (json_span(status=[]), "status"),
    (json_span(events="x"), "events"),
    (json_span(events=[5]), "one of the events"),
    (json_span(events=[{"timeUnixNano": "soon"}]), "timeUnixNano"),
    (attribute("x"), "the attribute k"),
    (attribute({"stringValue": []}), "the attribute k"),
    (attribute({"boolValue": "maybe"}), "the attribute k"),
    (attribute({"boolValue": []}), "the attribute k"),
    (attribute({"intValue": True}), "the attribute k"),
    (attribute({"intValue": "many"}), "the attribute k"),
    (attribute({"doubleValue": "inf"}), "the attribute k"),
    (attribute({"doubleValue": "1_0"}), "the attribute k"),
    (attribute({"bytesValue": "?"}), "the attribute k"),
    (attribute({"bytesValue": 5}), "the attribute k"),
    (attribute({"arrayValue": []}), "the attribute k"),
    (attribute({"arrayValue": {"values": [0]}}), "the attribute k"),
    (attribute({"kvlistValue": {"values": [{"key": []}]}}), "the attribute k"),
    (attribute(nested(100)), "the attribute k"),
]


@pytest.mark.parametrize(("bad", "what"), LEFT_OUT, ids=range(len(LEFT_OUT)))
def test_a_wrong_value_costs_what_it_is_a_value_of(bad: Any, what: str) -> None:
    """Catalogue 6, 21 and 23."""
    result = to_protobuf(body({**json_span(name="kept"), **bad}, json_span()))
    assert result.rejected == []
    note = f"{what} of span {SPAN_ID} was unreadable, and is left out"
    assert result.warning == f"Read otherwise than written: {note}."
    message = ExportTraceServiceRequest.FromString(result.request)
    found, _ = message.resource_spans[0].scope_spans[0].spans
    assert (len(found.attributes), len(found.links), found.kind) == (0, 0, 0)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ({"stringValue": "x\udfff"}, "x\ufffd"),
        ({"stringValue": "\ud83d\ude00"}, "\U0001f600"),
        ({"stringValue": 5}, "5"),
        ({"stringValue": True}, "true"),
        ({"boolValue": 1}, True),
        ({"boolValue": "false"}, False),
        ({"intValue": 1 << 63}, str(1 << 63)),
        ({"intValue": "-" + "9" * 30}, "-" + "9" * 30),
        ({"intValue": 1.5}, 1.5),
        ({"stringValue": "x", "intValue": 1}, 1),
        ({"intValue": 1, "stringValue": None}, 1),
    ],
    ids=repr,
)
def test_a_value_whose_meaning_is_clear_is_repaired(value: Any, meant: Any) -> None:
    result = to_protobuf(body(attribute(value)))
    assert result.rejected == []
    message = ExportTraceServiceRequest.FromString(result.request)
    [found] = message.resource_spans[0].scope_spans[0].spans
    assert found.attributes[0] == pairs({"k": meant})[0]
    is_right = None in value.values() or meant == "\U0001f600"
    told = f"the attribute k of span {SPAN_ID} " in result.warning
    assert told is not is_right


def test_names_of_enum_values_are_read_and_told() -> None:
    status = {"code": "STATUS_CODE_ERROR"}
    result = to_protobuf(body(json_span(kind="SPAN_KIND_SERVER", status=status)))
    message = ExportTraceServiceRequest.FromString(result.request)
    [found] = message.resource_spans[0].scope_spans[0].spans
    assert (found.kind, found.status.code) == (2, 2)
    assert f"kind of span {SPAN_ID} was a name" in result.warning
    assert f"code of span {SPAN_ID} was a name" in result.warning


def test_a_few_notes_are_written_and_the_others_counted() -> None:
    bad = attribute({"boolValue": "maybe"})
    result = to_protobuf(body(*[bad] * 100))
    assert result.warning.endswith("; and 92 more.")
    assert len(result.warning) < 1000


def test_a_rejected_span_is_told_of() -> None:
    result = to_protobuf(body(json_span(startTimeUnixNano="soon")))
    note = f"startTimeUnixNano of span {SPAN_ID} was unreadable: the span is rejected"
    assert note in result.warning
    result = to_protobuf(body(json_span(traceId="xyz")))
    assert f"traceId of span {SPAN_ID} was unreadable" in result.warning


@pytest.mark.parametrize(("bad", "reason"), BAD_SPANS, ids=range(len(BAD_SPANS)))
def test_a_bad_span_costs_that_span_alone(bad: Any, reason: str) -> None:
    """Catalogue 6, 8, 21 and 23."""
    good = [json_span(name=str(n)) for n in range(4)]
    result = to_protobuf(body(*good[:2], bad, *good[2:]))
    assert rejected(result) == [(reason, 1)]
    message = ExportTraceServiceRequest.FromString(result.request)
    spans = message.resource_spans[0].scope_spans[0].spans
    assert [each.name for each in spans] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("number", ["1" * 5000, "-" + "9" * 5000, "1e999", "-1e999"])
def test_a_number_that_fits_nowhere_costs_its_attribute(number: str) -> None:
    text = body(attribute({"doubleValue": "HERE"}), json_span(name="good"))
    result = to_protobuf(text.replace(b'"HERE"', number.encode()))
    assert result.rejected == []
    assert "the attribute k of" in result.warning


def test_a_long_number_under_an_unknown_key_costs_nothing() -> None:
    text = body(json_span(unknown="HERE")).replace(b'"HERE"', b"1" * 5000)
    assert to_protobuf(text).rejected == []


@pytest.mark.parametrize(
    "bad",
    [
        {"resource": 5},
        {"resource": {"attributes": [{"key": "k", "value": {"boolValue": "?"}}]}},
        {"schemaUrl": []},
    ],
)
def test_a_bad_resource_costs_no_span(bad: dict[str, Any]) -> None:
    whole = json.loads(body(json_span(), json_span(), **bad))
    result = to_protobuf(json.dumps(whole).encode())
    assert result.rejected == []
    assert " of a resource was unreadable, and is left out" in result.warning
    message = ExportTraceServiceRequest.FromString(result.request)
    assert [len(r.scope_spans[0].spans) for r in message.resource_spans] == [2]
    assert message.resource_spans[0].resource == Resource()


def test_a_bad_scope_costs_no_span() -> None:
    whole = json.loads(body(json_span()))
    scopes = whole["resourceSpans"][0]["scopeSpans"]
    scopes.append({"scope": {"name": []}, "spans": [json_span(), json_span()]})
    result = to_protobuf(json.dumps(whole).encode())
    assert result.rejected == []
    assert "name of a scope was unreadable" in result.warning


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "resourceSpans",
                    "scopeSpans",
                    "spans",
                    "scope",
                    "resource",
                    "attributes",
                    "key",
                    "value",
                    "arrayValue",
                    "values",
                    "traceId",
                    "name",
                    "intValue",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    """Catalogue 11."""
    text = json.dumps(value).encode()
    try:
        result = to_protobuf(text)
    except EnvelopeError:
        return
    ExportTraceServiceRequest.FromString(result.request)
