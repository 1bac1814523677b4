"""Calls of one decorated function: their spans, prepared at decoration."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import Token
from typing import Any, Final

from opentelemetry.context import Context, attach, get_current

from spanframe import keys
from spanframe._attributes import (
    Destination,
    new_trace_attributes,
    otel_links,
    rendered_attributes,
)
from spanframe._binding import Binding
from spanframe._capture import Capture, well_formed
from spanframe._context import enter_unsampled, leave, unsampled
from spanframe._guard import fault
from spanframe._live import LiveSpan, NoOpSpan, with_span
from spanframe._parent import NO_ATTRIBUTES, find_parent, start_live_span
from spanframe._recorder import Recorder
from spanframe._runtime import runtime
from spanframe._streams import Chunks, Reducer, is_stream, recorded
from spanframe.entities import Link

__all__ = ["Call"]

_Opened = tuple[LiveSpan | None, Token[Context] | None]
_UNRECORDED: Final[_Opened] = (None, None)
# Most results; others are looked at more closely.
_NO_STREAMS: Final = frozenset(
    {type(None), str, bytes, bool, int, float, dict, list, tuple}
)


class Call:
    """Starts and ends the spans of one decorated function; prepared at decoration."""

    __slots__ = (
        "_binding",
        "_capture_inputs",
        "_capture_outputs",
        "_destination",
        "_level_given",
        "_links",
        "_ratio",
        "_rendered",
        "_rendered_by",
        "attributes",
        "name",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        attributes: Mapping[str, Any],
        ratio: float | None,
        links: Sequence[Link] | None,
        destination: Destination,
        *,
        level_given: bool,
        capture_inputs: bool,
        capture_outputs: bool,
    ) -> None:
        self.name = well_formed(name)
        self.attributes = dict(attributes)
        self._binding = Binding(function)
        self._ratio = ratio
        self._links = links
        self._destination = destination
        self._level_given = level_given
        self._capture_inputs = capture_inputs
        self._capture_outputs = capture_outputs
        self._rendered: dict[str, Any] = {}
        self._rendered_by: Capture | None = None

    def open(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Opened:
        """Start the span of a call and make it current.

        Returns:
            The span and a token for `leave`. No span: the call is not recorded; no
            token: nothing needs to be restored after it.
        """
        if not runtime.enabled:
            return _UNRECORDED
        try:
            recorder = runtime.recorder or runtime.start()
            if recorder is None or not runtime.is_enabled():
                return _UNRECORDED
            context = get_current()
            live = self._begin(recorder, context, args, kwargs)
            if live is None:
                return None, enter_unsampled(context)
            return live, attach(with_span(context, live))
        except Exception:  # noqa: BLE001 - the guard
            fault("starting the span of a call")
            return _UNRECORDED

    def stream(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reducer: Reducer | None,
    ) -> tuple[Context, Chunks] | None:
        """Start the span of a generator; its steps make the span current."""
        try:
            recorder = runtime.recorder or runtime.start()
            if recorder is None or not runtime.is_enabled():
                return None
            context = get_current()
            live = self._begin(recorder, context, args, kwargs)
            return self._stream(recorder.capture, context, live, reducer)
        except Exception:  # noqa: BLE001 - the guard
            fault("starting the span of a generator")
            return None

    def _stream(
        self,
        capture: Capture,
        context: Context,
        live: LiveSpan | None,
        reducer: Reducer | None,
    ) -> tuple[Context, Chunks] | None:
        """Return what records a stream; None when nothing inside it is recorded."""
        if live is None:
            inside = unsampled(context)
            silent = Chunks(NoOpSpan(capture), None, None)
            return None if inside is None else (inside, silent)
        wanted = capture.enabled and self._capture_outputs
        chunks = Chunks(live, capture if wanted else None, reducer)
        return with_span(context, live), chunks

    def finish(
        self,
        live: LiveSpan | None,
        token: Token[Context],
        args: tuple[Any, ...],
        result: Any,
    ) -> Any:
        """End the span of a call that returned.

        Returns:
            The result; a stream as one that records its items, and ends the span.
        """
        leave(token)
        try:
            if type(result) not in _NO_STREAMS and is_stream(result):
                stream = self._recorded(live, args, result)
                if stream is not None:
                    return stream
            if live is None:
                return result
            if self._capture_outputs and not live.outputs_given:
                live.capture_outputs(result)
            live.finish()
        except Exception:  # noqa: BLE001 - the guard
            fault("ending the span of a call")
        return result

    def _recorded(
        self, live: LiveSpan | None, args: tuple[Any, ...], result: Any
    ) -> Any:
        """Return the stream that takes the place of a result; None for none."""
        recorder = runtime.recorder
        # An iterator whose method returns itself has to stay the same object.
        if recorder is None or any(result is argument for argument in args):
            return None
        stream = self._stream(recorder.capture, get_current(), live, None)
        return None if stream is None else recorded(result, *stream)

    def fail(
        self, live: LiveSpan | None, token: Token[Context], error: BaseException
    ) -> None:
        """End the span of a call that raised."""
        leave(token)
        if live is None:
            return
        try:
            live.record_exception(error)
            live.finish()
        except Exception:  # noqa: BLE001 - the guard
            fault("ending the span of a call")

    def _begin(
        self,
        recorder: Recorder,
        context: Context,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> LiveSpan | None:
        parent = find_parent(recorder, context, self._ratio)
        if parent is None:
            return None
        capture = recorder.capture
        if self._rendered_by is not capture:
            self._rendered = rendered_attributes(capture, self.attributes)
            self._rendered_by = capture
        attributes = self._rendered
        if self._capture_inputs and capture.enabled:
            bound = self._binding.bind(args, kwargs)
            if bound is not None:
                text = capture.json_text(bound)
                attributes = {**attributes, keys.SPAN_INPUTS: text}
        return start_live_span(
            recorder,
            parent,
            self.name,
            attributes,
            otel_links(capture, self._links) if self._links else None,
            for_new_trace=self._begins(capture),
            level_given=self._level_given,
        )

    def _begins(self, capture: Capture) -> Mapping[str, str]:
        if self._destination is None:
            return NO_ATTRIBUTES
        return new_trace_attributes(capture, self._destination)
