"""The current span, set and restored by two calls, as callbacks of libraries need it.

``from spanframe.tracing.provider import set_span_in_context``; a block of code takes
`spanframe.tracing.use_span`.
"""

from contextvars import Token

from opentelemetry.context import Context, attach, get_current

from spanframe._context import leave
from spanframe._live import LiveSpan, with_span

__all__ = ["detach_span_from_context", "set_span_in_context"]


def set_span_in_context(span: LiveSpan) -> Token[Context]:
    """Make a span current, and return what `detach_span_from_context` takes."""
    return attach(with_span(get_current(), span))


def detach_span_from_context(token: Token[Context]) -> None:
    """Make that span current that was before `set_span_in_context`."""
    leave(token)
