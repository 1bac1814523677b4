"""OTLP/JSON, as senders write it."""

import base64
import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.plugins.otlp import pairs, request, span

TRACE_ID = "5b8efff798038103d269b633813fc60c"
SPAN_ID = "eee19b7ec3c1b174"


def json_span(**fields: Any) -> dict[str, Any]:
    return {"traceId": TRACE_ID, "spanId": SPAN_ID, **fields}


def body(*spans: Any, **resource_spans: Any) -> bytes:
    scope = {"spans": list(spans)}
    whole = {"resourceSpans": [{"scopeSpans": [scope], **resource_spans}]}
    return json.dumps(whole).encode()


def as_json(message: ExportTraceServiceRequest) -> dict[str, Any]:
    """Write OTLP/JSON: as protobuf's own writer does, but for the ids."""
    whole = MessageToDict(message, use_integers_for_enums=True)
    for resource_spans in whole.get("resourceSpans", []):
        for scope_spans in resource_spans.get("scopeSpans", []):
            for each in scope_spans.get("spans", []):
                for holder in (each, *each.get("links", [])):
                    for key in ("traceId", "spanId", "parentSpanId"):
                        if key in holder:
                            holder[key] = base64.b64decode(holder[key]).hex()
    return dict(whole)


def in_json(message: ExportTraceServiceRequest) -> bytes:
    return json.dumps(as_json(message)).encode()


def full_request() -> ExportTraceServiceRequest:
    whole = request(
        span(
            1,
            parent=2,
            attributes={
                "all": ["", "x", True, False, 0, -(1 << 63), 0.0, 1.5, b"", b"\xff"],
                "odd": [float("inf"), float("-inf"), None, [], {}],
                "map": {"a": {"b": [1]}, "": None},
            },
            kind=Span.SPAN_KIND_CLIENT,
            trace_state="a=b",
            flags=(1 << 32) - 1,
            status=Status(code=Status.STATUS_CODE_ERROR, message="no"),
            dropped_attributes_count=1,
            dropped_events_count=2,
            dropped_links_count=3,
            events=[
                Span.Event(
                    name="e",
                    time_unix_nano=(1 << 64) - 1,
                    attributes=pairs({"a": 1}),
                    dropped_attributes_count=4,
                )
            ],
            links=[
                Span.Link(
                    trace_id=b"l" * 16,
                    span_id=b"l" * 8,
                    trace_state="c=d",
                    attributes=pairs({"b": 2}),
                    dropped_attributes_count=5,
                    flags=6,
                )
            ],
        ),
        span(2),
        resource={"service.name": "shop"},
    )
    resource_spans = whole.resource_spans[0]
    resource_spans.schema_url = "https://example.org/resource"
    resource_spans.resource.dropped_attributes_count = 7
    entity = resource_spans.resource.entity_refs.add(type="service", schema_url="u")
    entity.id_keys.append("service.name")
    entity.description_keys.append("service.version")
    scope_spans = resource_spans.scope_spans[0]
    scope_spans.schema_url = "https://example.org/scope"
    scope_spans.scope.version = "1"
    scope_spans.scope.dropped_attributes_count = 8
    resource_spans.scope_spans.add().spans.append(span(3))
    whole.resource_spans.add().scope_spans.add().spans.append(span(4))
    return whole
