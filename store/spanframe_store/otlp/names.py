"""The name of a span as it is shown and found."""

from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["name_of"]

_MESSAGE: Final = "logfire.msg"


def name_of(span: Span) -> str:
    """Return the name of a span.

    Logfire calls a span by the template of its message, ``GET {path}``; the message is
    what a person looks for.
    """
    if "{" in span.name:
        for pair in span.attributes:
            if pair.key == _MESSAGE and pair.value.string_value:
                return pair.value.string_value
    return span.name
