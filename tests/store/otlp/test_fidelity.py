"""What was sent is what is stored, to the last bit, by every encoding."""

import itertools
import json
import math
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from sqlalchemy import func, select

from spanframe_collector.otlp_json import to_protobuf
from spanframe_store.otlp import Decoded, decode_request
from spanframe_store.sql.schema import attribute_index, resources, spans, traces
from tests.plugins.collector import Collector
from tests.plugins.examples import some
from tests.plugins.exports import export, export_at_last
from tests.plugins.http_exports import JSON, PROTOBUF, send, send_at_last
from tests.plugins.observed import rows
from tests.plugins.otlp import START, any_value, field, pairs, request, span
from tests.plugins.otlp_json import body, in_json, json_span
from tests.plugins.store import Store, stored_spans

NO_SPAN = bytes(8)
LARGEST = (1 << 63) - 1

VALUES: dict[str, Any] = {
    "empty": None,
    "empty text": "",
    "no": False,
    "yes": True,
    "zero": 0,
    "one": 1,
    "zero as a double": 0.0,
    "minus zero": -0.0,
    "one as a double": 1.0,
    "one as text": "1",
    "yes as text": "true",
    "null as text": "null",
    "smallest integer": -(1 << 63),
    "largest integer": LARGEST,
    "beyond a double": (1 << 53) + 1,
    "largest double": 1.7976931348623157e308,
    "smallest double": 5e-324,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "not a number": math.nan,
    "nan as text": "NaN",
    "no bytes": b"",
    "every byte": bytes(range(256)),
    "empty array": [],
    "empty map": {},
    "array of empty": [None],
    "array of an empty array": [[]],
    "array of an empty map": [{}],
    "map of empty": {"a": None},
    "mixed array": ["1", 1, 1.0, True, b"1", None, [1, ["x"]], {"a": [{}]}],
    "map in array in map": {"a": [{"b": [None, {"c": b"\x00"}]}]},
    "control characters": "\x00\x01\x7f\x85\u2028",
    "right to left": "\u202e\u05d0\u05d1\u202c",
    "beyond the first plane": "\U0001f469\u200d\U0001f4bb\U0010ffff",
    "combining": "e\u0301 is not é",
}


def exact(message: Any) -> bytes:
    """Return what makes two messages equal, also where NaN differs from itself."""
    return bytes(message.SerializeToString(deterministic=True))


def by_protobuf(message: ExportTraceServiceRequest) -> Decoded:
    return decode_request(message.SerializeToString())


def by_json(message: ExportTraceServiceRequest) -> Decoded:
    translated = to_protobuf(in_json(message))
    decoded = decode_request(translated.request)
    return Decoded(decoded.rows, [*translated.rejected, *decoded.rejected])


EVERY_ENCODING = pytest.mark.parametrize("decode", [by_protobuf, by_json])
Decode = Callable[[ExportTraceServiceRequest], Decoded]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector for tests that send traces of their own."""
    with Collector.running(tmp_path_factory.mktemp("fidelity")) as collector:
        yield collector


# --- every combination ----------------------------------------------------------------

PARENTS = (b"", NO_SPAN, b"\x00\x00parent")
TRACE_STATES = ("", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")
KINDS = (0, 1, 2, 3, 4, 5, 99)
ATTRIBUTES: tuple[dict[str, Any], ...] = (
    {},
    {"text": "é", "no text": ""},
    {"truth": True, "number": -1, "double": math.nan},
    {"bytes": b"\x00\xff", "nothing": None},
    {"array": [1, "1", None], "map": {"b": {}, "a": [1.5]}},
)
EVENTS: tuple[list[Span.Event], ...] = (
    [],
    [
        Span.Event(),
        Span.Event(name="e", time_unix_nano=START, attributes=pairs(VALUES)),
    ],
)
LINKS: tuple[list[Span.Link], ...] = (
    [],
    [
        Span.Link(trace_state="a=b", attributes=pairs({"zero": "ids"})),
        Span.Link(trace_id=b"l" * 16, span_id=b"l" * 8, flags=0x301),
    ],
)
STATUSES = (
    None,
    Status(),
    Status(code=Status.STATUS_CODE_OK),
    Status(code=Status.STATUS_CODE_ERROR, message="no"),
    Status(code=77),  # type: ignore[arg-type] # an open enum
)


def every_combination(trace_id: bytes) -> list[Span]:
    product = itertools.product(
        PARENTS, TRACE_STATES, KINDS, ATTRIBUTES, EVENTS, LINKS, STATUSES
    )
    return [
        Span(
            trace_id=trace_id,
            span_id=number.to_bytes(8, "big"),
            parent_span_id=parent,
            trace_state=trace_state,
            kind=kind,
            attributes=pairs(attributes),
            events=events,
            links=links,
            status=status,
            start_time_unix_nano=START,
            end_time_unix_nano=START + number,
        )
        for number, (
            parent,
            trace_state,
            kind,
            attributes,
            events,
            links,
            status,
        ) in enumerate(product, 1)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoding",
    [
        "grpc",
        pytest.param(PROTOBUF, marks=pytest.mark.deep),
        pytest.param(JSON, marks=pytest.mark.deep),
    ],
)
def test_every_combination_comes_back(shared: Collector, encoding: str) -> None:
    """Catalogue 4: the full product, not only every pair, by three encodings."""
    trace_id = encoding.encode().ljust(16)[:16]
    sent = every_combination(trace_id)
    for begin in range(0, len(sent), 500):
        message = request(*sent[begin : begin + 500], resource=VALUES)
        if encoding == "grpc":
            export_at_last(shared.target, message.SerializeToString())
        else:
            whole = message.SerializeToString()
            content = whole if encoding == PROTOBUF else in_json(message)
            answer = send_at_last(shared.http_endpoint, content, encoding)
            assert answer.status == 200
    stored = [s for s in shared.stored() if s.trace_id == trace_id]
    assert len(stored) == len(sent) == 4200
    damaged = [
        each.span_id.hex()
        for each, found in zip(sent, stored, strict=True)
        if exact(Span.FromString(found.body)) != exact(each)
    ]
    assert damaged == []
    [resource] = {found.resource for found in stored}
    assert exact(Resource.FromString(resource)) == exact(
        Resource(attributes=pairs(VALUES))
    )


# --- extremes -------------------------------------------------------------------------


@EVERY_ENCODING
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 0),
        (0, 1),
        (1, 0),
        (START, START - 3_600_000_000_000),
        (LARGEST, LARGEST),
        (0, LARGEST),
        (LARGEST, 0),
    ],
)
def test_any_time_a_store_can_hold_is_kept(
    store: Store, decode: Decode, start: int, end: int
) -> None:
    """Catalogue 19."""
    sent = span(start_time_unix_nano=start, end_time_unix_nano=end)
    # `span` sets times of its own, and merging takes no 0 for an answer.
    sent.start_time_unix_nano, sent.end_time_unix_nano = start, end
    decoded = decode(request(sent))
    assert decoded.rejected == []
    store.writer.write([decoded.rows])
    with store.engine.connect() as connection:
        end_ns = connection.execute(select(spans.c.end_ns)).scalar_one()
        trace = connection.execute(select(traces)).one()
    assert end_ns == end
    [found] = stored_spans(store.engine)
    assert exact(Span.FromString(found.body)) == exact(sent)
    assert trace.timestamp_ms == start // 1_000_000
    assert trace.execution_time_ms is None or trace.execution_time_ms >= 0


@EVERY_ENCODING
@pytest.mark.parametrize("time", [1 << 63, (1 << 64) - 1])
@pytest.mark.parametrize("field", ["start_time_unix_nano", "end_time_unix_nano"])
def test_a_time_no_store_can_hold_costs_its_span_alone(
    decode: Decode, time: int, field: str
) -> None:
    """Catalogue 19."""
    extreme = span(2)
    setattr(extreme, field, time)
    decoded = decode(request(span(1), extreme, span(3)))
    assert [row.span_id for row in decoded.rows] == [1, 3]
    assert decoded.rejected == [("timestamp_out_of_range", 1)]


@EVERY_ENCODING
def test_counts_flags_and_kinds_of_any_size_are_kept(
    store: Store, decode: Decode
) -> None:
    """Catalogue 19."""
    most = (1 << 32) - 1
    event = Span.Event(time_unix_nano=(1 << 64) - 1, dropped_attributes_count=most)
    sent = span(
        flags=most,
        kind=(1 << 31) - 1,
        dropped_attributes_count=most,
        dropped_events_count=most,
        dropped_links_count=most,
        events=[event],
        links=[Span.Link(flags=most, dropped_attributes_count=most)],
    )
    store.writer.write([decode(request(sent)).rows])
    [found] = stored_spans(store.engine)
    assert exact(Span.FromString(found.body)) == exact(sent)


@EVERY_ENCODING
def test_different_values_stay_different(store: Store, decode: Decode) -> None:
    """Catalogue 19 and 20."""
    sent = [
        span(number, attributes={"value": value})
        for number, value in enumerate(VALUES.values(), 1)
    ]
    decoded = decode(request(*sent))
    assert decoded.rejected == []
    store.writer.write([decoded.rows])
    found = [Span.FromString(each.body) for each in stored_spans(store.engine)]
    assert [exact(each) for each in found] == [exact(each) for each in sent]
    assert len({exact(each.attributes[0].value) for each in found}) == len(VALUES)


def test_a_nan_keeps_its_payload(store: Store) -> None:
    """Catalogue 19: a double is 64 bits, also when it is no number."""
    [payload] = struct.unpack("<d", bytes.fromhex("efbeadde0000f87f"))
    sent = span(attributes={"nan": payload})
    assert bytes.fromhex("efbeadde0000f87f") in sent.SerializeToString()
    store.write(sent)
    [found] = stored_spans(store.engine)
    assert found.body == sent.SerializeToString()


# --- text -----------------------------------------------------------------------------


def test_bad_utf_8_in_one_of_512_spans_costs_that_span(shared: Collector) -> None:
    """Catalogue 21."""
    trace_id = b"bad utf-8".ljust(16)
    batch = [span(n, trace_id=trace_id, name="good") for n in range(1, 512)]
    message = request(*batch, span(512, trace_id=trace_id, name="BAD!"))
    raw = message.SerializeToString().replace(b"BAD!", b"BA\xff\xfe")
    answer = export(shared.target, raw)
    assert answer.partial_success.rejected_spans == 1
    assert "1 undecodable_span" in answer.partial_success.error_message
    query = f"SELECT span_count FROM traces WHERE trace_id = x'{trace_id.hex()}'"  # noqa: S608
    assert rows(shared, query) == [(511,)]


@EVERY_ENCODING
@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "a\x00b",
        "\u202e\u05d0\u05d1",
        "\U0001f469\u200d\U0001f4bb",
        "e\u0301",
        "",
    ],
)
def test_odd_text_anywhere_loses_nothing(
    store: Store, decode: Decode, text: str
) -> None:
    """Catalogue 21."""
    odd = span(
        2,
        name=text,
        trace_state=text,
        status=Status(message=text),
        attributes={
            text: text,
            f"mlflow.traceTag.{text}": text,
            "mlflow.spanInputs": json.dumps({text: text}),
            "spanframe.experiment": text,
            "user.id": text,
        },
        events=[Span.Event(name=text, attributes=pairs({text: text}))],
    )
    message = request(span(1), odd, span(3), resource={text: text}, scope=text)
    decoded = decode(message)
    assert decoded.rejected == []
    [written] = store.writer.write([decoded.rows])
    assert written.stored == 3
    _, found, _ = stored_spans(store.engine)
    assert exact(Span.FromString(found.body)) == exact(odd)


def test_half_a_surrogate_pair_costs_no_span(shared: Collector) -> None:
    """Catalogue 21: JSON can say what UTF-8 cannot."""
    trace_id = "5e" * 16
    text = body(
        json_span(traceId=trace_id, spanId="01" * 8),
        json_span(traceId=trace_id, spanId="02" * 8, name="\ud83d"),
        json_span(traceId=trace_id, spanId="03" * 8),
    )
    answer = send(shared.http_endpoint, text, JSON)
    assert answer.status == 200
    told = json.loads(answer.body)["partialSuccess"]
    assert f"name of span {'02' * 8} had half an emoji" in told["errorMessage"]
    assert "rejectedSpans" not in told
    query = f"SELECT span_count FROM traces WHERE trace_id = x'{trace_id}'"  # noqa: S608
    assert rows(shared, query) == [(3,)]


# --- depth ----------------------------------------------------------------------------


def nested(depth: int, *, maps: bool) -> bytes:
    """Write an AnyValue that protobuf's own writer would refuse to write."""
    value = AnyValue(string_value="x").SerializeToString()
    for _ in range(depth):
        value = (
            field(6, field(1, field(1, b"k") + field(2, value)))
            if maps
            else field(5, field(1, value))
        )
    return value


def nested_json(depth: int, *, maps: bool) -> str:
    opening, closing = (
        ('{"kvlistValue":{"values":[{"key":"k","value":', "}]}}")
        if maps
        else ('{"arrayValue":{"values":[', "]}}")
    )
    return opening * depth + '{"stringValue":"x"}' + closing * depth


DEEPEST = {False: 49, True: 32}
"""Arrays, or maps, in one another: what a protobuf parser takes of one span."""

DEPTHS = pytest.mark.parametrize(
    ("maps", "depth"),
    [(m, d) for m in DEEPEST for d in (31, DEEPEST[m], DEEPEST[m] + 1, 64, 100)],
)


@DEPTHS
def test_a_deep_value_is_kept_or_costs_its_span_alone(maps: bool, depth: int) -> None:
    """Catalogue 23."""
    deep = span(1).SerializeToString()
    deep += field(9, field(1, b"deep") + field(2, nested(depth, maps=maps)))
    rest = field(2, span(2).SerializeToString())
    decoded = decode_request(field(1, field(2, field(2, deep) + rest)))
    if depth <= DEEPEST[maps]:
        assert decoded.rows[0].body == deep
        assert decoded.rejected == []
    else:
        assert [row.span_id for row in decoded.rows] == [2]
        assert decoded.rejected == [("undecodable_span", 1)]


@DEPTHS
def test_a_deep_json_value_is_kept_or_costs_its_span_at_most(
    maps: bool, depth: int
) -> None:
    """Catalogue 23."""
    attributes = [{"key": "deep", "value": "HERE"}]
    text = body(json_span(attributes=attributes), json_span(spanId="02" * 8))
    value = nested_json(depth, maps=maps).encode()
    translated = to_protobuf(text.replace(b'"HERE"', value))
    decoded = decode_request(translated.request)
    rejected = [*translated.rejected, *decoded.rejected]
    if depth <= DEEPEST[maps]:
        assert rejected == []
        expected = field(9, field(1, b"deep") + field(2, nested(depth, maps=maps)))
        assert expected in decoded.rows[0].body
    elif translated.warning:
        assert "the attribute deep of" in translated.warning
        assert (len(decoded.rows), rejected) == (2, [])
    else:
        assert len(decoded.rows) == 1
        assert rejected == [("undecodable_span", 1)]


@pytest.mark.parametrize("depth", [1000, 20_000])
def test_an_absurdly_deep_value_ends_nothing(shared: Collector, depth: int) -> None:
    """Catalogue 23: its span; in JSON, beyond what Python reads, its request."""
    trace_id = depth.to_bytes(16, "big")
    deep = span(1, trace_id=trace_id).SerializeToString()
    deep += field(9, field(1, b"deep") + field(2, nested(depth, maps=False)))
    rest = field(2, span(2, trace_id=trace_id).SerializeToString())
    answer = export(shared.target, field(1, field(2, field(2, deep) + rest)))
    assert answer.partial_success.rejected_spans == 1
    text = body(json_span(attributes=[{"key": "deep", "value": "HERE"}]))
    value = nested_json(depth, maps=False).encode()
    sent = send(shared.http_endpoint, text.replace(b'"HERE"', value), JSON)
    if sent.status == 200:  # Python 3.12 and newer read a thousand
        assert json.loads(sent.body)["partialSuccess"]["rejectedSpans"] == "1"
    else:
        assert sent.status == 400
    assert send(shared.http_endpoint, b"{}", JSON).status == 200


# --- keys -----------------------------------------------------------------------------


def test_of_two_equal_keys_the_last_wins_and_both_are_kept(store: Store) -> None:
    """Catalogue 24."""
    twice = [*pairs({"k": 1}), *pairs({"k": 2})]
    message = request(span(1, attributes={"mlflow.spanType": "TOOL"}))
    sent = message.resource_spans[0].scope_spans[0].spans[0]
    sent.attributes.extend([*pairs({"mlflow.spanType": "LLM"}), *twice])
    sent.attributes.add(key="map").value.kvlist_value.values.extend(twice)
    message.resource_spans[0].resource.attributes.extend(twice)
    for decode in (by_protobuf, by_json):
        [row] = decode(message).rows
        assert row.body == sent.SerializeToString()
        assert row.signature.type == "LLM"
        assert {f.value for f in row.facts if f.field == "tags.k"} == {"2"}
        store.writer.write([[row]])
    with store.engine.connect() as connection:
        found = connection.execute(select(attribute_index.c.value)).scalars().all()
    assert found == ["2"]


def test_keys_that_differ_in_case_are_two_keys(store: Store) -> None:
    """Catalogue 24."""
    store.write(span(1), resource={"key": "a", "KEY": "b", "Key": "c"})
    with store.engine.connect() as connection:
        [tags] = connection.execute(select(traces.c.tags)).scalars()
    assert json.loads(tags) == {"key": "a", "KEY": "b", "Key": "c"}


def test_an_empty_key_is_kept_and_names_no_tag(store: Store) -> None:
    """Catalogue 24."""
    sent = span(1, attributes={"": "x", "mlflow.traceTag.": "y"})
    store.write(sent, resource={"": "z"})
    with store.engine.connect() as connection:
        [row] = connection.execute(select(traces.c.tags)).scalars()
        [resource] = connection.execute(select(resources.c.body)).scalars()
    assert json.loads(row) == {}
    [found] = stored_spans(store.engine)
    assert found.body == sent.SerializeToString()
    assert Resource.FromString(resource).attributes[0].value == any_value("z")


def test_a_key_of_64_kb_is_a_key(store: Store) -> None:
    """Catalogue 24."""
    key = "k" * 65_536
    store.write(span(1, attributes={key: 1}), resource={key: "z"})
    with store.engine.connect() as connection:
        [tags] = connection.execute(select(traces.c.tags)).scalars()
        indexed = connection.execute(select(attribute_index.c.key)).all()
    assert json.loads(tags) == {key: "z"}
    # On the row of the trace alone, where filters find it as well.
    assert indexed == []


@pytest.mark.slow
def test_a_resource_in_any_order_is_one_resource(store: Store) -> None:
    """Catalogue 25: 10 000 requests, each with its attributes in another order."""
    order = random.Random(25)  # noqa: S311 - the same order every time
    attributes = pairs({f"key {n}": n for n in range(12)} | {"map": {"a": 1}})
    bodies = set()
    batch = []
    numbers = some(range(1, 10_001))
    for number in numbers:
        order.shuffle(attributes)
        message = request(span(number))
        message.resource_spans[0].resource.attributes.extend(attributes)
        bodies.add(exact(message.resource_spans[0].resource))
        batch.append(decode_request(message.SerializeToString()).rows)
    assert len(bodies) > 0.9 * len(numbers)
    half = len(batch) // 2
    for part in (batch[:1], batch[1:half], batch[half:]):
        store.writer.write(part)
    with store.engine.connect() as connection:
        count = select(func.count()).select_from(resources)
        assert connection.execute(count).scalar_one() == 1


def test_the_order_inside_a_map_is_part_of_its_value() -> None:
    """Catalogue 25: only attribute sets are sets; what they hold is kept as it is."""
    one = KeyValue(key="m", value=any_value({"a": 1, "b": 2}))
    other = KeyValue(key="m", value=any_value({"b": 2, "a": 1}))
    digests = set()
    for attribute in (one, other):
        message = request(span(1))
        message.resource_spans[0].resource.attributes.append(attribute)
        digests.add(by_protobuf(message).rows[0].resource.digest)
    assert len(digests) == 2
