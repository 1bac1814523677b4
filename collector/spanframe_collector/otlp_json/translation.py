"""Translates an export request from JSON to protobuf.

The JSON parser of protobuf reads another format: base64 ids, names of enum values,
snake_case keys. This one follows OTLP 1.11: ids are hexadecimal in any case, keys are
lowerCamelCase, unknown keys are ignored at every level, enums are integers, 64-bit
integers are numbers or strings, null is absent.

A value of another type is repaired where its meaning is clear (the name of an enum
value, ``"boolValue": 1``), else left out with its attribute. The sender is told which
field of which span. A span whose ids or times are wrong is rejected alone.
"""

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from spanframe_collector.otlp_json.messages import (
    LOG_RECORD,
    RESOURCE_SPANS,
    SCOPE_SPANS,
    SPAN,
    fill,
)
from spanframe_collector.otlp_json.notes import Notes
from spanframe_collector.otlp_json.values import MAX_INTEGER_DIGITS
from spanframe_store.contract.spans import Rejected
from spanframe_store.otlp.envelope import EnvelopeError

__all__ = [
    "MAX_OBJECTS",
    "MAX_VALUES",
    "OtherSignalError",
    "TooManyObjectsError",
    "Translated",
    "logs_to_protobuf",
    "to_protobuf",
]

MAX_OBJECTS: Final = 300_000
"""Maximum objects and arrays of one request, together; an empty one takes thirty times
the memory of its text, and two microseconds."""

MAX_VALUES: Final = 800_000
"""Maximum values of one request, counted by the commas between them; a short text takes
ten times the memory of what is sent."""

_COUNTED_BYTES: Final = 64 << 10
"""Bytes among which the objects outside of texts are counted at once."""

_NOT_COUNTED: Final = bytes(set(range(256)) - set(b'"{[,'))


class TooManyObjectsError(EnvelopeError):
    """The request has more objects and arrays, or values, than the maximum."""


class OtherSignalError(EnvelopeError):
    """A request holds logs, metrics or profiles."""


class Translated(NamedTuple):
    """A request in the protobuf encoding, and the spans that were rejected."""

    request: bytes
    rejected: list[Rejected]
    warning: str = ""


def to_protobuf(body: bytes) -> Translated:
    """Translate an ExportTraceServiceRequest from JSON.

    Raises:
        EnvelopeError: when the body is not JSON, or not such a request.
        TooManyObjectsError: when it has too many objects, arrays or values.
    """
    source = _parse(body)
    request = ExportTraceServiceRequest()
    rejected: Counter[str] = Counter()
    notes = Notes()
    for resource_spans in _objects(source, "resourceSpans"):
        _add_resource_spans(request, resource_spans, rejected, notes)
    warning = notes.text()
    if not request.resource_spans and not rejected:
        if _is_other_signal(source):
            raise OtherSignalError("the request holds another signal than spans")
        warning = warning or _shape(source)
    return Translated(
        request.SerializeToString(),
        [Rejected(*item) for item in rejected.items()],
        warning,
    )


def logs_to_protobuf(body: bytes) -> Translated:
    """Translate the log records of an ExportLogsServiceRequest from JSON.

    Resources and scopes are left out, as only the records are read.

    Raises:
        EnvelopeError: when the body is not JSON, or not such a request.
    """
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for resource_logs in _objects(_parse(body), "resourceLogs"):
        for scope_logs in _objects(resource_logs, "scopeLogs"):
            for record in _objects(scope_logs, "logRecords"):
                with contextlib.suppress(ValueError):
                    fill(records.add(), LOG_RECORD, record, Notes())
    return Translated(request.SerializeToString(), [])


def _parse(body: bytes) -> dict[str, Any]:
    if _has_too_many_parts(body):
        raise TooManyObjectsError("too many objects in one request")
    try:
        source = json.loads(
            body.decode(), parse_int=_parse_int, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise EnvelopeError("the body is not JSON") from None
    if not isinstance(source, dict):
        raise EnvelopeError("the body is not a JSON object")
    return source


def _has_too_many_parts(body: bytes) -> bool:
    """Return whether a JSON text has too many objects, arrays or values.

    Those inside of its texts do not count. The time is linear in the size of the text,
    and the memory its size, for any text.
    """
    if _fits(body.count(b"{") + body.count(b"["), body.count(b",")):
        return False
    body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    body = body.translate(None, _NOT_COUNTED)
    parts = commas = is_inside = 0
    for begin in range(0, len(body), _COUNTED_BYTES):
        pieces = body[begin : begin + _COUNTED_BYTES].split(b'"')
        outside = b"".join(pieces[is_inside::2])
        parts += len(outside)
        commas += outside.count(b",")
        is_inside ^= (len(pieces) - 1) & 1
    return not _fits(parts - commas, commas)


def _fits(objects: int, commas: int) -> bool:
    return objects <= MAX_OBJECTS and commas <= MAX_VALUES


def _parse_int(text: str) -> int | str:
    # Python refuses numbers of thousands of digits, which would fail the whole request.
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else text


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_SHAPES: Final = {
    "resource_spans": "has keys in snake_case: write them in lowerCamelCase",
    "scope_spans": "has keys in snake_case: write them in lowerCamelCase",
    "ResourceSpans": "has keys in PascalCase: write them in lowerCamelCase",
    "ScopeSpans": "has keys in PascalCase: write them in lowerCamelCase",
    "instrumentationLibrarySpans": (
        "is of OTLP before 0.15: write scopeSpans and scope for "
        "instrumentationLibrarySpans and instrumentationLibrary, or update the exporter"
    ),
}
_OUTER_SHAPES: Final = {
    "batches": "looks like an answer of Grafana Tempo: write resourceSpans for batches",
    "scopeSpans": "has scopeSpans outside of resourceSpans: wrap them",
    "spans": "has spans outside of resourceSpans and scopeSpans: wrap them",
    "data": "looks like an answer of Jaeger, and not like OTLP: send resourceSpans",
}
"""Keys of other shapes, at any level and outside of all, and what to send instead."""


def _shape(source: Mapping[str, Any]) -> str:
    """Return what a request without spans looks like; empty: like an empty one."""
    inner = [key for each in _objects(source, "resourceSpans") for key in each]
    for key in (*source, *inner):
        text = _SHAPES.get(key) or (_OUTER_SHAPES.get(key) if key in source else None)
        if text is not None:
            return f"Nothing was stored: the request {text}."
    return ""


def _is_other_signal(source: Mapping[str, Any]) -> bool:
    return not source.keys().isdisjoint(
        ("resourceLogs", "resourceMetrics", "resourceProfiles")
    )


# --- the envelope -------------------------------------------------------------------


def _objects(source: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list in the envelope.

    Raises:
        EnvelopeError: when it is not a list of objects.
    """
    items = source.get(key)
    if items is None:
        return
    if not isinstance(items, list):
        raise EnvelopeError(f"{key} is not an array")
    for item in items:
        if isinstance(item, dict):
            yield item
        elif item is not None:
            raise EnvelopeError(f"{key} holds something that is not an object")


def _add_resource_spans(
    request: ExportTraceServiceRequest,
    source: dict[str, Any],
    rejected: Counter[str],
    notes: Notes,
) -> None:
    scopes = [(scope, _spans(scope)) for scope in _objects(source, "scopeSpans")]
    scopes = [(scope, spans) for scope, spans in scopes if spans]
    if not scopes:
        return
    target = request.resource_spans.add()
    notes.place = "a resource"
    fill(target, RESOURCE_SPANS, source, notes)
    for scope, spans in scopes:
        scope_spans = target.scope_spans.add()
        notes.place = "a scope"
        fill(scope_spans, SCOPE_SPANS, scope, notes)
        for span in spans:
            notes.place = _place(span)
            try:
                fill(scope_spans.spans.add(), SPAN, span, notes)
            except ValueError as error:
                del scope_spans.spans[-1]
                reason = str(error)
                field = _IDS.get(reason, reason) or "the whole"
                notes.add(field, "was unreadable: the span is rejected")
                rejected[reason if reason in _IDS else "undecodable_span"] += 1


_IDS: Final = {
    "invalid_trace_id": "traceId",
    "invalid_span_id": "spanId",
    "invalid_parent_span_id": "parentSpanId",
}
"""Keys of ids, by the reason for which a span is rejected."""


def _place(span: Any) -> str:
    """Return how a note names a span."""
    span_id = span.get("spanId") if isinstance(span, dict) else None
    is_id = isinstance(span_id, str) and re.fullmatch("[0-9A-Fa-f]{1,32}", span_id)
    return f"span {span_id}" if is_id else "a span"


def _spans(scope: Mapping[str, Any]) -> list[Any]:
    spans = scope.get("spans")
    if not isinstance(spans, list | None):
        raise EnvelopeError("spans is not an array")
    return [span for span in spans or () if span is not None]
