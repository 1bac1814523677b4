"""`LiveSpan`: a span being recorded, over an OpenTelemetry span."""

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode
from opentelemetry.trace import Span as OTelSpan
from opentelemetry.trace.status import Status

from spanframe import keys
from spanframe._attributes import (
    default_level,
    level_number,
    nanoseconds,
    otel_link,
    rendered_attributes,
    span_status,
)
from spanframe._capture import NO_CAPTURE, Capture
from spanframe._context import LIVE, SPAN, UNSAMPLED
from spanframe._delivery import Change
from spanframe._global_provider import note_handed_over
from spanframe._guard import fault, warn
from spanframe._recorded import SPAN_DESCRIPTION, SPAN_LOG_LEVEL, RecordedSpan
from spanframe._redaction import REDACTED
from spanframe._runtime import last_trace_id, runtime
from spanframe._stack import stack_of
from spanframe._trace_attributes import experiment_of
from spanframe.entities import (
    Link,
    SpanEvent,
    SpanLogLevel,
    SpanStatus,
    SpanStatusCode,
)
from spanframe.errors import InvalidArgumentError

__all__ = ["NO_OP_TRACE_ID", "LiveSpan", "NoOpSpan", "with_span"]

NO_OP_TRACE_ID: Final = "MLFLOW_NO_OP_SPAN_TRACE_ID"
MAX_STATUS_CHARACTERS: Final = 4096
_OK: Final = Status(StatusCode.OK)


class LiveSpan(RecordedSpan):
    """A span that is being recorded.

    Attributes:
        otel_span: the OpenTelemetry span underneath.
        root: the outermost span of this trace in this process.
        level_given: whether the app chose the level, so that it does not follow from
            the type.
    """

    __slots__ = ("_capture", "_experiment", "_outputs_given", "level_given", "root")

    otel_span: OTelSpan

    def __init__(
        self, otel_span: OTelSpan, capture: Capture, root: "LiveSpan | None" = None
    ) -> None:
        self.otel_span = otel_span
        self.root = root or self
        self._capture = capture
        self._outputs_given = False
        self._experiment: Mapping[str, Any] | None = None
        self.level_given = False

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes so far, decoded, without those that carry trace facts."""
        every = super().attributes
        return {k: v for k, v in every.items() if not keys.carries_trace_fact(k, every)}

    @property
    def is_recording(self) -> bool:
        """Whether the span is still open and recorded."""
        return self.otel_span.is_recording()

    def set_name(self, name: str) -> None:
        """Rename the span."""
        self.otel_span.update_name(self._capture.text(name))

    def set_inputs(self, inputs: Any) -> None:
        """Record the inputs."""
        self.write({keys.SPAN_INPUTS: self._capture.json_text(inputs)})

    def set_outputs(self, outputs: Any) -> None:
        """Record the outputs, instead of the result of a decorated function."""
        self._outputs_given = True
        self.write({keys.SPAN_OUTPUTS: self._capture.json_text(outputs)})

    def set_span_type(self, span_type: str) -> None:
        """Set the type of the span, one of `SpanType` or any other text.

        A level that the span has by its type follows.
        """
        written: dict[str, Any] = {keys.SPAN_TYPE: span_type}
        if not self.level_given and self._level() < SpanLogLevel.ERROR:
            written[SPAN_LOG_LEVEL] = default_level(span_type)
        self.write({k: self._capture.json_text(v) for k, v in written.items()})

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute: typed where OpenTelemetry has the type, else JSON text."""
        self.set_attributes({key: value})

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes; keys that are not text are left out with a warning."""
        self.write(rendered_attributes(self._capture, attributes))

    def set_description(self, description: str) -> None:
        """Set the description of the span."""
        self.write({SPAN_DESCRIPTION: self._capture.json_text(description)})

    def set_log_level(self, level: int | str) -> None:
        """Set the level of the span, a `SpanLogLevel`, its number or its name.

        Raises:
            InvalidArgumentError: for another text.
        """
        text = self._capture.json_text(level_number(level))
        self.level_given = True
        self.write({SPAN_LOG_LEVEL: text})

    def set_status(self, status: "SpanStatus | SpanStatusCode | str") -> None:
        """Set the status: ``OK``, ``ERROR`` or ``UNSET``.

        OpenTelemetry's rule holds: once a span is OK it stays OK.

        Raises:
            InvalidArgumentError: for any other text.
        """
        wanted = span_status(status)
        code = StatusCode[wanted.status_code.name]
        described = None
        if code is StatusCode.ERROR and wanted.description:
            described = self._capture.text(wanted.description)
        self.otel_span.set_status(code, described)

    def add_event(self, event: SpanEvent) -> None:
        """Add an event."""
        attributes = rendered_attributes(self._capture, event.attributes or {})
        self.otel_span.add_event(
            self._capture.text(event.name),
            attributes,
            nanoseconds(event.timestamp, "an event"),
        )
        if event.name == keys.EXCEPTION_EVENT:
            self._raise_level()

    def add_link(self, link: Link) -> None:
        """Link the span to another.

        Raises:
            InvalidArgumentError: when the link's ids are not hex ids.
        """
        rendered = otel_link(self._capture, link)
        self.otel_span.add_link(rendered.context, rendered.attributes)

    def record_exception(self, exception: BaseException | str) -> None:
        """Add the event of an exception and set the status to ERROR.

        The event carries ``exception.type`` (the class name), ``exception.message``
        and, for an exception object, ``exception.stacktrace``: the stack where the
        trace records it first, a reference to that span further up. The level of the
        span becomes ERROR, unless it is higher.

        Raises:
            InvalidArgumentError: for anything but an exception or a text.
        """
        if not isinstance(exception, BaseException | str):
            raise InvalidArgumentError(
                f"{type(exception).__name__} is not an exception; give an exception or "
                "a text"
            )
        try:
            text = self._capture.text
            if isinstance(exception, BaseException):
                kind = type(exception).__name__
                message = text(exception)
                stack = text(self._stack_of(exception))
            else:
                kind, message, stack = "Exception", text(exception), ""
            self.otel_span.add_event(
                keys.EXCEPTION_EVENT,
                {
                    keys.EXCEPTION_TYPE: kind,
                    keys.EXCEPTION_MESSAGE: _ends(message, self._capture.limit),
                    keys.EXCEPTION_STACKTRACE: _ends(stack, self._capture.limit),
                },
            )
            described = f"{kind}: {_ends(message, MAX_STATUS_CHARACTERS)}"
            self.otel_span.set_status(StatusCode.ERROR, described)
            self._raise_level()
        except Exception:  # noqa: BLE001 - the guard
            fault("recording an exception")

    def _level(self) -> int:
        level = self.get_attribute(SPAN_LOG_LEVEL)
        return level if isinstance(level, int) else 0

    def _raise_level(self) -> None:
        """Have the level of a span with an exception be ERROR at least."""
        if self._level() < SpanLogLevel.ERROR:
            level = self._capture.json_text(int(SpanLogLevel.ERROR))
            self.otel_span.set_attribute(SPAN_LOG_LEVEL, level)

    def _stack_of(self, exception: BaseException) -> str:
        ids = self.otel_span.get_span_context()
        return stack_of(exception, ids.trace_id, ids.span_id, self.name)

    def end(
        self,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: "SpanStatus | SpanStatusCode | str | None" = None,
        end_time_ns: int | None = None,
    ) -> None:
        """End the span; a status that is not ERROR becomes OK.

        A span that has ended is left as it is. An argument that cannot be read is left
        out with a warning, and the span ends all the same.

        Args:
            outputs: the outputs to record, None for none.
            attributes: attributes to set before the end.
            status: the status to set before the end.
            end_time_ns: the end in epoch nanoseconds; now when None.
        """
        if not self.otel_span.is_recording():
            return
        if outputs is not None:
            self.set_outputs(outputs)
        if attributes is not None:
            self.set_attributes(attributes)
        if status is not None:
            try:
                self.set_status(status)
            except InvalidArgumentError as error:
                warn("The status of a span is not recorded: %s.", error)
        self.finish(nanoseconds(end_time_ns, "the end of a span"))

    # --- for the rest of the package ------------------------------------------------

    def relative(self, span_id: str) -> "LiveSpan":
        """Return a span of the same trace by its id, only to be the parent of others.

        Raises:
            InvalidArgumentError: when the id is not one of a span.
        """
        try:
            number = int(span_id, 16)
        except ValueError:
            raise InvalidArgumentError(
                f"{span_id!r:.80} is not the id of a span, 16 hex digits"
            ) from None
        own = self.otel_span.get_span_context()
        ids = SpanContext(own.trace_id, number, False, own.trace_flags)
        return LiveSpan(NonRecordingSpan(ids), self._capture, self.root)

    @property
    def experiment(self) -> Mapping[str, Any]:
        """The attributes that state the experiment of the trace, for a root."""
        if self._experiment is None:
            self._experiment = experiment_of(self._attributes())
        return self._experiment

    @property
    def outputs_given(self) -> bool:
        """Whether the app recorded outputs itself."""
        return self._outputs_given

    def capture_outputs(self, result: Any) -> None:
        """Record the result of a call, when the settings say so."""
        if self._capture.enabled:
            text = self._capture.json_text(result)
            self.otel_span.set_attribute(keys.SPAN_OUTPUTS, text)

    def write(self, attributes: Mapping[str, Any]) -> None:
        """Write rendered attributes."""
        self.otel_span.set_attributes(attributes)

    def remove(self, key: str) -> bool:
        """Remove an attribute; return whether the span had it.

        OpenTelemetry has no method for it.
        """
        attributes = getattr(self.otel_span, "_attributes", None)
        if not self.is_recording or not attributes or key not in attributes:
            return False
        del attributes[key]
        return True

    def finish(self, end_time_ns: int | None = None) -> None:
        """End the OpenTelemetry span; the trace of a root is the last active one."""
        span = self.otel_span
        if (
            isinstance(span, ReadableSpan)
            and span.status.status_code is StatusCode.UNSET
        ):
            span.set_status(_OK)
        if end_time_ns is None and runtime.clock is not None:
            end_time_ns = runtime.clock()
        if runtime.uses_global_provider and runtime.change is not None:
            _change_in_place(span, runtime.change)
        span.end(end_time_ns)
        if runtime.uses_global_provider:
            note_handed_over(runtime.losses)
        if self.root is self:
            ended = self.otel_span.get_span_context().trace_id
            runtime.last_trace_id = ended
            last_trace_id.set(ended)


class NoOpSpan(LiveSpan):
    """The span where recording is off; every method does nothing."""

    __slots__ = ()

    def __init__(self, capture: Capture | None = None) -> None:
        super().__init__(UNSAMPLED, capture or NO_CAPTURE)

    @property
    def trace_id(self) -> str:
        """The id of no trace, as in MLflow."""
        return NO_OP_TRACE_ID

    @property
    def span_id(self) -> str:
        """The empty id."""
        return ""


def with_span(context: Context, live: LiveSpan) -> Context:
    """Return ``context`` with ``live`` as the current span."""
    entries = dict(context)
    entries[SPAN] = live.otel_span
    entries[LIVE] = live
    return Context(entries)


def _change_in_place(span: OTelSpan, change: Change) -> None:
    """Change a span of the global provider, whose exporters get the span itself.

    Its attributes can be replaced, not removed, and its events stay.
    """
    if not isinstance(span, ReadableSpan):
        return
    changed = change(span)
    after = changed.attributes or {}
    removed = dict.fromkeys(span.attributes or {}, REDACTED)
    span.set_attributes({**removed, **after})
    span.update_name(changed.name)
    span.set_status(changed.status)


def _ends(text: str, limit: int) -> str:
    """Keep both ends of ``text``: the first and last frames of a stack matter most."""
    if len(text) <= limit:
        return text
    half = limit // 2
    marker = f"\n… [truncated from {len(text)} characters] …\n"
    return f"{text[:half]}{marker}{text[-half:]}"
