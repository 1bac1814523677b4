"""What the app says of one span → attributes, statuses and links of OpenTelemetry."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.trace import Link as OTelLink
from opentelemetry.trace import SpanContext, TraceFlags

from spanframe import keys
from spanframe._capture import Capture
from spanframe._guard import warn
from spanframe._recorded import JSON_KEYS, SPAN_DESCRIPTION, SPAN_LOG_LEVEL
from spanframe.entities import Link, SpanStatus, SpanStatusCode, SpanType
from spanframe.errors import InvalidArgumentError

__all__ = [
    "level_number",
    "link_context",
    "otel_links",
    "rendered_attributes",
    "span_facts",
    "span_status",
    "trace_beginning",
]

_LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


def span_facts(
    span_type: str | None,
    attributes: Mapping[str, Any] | None,
    log_level: int | str | None,
    description: str | None,
) -> dict[str, Any]:
    """Gather what a span begins with, not rendered yet.

    Raises:
        InvalidArgumentError: when ``log_level`` is no level.
    """
    facts = dict(attributes or {})
    facts[keys.SPAN_TYPE] = span_type or SpanType.UNKNOWN
    if log_level is not None:
        facts[SPAN_LOG_LEVEL] = level_number(log_level)
    if description is not None:
        facts[SPAN_DESCRIPTION] = description
    return facts


def trace_beginning(
    capture: Capture, trace_destination: str | None, run_id: str | None = None
) -> dict[str, str]:
    """Render what a span says of the trace it begins: its experiment, its run."""
    facts = {
        keys.EXPERIMENT: trace_destination,
        keys.METADATA_PREFIX + keys.META_SOURCE_RUN: run_id,
    }
    return {key: capture.text(value) for key, value in facts.items() if value}


def rendered_attributes(capture: Capture, attributes: Any) -> dict[str, Any]:
    """Render attributes given by the app; what cannot be one is left out, warned of."""
    if not isinstance(attributes, Mapping):
        warn(
            "Attributes must be a mapping, not %s; ignored.", type(attributes).__name__
        )
        return {}
    rendered: dict[str, Any] = {}
    for key, value in attributes.items():
        if not isinstance(key, str) or not key:
            warn(
                "An attribute's key must be text, not %s; ignored.", type(key).__name__
            )
        elif key in JSON_KEYS:
            rendered[key] = capture.json_text(value)
        elif value is not None:
            rendered[capture.text(key)] = capture.attribute(key, value)
    return rendered


def span_status(status: "SpanStatus | SpanStatusCode | str") -> SpanStatus:
    """Read a status.

    Raises:
        InvalidArgumentError: for a text that is none.
    """
    if isinstance(status, SpanStatus):
        return status
    try:
        return SpanStatus(SpanStatusCode(status))
    except ValueError:
        raise InvalidArgumentError(
            f"{status!r} is no status of a span; write 'OK', 'ERROR' or 'UNSET'"
        ) from None


def level_number(level: int | str) -> int:
    """Read a log level.

    Raises:
        InvalidArgumentError: for a text that is none.
    """
    if isinstance(level, int):
        return int(level)
    try:
        return _LEVELS[level.upper()]
    except KeyError:
        raise InvalidArgumentError(
            f"{level!r} is no log level; write one of {', '.join(_LEVELS)}"
        ) from None


def link_context(link: Link) -> SpanContext:
    """Read the ids of a link.

    Raises:
        InvalidArgumentError: when they are not hex ids.
    """
    try:
        trace_id = int(link.trace_id.removeprefix(keys.REQUEST_ID_PREFIX), 16)
        span_id = int(link.span_id, 16)
    except (AttributeError, ValueError):
        raise InvalidArgumentError(
            "a link needs trace_id='tr-' and 32 hex digits, span_id= 16 hex digits"
        ) from None
    return SpanContext(
        trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )


def otel_links(capture: Capture, links: Sequence[Link] | None) -> list[OTelLink]:
    """Render links for OpenTelemetry."""
    return [
        OTelLink(link_context(link), rendered_attributes(capture, link.attributes))
        for link in links or ()
    ]
