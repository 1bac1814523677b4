"""Spans ↔ dictionaries: writes those of MLflow 3, reads those of MLflow 3 and 2."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from spanframe import keys
from spanframe.entities import Link, SpanEvent, SpanStatus, SpanStatusCode
from spanframe.errors import InvalidArgumentError
from spanframe_store.otlp.anyvalue import json_text
from spanframe_store.otlp.content import REQUEST_ID_ATTRIBUTE, SpanContent

__all__ = ["from_dict", "to_dict"]

_CODE_PREFIX: Final = "STATUS_CODE_"
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8


def to_dict(content: SpanContent) -> dict[str, Any]:
    """Return a span as a dictionary of MLflow 3.17: attributes are JSON texts."""
    status = content.status
    return {
        "trace_id": _base64(content.trace_id),
        "span_id": _base64(content.span_id),
        "parent_span_id": _base64(content.parent_span_id)
        if content.parent_span_id
        else None,
        "name": content.name,
        "start_time_unix_nano": content.start_ns,
        "end_time_unix_nano": content.end_ns or None,
        "events": [
            {
                "name": event.name,
                "time_unix_nano": event.timestamp,
                "attributes": dict(event.attributes),
            }
            for event in content.events
        ],
        "status": {
            "code": _CODE_PREFIX + status.status_code.value,
            "message": status.description,
        },
        "attributes": dict(content.attributes),
        "links": [
            {
                "trace_id": link.trace_id,
                "span_id": link.span_id,
                "attributes": dict(link.attributes) if link.attributes else None,
            }
            for link in content.links
        ],
    }


def from_dict(data: Mapping[str, Any]) -> SpanContent:
    """Read a span from a dictionary of MLflow 3.x (base64 or hex ids) or MLflow 2.x.

    Raises:
        InvalidArgumentError: when the dictionary has none of these shapes.
    """
    try:
        return _version_2(data) if "context" in data else _version_3(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidArgumentError(
            f"This dictionary is not a span of MLflow 2.x or 3.x: {error!r}"
        ) from error


def _version_3(data: Mapping[str, Any]) -> SpanContent:
    status = data["status"]
    parent = data.get("parent_span_id")
    return SpanContent(
        trace_id=(trace_id := _identifier(data["trace_id"], _TRACE_ID_BYTES)),
        span_id=_identifier(data["span_id"], _SPAN_ID_BYTES),
        parent_span_id=_identifier(parent, _SPAN_ID_BYTES) if parent else None,
        name=data["name"],
        start_ns=int(data["start_time_unix_nano"]),
        end_ns=int(data.get("end_time_unix_nano") or 0),
        status=SpanStatus(
            SpanStatusCode(status["code"].removeprefix(_CODE_PREFIX)),
            status.get("message") or "",
        ),
        attributes=_attributes(data.get("attributes"), trace_id),
        events=tuple(
            SpanEvent(e["name"], int(e["time_unix_nano"]), e.get("attributes") or {})
            for e in data.get("events") or ()
        ),
        links=_links(data.get("links")),
    )


def _version_2(data: Mapping[str, Any]) -> SpanContent:
    parent = data.get("parent_id")
    context = data["context"]
    return SpanContent(
        trace_id=(trace_id := _identifier(context["trace_id"], _TRACE_ID_BYTES)),
        span_id=_identifier(context["span_id"], _SPAN_ID_BYTES),
        parent_span_id=_identifier(parent, _SPAN_ID_BYTES) if parent else None,
        name=data["name"],
        start_ns=int(data["start_time"]),
        end_ns=int(data.get("end_time") or 0),
        status=SpanStatus(
            SpanStatusCode(data["status_code"]), data.get("status_message") or ""
        ),
        attributes=_attributes(data.get("attributes"), trace_id),
        events=tuple(
            SpanEvent(e["name"], int(e["timestamp"]), e.get("attributes") or {})
            for e in data.get("events") or ()
        ),
        links=_links(data.get("links")),
    )


def _attributes(given: Mapping[str, Any] | None, trace_id: bytes) -> dict[str, str]:
    texts = {
        key: value if isinstance(value, str) else json_text(value)
        for key, value in (given or {}).items()
    }
    texts.setdefault(REQUEST_ID_ATTRIBUTE, json_text(keys.request_id(trace_id)))
    texts.setdefault(keys.SPAN_TYPE, '"UNKNOWN"')
    return texts


def _links(given: list[dict[str, Any]] | None) -> tuple[Link, ...]:
    return tuple(
        Link(link["trace_id"], link["span_id"], link.get("attributes"))
        for link in given or ()
    )


def _base64(identifier: bytes) -> str:
    return base64.b64encode(identifier).decode("ascii")


def _identifier(text: str, size: int) -> bytes:
    """Return the bytes of an id: hex, also after ``tr-`` or ``0x``, else base64."""
    digits = text.removeprefix(keys.REQUEST_ID_PREFIX).removeprefix("0x")
    if digits != text or len(digits) == 2 * size:
        # MLflow 2.x leaves out leading zeros after 0x.
        return bytes.fromhex(digits.rjust(2 * size, "0"))
    try:
        identifier = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{text!r} is not an id") from error
    if len(identifier) != size:
        raise ValueError(f"{text!r} is not an id of {size} bytes")
    return identifier
