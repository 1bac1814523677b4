"""Translates an export request from JSON to protobuf.

The JSON parser of protobuf reads another format: base64 ids, names of enum values,
snake_case keys. This one follows OTLP 1.11: ids are hexadecimal in any case, keys are
lowerCamelCase, unknown keys are ignored at every level, enums are integers, 64-bit
integers are numbers or strings, null is absent. A span that has a wrong value is
rejected alone.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from spanframe_collector.otlp_json.messages import (
    RESOURCE_SPANS,
    SCOPE_SPANS,
    SPAN,
    fill,
)
from spanframe_collector.otlp_json.values import (
    MAX_INTEGER_DIGITS,
    UnreadableError,
)
from spanframe_store.contract.spans import Rejected
from spanframe_store.otlp.envelope import EnvelopeError

__all__ = [
    "MAX_OBJECTS",
    "MAX_VALUES",
    "TooManyObjectsError",
    "Translated",
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
    for resource_spans in _objects(source, "resourceSpans"):
        _add_resource_spans(request, resource_spans, rejected)
    warning = ""
    if not request.resource_spans and not rejected:
        if _is_other_signal(source):
            raise EnvelopeError("the request holds another signal than spans")
        if _is_snake_case(source):
            warning = "Nothing was stored: write the keys in lowerCamelCase."
    return Translated(
        request.SerializeToString(),
        [Rejected(*item) for item in rejected.items()],
        warning,
    )


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


def _parse_int(text: str) -> Any:
    # Python refuses numbers of thousands of digits, which would fail the whole request.
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else _TOO_LONG


_TOO_LONG: Final = object()
"""Value in place of a number that fits no field."""


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _is_snake_case(source: Mapping[str, Any]) -> bool:
    return "resource_spans" in source or any(
        "scope_spans" in item for item in _objects(source, "resourceSpans")
    )


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
    request: ExportTraceServiceRequest, source: dict[str, Any], rejected: Counter[str]
) -> None:
    scopes = [(scope, _spans(scope)) for scope in _objects(source, "scopeSpans")]
    scopes = [(scope, spans) for scope, spans in scopes if spans]
    if not scopes:
        return
    target = request.resource_spans.add()
    try:
        fill(target, RESOURCE_SPANS, source)
    except ValueError:
        del request.resource_spans[-1]
        rejected["undecodable_resource"] += sum(len(spans) for _, spans in scopes)
        return
    for scope, spans in scopes:
        scope_spans = target.scope_spans.add()
        try:
            fill(scope_spans, SCOPE_SPANS, scope)
        except ValueError:
            del target.scope_spans[-1]
            rejected["undecodable_resource"] += len(spans)
            continue
        for span in spans:
            try:
                fill(scope_spans.spans.add(), SPAN, span)
            except ValueError as error:
                del scope_spans.spans[-1]
                known = isinstance(error, UnreadableError) and str(error)
                rejected[known or "undecodable_span"] += 1


def _spans(scope: Mapping[str, Any]) -> list[Any]:
    spans = scope.get("spans")
    if not isinstance(spans, list | None):
        raise EnvelopeError("spans is not an array")
    return [span for span in spans or () if span is not None]
