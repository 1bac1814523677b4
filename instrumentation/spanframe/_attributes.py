"""Values that an app gives a span → attributes, statuses, links of OpenTelemetry."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from opentelemetry.trace import Link as OTelLink
from opentelemetry.trace import SpanContext, TraceFlags

from spanframe import keys
from spanframe._capture import Capture
from spanframe._guard import warn
from spanframe._recorded import JSON_KEYS, SPAN_DESCRIPTION, SPAN_LOG_LEVEL
from spanframe.entities import (
    Link,
    MlflowExperimentLocation,
    SpanLogLevel,
    SpanStatus,
    SpanStatusCode,
    SpanType,
)
from spanframe.errors import InvalidArgumentError

__all__ = [
    "Destination",
    "default_level",
    "destination_attributes",
    "initial_attributes",
    "level_number",
    "nanoseconds",
    "new_trace_attributes",
    "otel_link",
    "otel_links",
    "rendered_attributes",
    "span_status",
]

Destination: TypeAlias = str | MlflowExperimentLocation | None
"""The experiment of a trace: its name, or its location by id."""

# As in MLflow 3.17: what its page shows unless a reader asks for everything.
_SHOWN_TYPES: Final = frozenset(
    {
        SpanType.LLM,
        SpanType.CHAT_MODEL,
        SpanType.TOOL,
        SpanType.RETRIEVER,
        SpanType.AGENT,
        SpanType.EMBEDDING,
    }
)


MAX_TIME_NS: Final = (1 << 63) - 1
"""Maximum time of a span or an event, in nanoseconds; no store keeps later ones."""


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
    initial = dict(_mapping(attributes)) if attributes else {}
    initial[keys.SPAN_TYPE] = span_type or SpanType.UNKNOWN
    if log_level is not None:
        initial[SPAN_LOG_LEVEL] = level_number(log_level)
    else:
        initial.setdefault(SPAN_LOG_LEVEL, default_level(span_type))
    if description is not None:
        initial[SPAN_DESCRIPTION] = description
    return initial


def new_trace_attributes(
    capture: Capture, destination: Destination, run_id: str | None = None
) -> dict[str, str]:
    """Render the experiment and the run of a trace that a span begins.

    A destination that is none is ignored with a warning.
    """
    begins: dict[str, str] = {}
    try:
        begins = destination_attributes(capture, destination)
    except InvalidArgumentError as error:
        warn("A trace goes to the active experiment: %s.", error)
    if run_id:
        key = keys.METADATA_PREFIX + keys.META_SOURCE_RUN
        begins[key] = capture.text(run_id)
    return begins


def destination_attributes(
    capture: Capture, destination: Destination
) -> dict[str, str]:
    """Render the experiment that traces go to.

    Raises:
        InvalidArgumentError: for what is neither a name nor a location with an id.
    """
    if not destination:
        return {}
    if isinstance(destination, str):
        return {keys.EXPERIMENT: capture.text(destination)}
    experiment = getattr(destination, "mlflow_experiment", destination)
    if isinstance(experiment, MlflowExperimentLocation):
        return {keys.EXPERIMENT_ID: capture.text(experiment.experiment_id)}
    raise InvalidArgumentError(
        f"a destination is {type(destination).__name__}; give the name of an "
        "experiment, or MlflowExperimentLocation(experiment_id)"
    )


def rendered_attributes(capture: Capture, attributes: Any) -> dict[str, Any]:
    """Render attributes of the app; invalid ones are dropped with a warning."""
    rendered: dict[str, Any] = {}
    for key, value in _mapping(attributes).items():
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


def _mapping(attributes: Any) -> Mapping[Any, Any]:
    if isinstance(attributes, Mapping):
        return attributes
    warn(
        "Attributes are not recorded: they must be a mapping, not %s.",
        type(attributes).__name__,
    )
    return {}


def nanoseconds(time: Any, what: str) -> int | None:
    """Read a time in epoch nanoseconds; None, with a warning, where it is not one.

    Args:
        time: the time of the app, None for now.
        what: the thing that has the time, for the warning.
    """
    if time is None:
        return None
    try:
        whole = int(time)
    except (TypeError, ValueError, OverflowError):
        whole = -1
    if 0 <= whole <= MAX_TIME_NS:
        return whole
    warn(
        "The time of %s is not a number of nanoseconds since 1970: the present time is "
        "recorded. Give what time.time_ns() returns.",
        what,
    )
    return None


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
        return int(SpanLogLevel[level.strip().upper()])
    except (AttributeError, KeyError):
        names = ", ".join(SpanLogLevel.__members__)
        raise InvalidArgumentError(
            f"{level!r} is not a log level; write one of {names}"
        ) from None


def default_level(span_type: object) -> int:
    """Return the log level of a span that was given none, from its type."""
    shown = isinstance(span_type, str) and span_type in _SHOWN_TYPES
    return int(SpanLogLevel.INFO if shown else SpanLogLevel.DEBUG)


def _link_context(link: Link) -> SpanContext:
    """Read the ids of a link.

    Raises:
        InvalidArgumentError: when they are not hex ids.
    """
    try:
        trace_id = int(link.trace_id.removeprefix(keys.REQUEST_ID_PREFIX), 16)
        span_id = int(link.span_id, 16)
        if not (0 < trace_id < 1 << 128 and 0 < span_id < 1 << 64):
            raise ValueError(link)  # noqa: TRY301 - the same answer
    except (AttributeError, TypeError, ValueError):
        raise InvalidArgumentError(
            "the ids of a link are not hex ids; give trace_id='tr-' and 32 hex digits, "
            "span_id= 16 hex digits"
        ) from None
    return SpanContext(
        trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )


def otel_links(capture: Capture, links: Sequence[Link] | None) -> list[OTelLink]:
    """Render links for OpenTelemetry; invalid ones are dropped with a warning."""
    rendered = []
    if not isinstance(links, Iterable | None):
        warn(
            "Links are not recorded: they must be a list, not %s.", type(links).__name__
        )
        return []
    for link in links or ():
        try:
            rendered.append(otel_link(capture, link))
        except InvalidArgumentError as error:
            warn("A link is not recorded: %s.", error)
    return rendered


def otel_link(capture: Capture, link: Link) -> OTelLink:
    """Render a link for OpenTelemetry.

    Raises:
        InvalidArgumentError: when its ids are not hex ids.
    """
    context = _link_context(link)
    return OTelLink(context, rendered_attributes(capture, link.attributes or {}))
