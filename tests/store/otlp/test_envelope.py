"""The walk over raw bytes sees what protobuf's own parser sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from spanframe_store.otlp.envelope import EnvelopeError, RawScope, rebuild, walk
from tests.plugins.otlp import request, span


def test_every_span_comes_with_its_resource_and_scope() -> None:
    message = request(span(1), span(2), resource={"service.name": "a"}, scope="x")
    message.MergeFrom(request(span(3), resource={"service.name": "b"}, scope="y"))
    message.resource_spans[0].schema_url = "https://example.com/resource"
    message.resource_spans[1].scope_spans[0].schema_url = "https://example.com/scope"

    walked = list(walk(message.SerializeToString()))

    for scope, expected in zip(walked, message.resource_spans, strict=True):
        inner = expected.scope_spans[0]
        assert scope.resource == expected.resource.SerializeToString()
        assert scope.resource_schema_url.decode() == expected.schema_url
        assert scope.scope == inner.scope.SerializeToString()
        assert scope.scope_schema_url.decode() == inner.schema_url
        assert scope.spans == [s.SerializeToString() for s in inner.spans]


@pytest.mark.parametrize(
    "message",
    [
        ExportTraceServiceRequest(),
        ExportTraceServiceRequest(resource_spans=[ResourceSpans()]),
        request(),
    ],
)
def test_envelopes_without_spans_hold_no_spans(
    message: ExportTraceServiceRequest,
) -> None:
    assert [s for scope in walk(message.SerializeToString()) for s in scope.spans] == []


def test_the_resource_may_come_after_the_spans() -> None:
    whole = request(span(1), resource={"service.name": "late"})
    resource_spans = whole.resource_spans[0]
    body = resource_spans.scope_spans[0].SerializeToString()
    resource = resource_spans.resource.SerializeToString()
    swapped = b"\x12" + _length(body) + body + b"\x0a" + _length(resource) + resource
    [scope] = walk(b"\x0a" + _length(swapped) + swapped)
    assert scope.resource == resource
    assert len(scope.spans) == 1


def test_unknown_fields_are_skipped() -> None:
    known = request(span(1)).SerializeToString()
    varint, fixed64, fixed32 = b"\x78\x01", b"\x79" + bytes(8), b"\x7d" + bytes(4)
    [scope] = walk(varint + fixed64 + known + fixed32)
    assert len(scope.spans) == 1


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"garbage", "wire type 7"),
        (b"\x0a\xff", "a number does not end"),
        (b"\x0a" + b"\xff" * 11, "a number does not end"),
        (b"\x0a\x05ab", "longer than the message"),
        (b"\x09\x00", "longer than the message"),
        (b"\x0b", "wire type 3"),
        (b"\x02\x00", "field number 0"),
    ],
)
def test_what_is_no_request_is_refused(bad: bytes, why: str) -> None:
    with pytest.raises(EnvelopeError, match=why):
        list(walk(bad))


@given(st.binary(max_size=200))
def test_any_bytes_end_in_scopes_or_in_an_envelope_error(data: bytes) -> None:
    try:
        scopes = list(walk(data))
    except EnvelopeError:
        return
    assert sum(len(s) for scope in scopes for s in scope.spans) <= len(data)


@given(st.lists(st.binary(max_size=300), min_size=5, max_size=9))
def test_what_is_rebuilt_is_walked_as_it_was(parts: list[bytes]) -> None:
    resource, resource_url, scope_body, scope_url, *spans = parts
    scope = RawScope(resource, resource_url, scope_body, scope_url, spans)
    assert list(walk(rebuild(scope))) == [scope]


def _length(body: bytes) -> bytes:
    size, out = len(body), bytearray()
    while size >= 0x80:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    return bytes(out)
