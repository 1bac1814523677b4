"""`trace`: record every call of a function as a span."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextvars import Token
from typing import Any, Final, TypeVar, overload

from opentelemetry.context import Context, attach, get_current

from spanframe import keys
from spanframe._binding import Binding
from spanframe._capture import Capture, well_formed
from spanframe._context import enter_unsampled, leave, unsampled, with_span
from spanframe._guard import fault
from spanframe._live import LiveSpan, NoOpSpan, otel_links, rendered_attributes
from spanframe._runtime import Recorder, runtime
from spanframe._spans import begin, place, span_facts
from spanframe._streams import Chunks, TracedAsyncGenerator, TracedGenerator
from spanframe.entities import Link, SpanType
from spanframe.errors import InvalidArgumentError

__all__ = ["trace"]

_F = TypeVar("_F", bound=Callable[..., Any])
_Reducer = Callable[[list[Any]], Any]
_Opened = tuple[LiveSpan | None, Token[Context] | None]
_UNRECORDED: Final[_Opened] = (None, None)


@overload
def trace(
    func: _F,
    name: str | None = None,
    span_type: str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: _Reducer | None = None,
    *,
    sampling_ratio_override: float | None = None,
    log_level: int | str | None = None,
    links: Sequence[Link] | None = None,
    description: str | None = None,
    capture_inputs: bool = True,
    capture_outputs: bool = True,
) -> _F: ...


@overload
def trace(
    func: None = None,
    name: str | None = None,
    span_type: str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: _Reducer | None = None,
    *,
    sampling_ratio_override: float | None = None,
    log_level: int | str | None = None,
    links: Sequence[Link] | None = None,
    description: str | None = None,
    capture_inputs: bool = True,
    capture_outputs: bool = True,
) -> Callable[[_F], _F]: ...


def trace(
    func: Any = None,
    name: str | None = None,
    span_type: str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: _Reducer | None = None,
    *,
    sampling_ratio_override: float | None = None,
    log_level: int | str | None = None,
    links: Sequence[Link] | None = None,
    description: str | None = None,
    capture_inputs: bool = True,
    capture_outputs: bool = True,
) -> Any:
    """Record every call of a function as a span: ``@spanframe.trace``.

    Works on functions, coroutine functions, generators, async generators, methods,
    ``classmethod`` and ``staticmethod`` in either order, and on other callables.

    Args:
        func: the function; leave it out to give the other arguments.
        name: the span's name; the function's own without it.
        span_type: one of `SpanType` or any other text.
        attributes: attributes of every span.
        output_reducer: for generators, from the list of items to the outputs.
        sampling_ratio_override: the share of traces begun here that are recorded, 0 to
            1, instead of the setting.
        log_level: the level of every span, 10 to 50 or its name.
        links: links of every span to spans of other traces.
        description: in words, what the function does.
        capture_inputs: record the arguments.
        capture_outputs: record the result.

    Returns:
        The function, recorded; its signature stays as it is.

    Raises:
        InvalidArgumentError: naming the argument that cannot be used.
    """
    if sampling_ratio_override is not None and not 0 <= sampling_ratio_override <= 1:
        raise InvalidArgumentError(
            f"sampling_ratio_override is {sampling_ratio_override}; "
            "write a number from 0 to 1"
        )
    facts = span_facts(span_type, attributes, log_level, description)

    def decorate(function: Any) -> Any:
        if isinstance(function, classmethod | staticmethod):
            return type(function)(decorate(function.__func__))
        if not callable(function):
            raise InvalidArgumentError(
                f"trace was given a {type(function).__name__}; give it a function, "
                "or write @trace(name=...)"
            )
        call = _Call(
            function,
            name or _name_of(function),
            facts,
            sampling_ratio_override,
            links,
            capture_inputs=capture_inputs,
            capture_outputs=capture_outputs,
        )
        wrapper = _wrap(function, call, output_reducer)
        functools.update_wrapper(wrapper, function)
        wrapper.__dict__["__mlflow_traced__"] = True
        return wrapper

    return decorate if func is None else decorate(func)


def _wrap(
    function: Any, call: "_Call", output_reducer: _Reducer | None
) -> Callable[..., Any]:
    """Pick the wrapper for the kind of function."""
    body = function
    if not inspect.isroutine(function) and not isinstance(function, functools.partial):
        body = type(function).__call__  # an object is of the kind its __call__ is
    if inspect.isgeneratorfunction(body):
        return _wrap_generator(function, call, output_reducer)
    if inspect.isasyncgenfunction(body):
        return _wrap_async_generator(function, call, output_reducer)
    if output_reducer is not None:
        raise InvalidArgumentError(
            f"output_reducer is for generators; {call.name} does not yield"
        )
    call.facts[keys.SPAN_FUNCTION_NAME] = _name_of(function)
    if inspect.iscoroutinefunction(body):
        return _wrap_async(function, call)
    return _wrap_sync(function, call)


def _wrap_sync(function: Callable[..., Any], call: "_Call") -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        live, token = call.open(args, kwargs)
        if token is None:
            return function(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            call.fail(live, token, error)
            raise
        call.finish(live, token, result)
        return result

    return wrapper


def _wrap_async(function: Callable[..., Any], call: "_Call") -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        live, token = call.open(args, kwargs)
        if token is None:
            return await function(*args, **kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            call.fail(live, token, error)
            raise
        call.finish(live, token, result)
        return result

    return wrapper


def _wrap_generator(
    function: Callable[..., Any], call: "_Call", reducer: _Reducer | None
) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        inner = function(*args, **kwargs)
        stream = call.stream(args, kwargs, reducer)
        return inner if stream is None else TracedGenerator(inner, *stream)

    return wrapper


def _wrap_async_generator(
    function: Callable[..., Any], call: "_Call", reducer: _Reducer | None
) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        inner = function(*args, **kwargs)
        stream = call.stream(args, kwargs, reducer)
        return inner if stream is None else TracedAsyncGenerator(inner, *stream)

    return wrapper


class _Call:
    """What every call of one decorated function needs, worked out at decoration."""

    __slots__ = (
        "_binding",
        "_capture_inputs",
        "_capture_outputs",
        "_links",
        "_ratio",
        "_rendered",
        "_rendered_by",
        "facts",
        "name",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        facts: Mapping[str, Any],
        ratio: float | None,
        links: Sequence[Link] | None,
        *,
        capture_inputs: bool,
        capture_outputs: bool,
    ) -> None:
        self.name = well_formed(name)
        self.facts = dict(facts)
        self._binding = Binding(function)
        self._ratio = ratio
        self._links = links
        self._capture_inputs = capture_inputs
        self._capture_outputs = capture_outputs
        self._rendered: dict[str, Any] = {}
        self._rendered_by: Capture | None = None

    def open(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Opened:
        """Start the span of a call and make it current; no token: call it plainly."""
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
        reducer: _Reducer | None,
    ) -> tuple[Context, Chunks] | None:
        """Start the span of a stream; its steps make it current."""
        try:
            recorder = runtime.recorder or runtime.start()
            if recorder is None or not runtime.is_enabled():
                return None
            context = get_current()
            live = self._begin(recorder, context, args, kwargs)
            capture = recorder.capture
            if live is None:
                inside = unsampled(context)
                silent = Chunks(NoOpSpan(capture), None, None)
                return None if inside is None else (inside, silent)
            wanted = capture.enabled and self._capture_outputs
            chunks = Chunks(live, capture if wanted else None, reducer)
            return with_span(context, live), chunks
        except Exception:  # noqa: BLE001 - the guard
            fault("starting the span of a stream")
            return None

    def finish(self, live: LiveSpan | None, token: Token[Context], result: Any) -> None:
        """End the span of a call that returned."""
        leave(token)
        if live is None:
            return
        try:
            if result is not None and self._capture_outputs and not live.outputs_given:
                live.capture_outputs(result)
            live.finish()
        except Exception:  # noqa: BLE001 - the guard
            fault("ending the span of a call")

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
        where = place(recorder, context, self._ratio)
        if where is None:
            return None
        capture = recorder.capture
        if self._rendered_by is not capture:
            self._rendered = rendered_attributes(capture, self.facts)
            self._rendered_by = capture
        attributes = self._rendered
        if self._capture_inputs and capture.enabled:
            bound = self._binding.bind(args, kwargs)
            if bound is not None:
                attributes = {
                    **attributes,
                    keys.SPAN_INPUTS: capture.json_text(bound),
                }
        links = otel_links(capture, self._links) if self._links else None
        return begin(recorder, where, self.name, attributes, links)


def _name_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
