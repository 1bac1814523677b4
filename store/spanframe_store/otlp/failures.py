"""How a span failed: its status, and the message that says why.

A sender may leave the message of the status empty and keep the exception in an event,
or keep both in attributes of its own (Langfuse).
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanframe import keys
from spanframe_store.otlp.anyvalue import plain_values

__all__ = ["Outcome", "error_type_of", "outcome_of"]

_LEVEL: Final = "langfuse.observation.level"
_LEVEL_MESSAGE: Final = "langfuse.observation.status_message"
_LANGSMITH_KIND: Final = "langsmith.span.kind"
_TRACEBACK: Final = "Traceback (most recent call last)"
_ERROR_TYPE: Final = "error.type"


class Outcome(NamedTuple):
    """The status code of a span as OTLP numbers it, and why it failed.

    ``message`` is that of the status. ``error`` is the same, with the type of the
    exception where the sender leaves it out.
    """

    code: int
    message: str = ""
    error: str = ""


_SILENT: Final = {
    code: Outcome(code) for code in (Status.STATUS_CODE_UNSET, Status.STATUS_CODE_OK)
}
"""What most spans share: they did not fail, and say nothing."""


def outcome_of(span: Span, attributes: Mapping[str, Any]) -> Outcome:
    """Return how a span ended.

    Args:
        span: the span.
        attributes: its attributes as plain values, without the JSON layer of MLflow.
    """
    status = span.status
    code, message = status.code, status.message
    if code == Status.STATUS_CODE_UNSET and attributes.get(_LEVEL) == "ERROR":
        code = Status.STATUS_CODE_ERROR
    # LangSmith writes OK beside the exception of a failed run.
    if code != Status.STATUS_CODE_ERROR and _LANGSMITH_KIND not in attributes:
        return (not message and _SILENT.get(code)) or Outcome(code, message)
    exception = _exception(span)
    if exception:
        code = Status.STATUS_CODE_ERROR
    elif code != Status.STATUS_CODE_ERROR:
        return Outcome(code, message)
    message = (
        message
        or _text(attributes, _LEVEL_MESSAGE)
        or exception
        or _text(attributes, _ERROR_TYPE)
    )
    is_of_exception = exception.endswith(f": {message}")
    return Outcome(code, message, exception if is_of_exception else message)


def error_type_of(span: Span, attributes: Mapping[str, Any]) -> str | None:
    """Return the type of the exception that a failed span ended with; None: unknown.

    Args:
        span: the span.
        attributes: its attributes as plain values, without the JSON layer of MLflow.
    """
    for event in reversed(span.events):
        if event.name == keys.EXCEPTION_EVENT:
            kind = _text(plain_values(event.attributes), keys.EXCEPTION_TYPE)
            if kind:
                return kind
    return _text(attributes, _ERROR_TYPE) or None


def _exception(span: Span) -> str:
    """Return the last exception as ``ValueError: boom``; empty: there is none."""
    for event in reversed(span.events):
        if event.name == keys.EXCEPTION_EVENT:
            of_event = plain_values(event.attributes)
            kind = _text(of_event, keys.EXCEPTION_TYPE)
            message = _text(of_event, keys.EXCEPTION_MESSAGE)
            message = message.partition(_TRACEBACK)[0].strip()
            return ": ".join(filter(None, (kind, message)))
    return ""


def _text(attributes: Mapping[str, Any], key: str) -> str:
    value = attributes.get(key)
    return value if isinstance(value, str) else ""
