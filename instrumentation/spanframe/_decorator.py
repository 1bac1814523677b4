"""`trace`: record every call of a function as a span."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

from spanframe import keys
from spanframe._attributes import initial_attributes
from spanframe._call import Call
from spanframe._streams import Reducer, TracedAsyncGenerator, TracedGenerator
from spanframe.entities import Link, SpanType
from spanframe.errors import InvalidArgumentError

__all__ = ["trace"]

_F = TypeVar("_F", bound=Callable[..., Any])


@overload
def trace(
    func: _F,
    name: str | None = None,
    span_type: str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: Reducer | None = None,
    *,
    trace_destination: str | None = None,
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
    output_reducer: Reducer | None = None,
    *,
    trace_destination: str | None = None,
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
    output_reducer: Reducer | None = None,
    *,
    trace_destination: str | None = None,
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
        func: the function; omitted when other arguments are given.
        name: the span's name; by default the name of the function.
        span_type: one of `SpanType` or any other text.
        attributes: attributes of every span.
        output_reducer: for generators, function from the list of items to the outputs.
        trace_destination: the experiment, by name, of traces that begin with this span.
        sampling_ratio_override: the share of traces beginning with this span that are
            recorded, 0 to 1, instead of the setting.
        log_level: the level of every span, 10 to 50 or its name.
        links: links of every span to spans of other traces.
        description: a description of the function.
        capture_inputs: record the arguments.
        capture_outputs: record the result.

    Returns:
        The function, recorded, with the same signature.

    Raises:
        InvalidArgumentError: naming the argument that cannot be used.
    """
    if sampling_ratio_override is not None and not 0 <= sampling_ratio_override <= 1:
        raise InvalidArgumentError(
            f"sampling_ratio_override is {sampling_ratio_override}; "
            "write a number from 0 to 1"
        )
    initial = initial_attributes(span_type, attributes, log_level, description)

    def decorate(function: Any) -> Any:
        if isinstance(function, classmethod | staticmethod):
            return type(function)(decorate(function.__func__))
        if not callable(function):
            raise InvalidArgumentError(
                f"trace was given a {type(function).__name__}; give it a function, "
                "or write @trace(name=...)"
            )
        call = Call(
            function,
            name or _name_of(function),
            initial,
            sampling_ratio_override,
            links,
            trace_destination,
            capture_inputs=capture_inputs,
            capture_outputs=capture_outputs,
        )
        wrapper = _wrap(function, call, output_reducer)
        functools.update_wrapper(wrapper, function)
        wrapper.__dict__["__mlflow_traced__"] = True
        return wrapper

    return decorate if func is None else decorate(func)


def _wrap(
    function: Any, call: Call, output_reducer: Reducer | None
) -> Callable[..., Any]:
    """Return the wrapper for the kind of function."""
    body = function
    if not inspect.isroutine(function) and not isinstance(function, functools.partial):
        body = type(function).__call__  # decides the kind of an object
    if inspect.isgeneratorfunction(body):
        return _wrap_generator(function, call, output_reducer)
    if inspect.isasyncgenfunction(body):
        return _wrap_async_generator(function, call, output_reducer)
    if output_reducer is not None:
        raise InvalidArgumentError(
            f"output_reducer is for generators; {call.name} does not yield"
        )
    call.attributes[keys.SPAN_FUNCTION_NAME] = _name_of(function)
    if inspect.iscoroutinefunction(body):
        return _wrap_async(function, call)
    return _wrap_sync(function, call)


def _wrap_sync(function: Callable[..., Any], call: Call) -> Callable[..., Any]:
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


def _wrap_async(function: Callable[..., Any], call: Call) -> Callable[..., Any]:
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
    function: Callable[..., Any], call: Call, reducer: Reducer | None
) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        inner = function(*args, **kwargs)
        stream = call.stream(args, kwargs, reducer)
        return inner if stream is None else TracedGenerator(inner, *stream)

    return wrapper


def _wrap_async_generator(
    function: Callable[..., Any], call: Call, reducer: Reducer | None
) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        inner = function(*args, **kwargs)
        stream = call.stream(args, kwargs, reducer)
        return inner if stream is None else TracedAsyncGenerator(inner, *stream)

    return wrapper


def _name_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
