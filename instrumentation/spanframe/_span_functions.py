"""Functions of the app that change each span before it leaves the process."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from opentelemetry.sdk.trace import Event, ReadableSpan, Span
from opentelemetry.trace import Link, SpanContext
from opentelemetry.trace.status import Status, StatusCode

from spanframe import keys
from spanframe._capture import Capture
from spanframe._guard import warn
from spanframe._live import LiveSpan
from spanframe.errors import InvalidArgumentError

__all__ = ["SpanFunction", "changed", "checked"]

SpanFunction = Callable[[LiveSpan], object]

_FAILED: Final = "[span processor failed]"


def checked(functions: Iterable[Any]) -> tuple[SpanFunction, ...]:
    """Return functions that can be called with a span.

    Raises:
        InvalidArgumentError: when one is not a function of one argument.
    """
    given = tuple(functions)
    for function in given:
        try:
            inspect.signature(function).bind(None)
        except (TypeError, ValueError):
            raise InvalidArgumentError(
                f"{function!r:.200} is not a function of one argument, the span"
            ) from None
    return given


def changed(
    span: ReadableSpan, functions: Iterable[SpanFunction], capture: Capture
) -> ReadableSpan:
    """Return a span that ended as the functions change it.

    When one raises, the span loses what the app recorded: it may be secret.

    Args:
        span: the span, which stays as it is.
        functions: the functions of the app, in order.
        capture: renders what they set.
    """
    copy = _Copy(span)
    live = LiveSpan(cast("Span", copy), capture)  # it has what `LiveSpan` calls
    try:
        for function in functions:
            function(live)
    except Exception as error:  # noqa: BLE001 - the app's function may raise anything
        warn(
            "A span processor failed: %r; the spans it fails on are sent without "
            "attributes and events. Mend the function given to tracing.configure().",
            error,
        )
        copy.empty()
    return copy


class _Copy(ReadableSpan):
    """A copy of a span that ended, to be changed; `LiveSpan` writes to it."""

    def __init__(self, span: ReadableSpan) -> None:
        super().__init__(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=dict(span.attributes or {}),
            events=list(span.events),
            links=list(span.links),
            kind=span.kind,
            instrumentation_scope=span.instrumentation_scope,
            status=span.status,
            start_time=span.start_time,
            end_time=span.end_time,
        )

    def is_recording(self) -> bool:
        return True

    def update_name(self, name: str) -> None:
        self._name = name

    def set_attribute(self, key: str, value: Any) -> None:
        self.set_attributes({key: value})

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self._attributes = {**(self._attributes or {}), **attributes}

    def set_status(self, status: Status, description: str | None = None) -> None:
        self._status = Status(status.status_code, description or status.description)

    def add_event(
        self, name: str, attributes: Any = None, timestamp: int | None = None
    ) -> None:
        self._events = [*self._events, Event(name, attributes, timestamp)]

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        self._links = [*self._links, Link(context, attributes)]

    def end(self, end_time: int | None = None) -> None:
        """Do nothing: the span has ended."""

    def empty(self) -> None:
        """Leave out what the app recorded."""
        stated = self.attributes or {}
        self._attributes = {k: v for k, v in stated.items() if k == keys.EXPERIMENT}
        self._events = []
        self._links = []
        if self._status.status_code is StatusCode.ERROR:
            self._status = Status(StatusCode.ERROR, _FAILED)
