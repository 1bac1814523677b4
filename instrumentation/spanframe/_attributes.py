"""Values that an app gives a span → attributes, statuses, links of OpenTelemetry."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from opentelemetry.trace import Link as OTelLink
from opentelemetry.trace import SpanContext, TraceFlags

from spanframe import keys
from spanframe._capture import Capture
from spanframe._guard import warn
from spanframe._recorded import JSON_KEYS, SPAN_DESCRIPTION, SPAN_LOG_LEVEL
from spanframe.entities import Link, SpanStatus, SpanStatusCode, SpanType
from spanframe.errors import InvalidArgumentError

__all__ = [
    "initial_attributes",
    "level_number",
    "link_context",
    "new_trace_attributes",
    "otel_links",
    "rendered_attributes",
    "span_status",
]

_LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


def initial_attributes(
    span_type: str | None,
    attributes: Mapping[str, Any] | None,
    log_level: int | str | None,
    description: str | None,
) -> dict[str, Any]:
    """Return the attributes that a span starts with, not rendered yet.

    Raises:
        InvalidArgumentError: when ``log_level`` is not a level.
    """
    initial = dict(attributes or {})
    initial[keys.SPAN_TYPE] = span_type or SpanType.UNKNOWN
    if log_level is not None:
        initial[SPAN_LOG_LEVEL] = level_number(log_level)
    if description is not None:
        initial[SPAN_DESCRIPTION] = description
    return initial


def new_trace_attributes(
    capture: Capture, trace_destination: str | None, run_id: str | None = None
) -> dict[str, str]:
    """Render the experiment and the run of a trace that a span begins."""
    values = {
        keys.EXPERIMENT: trace_destination,
        keys.METADATA_PREFIX + keys.META_SOURCE_RUN: run_id,
    }
    return {key: capture.text(value) for key, value in values.items() if value}


def rendered_attributes(capture: Capture, attributes: Any) -> dict[str, Any]:
    """Render attributes of the app; invalid ones are dropped with a warning."""
    if not isinstance(attributes, Mapping):
        warn(
            "Attributes are not recorded: they must be a mapping, not %s.",
            type(attributes).__name__,
        )
        return {}
    rendered: dict[str, Any] = {}
    for key, value in attributes.items():
        if not isinstance(key, str) or not key:
            warn(
                "An attribute is not recorded: its key must be a text that is not "
                "empty, not %s.",
                type(key).__name__,
            )
        elif key in JSON_KEYS:
            rendered[key] = capture.json_text(value)
        elif value is not None:
            rendered[capture.text(key)] = capture.attribute(key, value)
    return rendered


def span_status(status: "SpanStatus | SpanStatusCode | str") -> SpanStatus:
    """Read a status.

    Raises:
        InvalidArgumentError: for a text that is not a status.
    """
    if isinstance(status, SpanStatus):
        return status
    return SpanStatus(cast("SpanStatusCode", status))


def level_number(level: int | str) -> int:
    """Read a log level.

    Raises:
        InvalidArgumentError: for a text that is not a level.
    """
    if isinstance(level, int):
        return int(level)
    try:
        return _LEVELS[level.upper()]
    except KeyError:
        raise InvalidArgumentError(
            f"{level!r} is not a log level; write one of {', '.join(_LEVELS)}"
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
            "the ids of a link are not hex ids; give trace_id='tr-' and 32 hex digits, "
            "span_id= 16 hex digits"
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
