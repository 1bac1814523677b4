"""`trace`: record every call of a function as a span."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from types import FunctionType, MethodType
from typing import Any, Final, TypeVar, overload

from spanframe._attributes import Destination, initial_attributes
from spanframe._call import Call
from spanframe._proxy import proxy_type
from spanframe._streams import Reducer
from spanframe._wrappers import name_of, wrapping
from spanframe.entities import Link, SpanType
from spanframe.errors import InvalidArgumentError

__all__ = ["trace"]

_F = TypeVar("_F", bound=Callable[..., Any])

# Py_TPFLAGS_HEAPTYPE: a class of Python, whose attributes can be set.
_HEAP_TYPE: Final = 1 << 9

_INSIDE: Final[dict[type, Callable[[Any, Callable[[Any], Any]], Any]]] = {
    classmethod: lambda given, decorate: classmethod(decorate(given.__func__)),
    staticmethod: lambda given, decorate: staticmethod(decorate(given.__func__)),
    property: lambda given, decorate: property(
        decorate(given.fget), given.fset, given.fdel, given.__doc__
    ),
    functools.cached_property: lambda given, decorate: functools.cached_property(
        decorate(given.func)
    ),
    functools.partialmethod: lambda given, decorate: functools.partialmethod(
        decorate(given.func), *given.args, **given.keywords
    ),
}
"""Descriptors, made again around the function inside."""


@overload
def trace(
    func: _F,
    name: str | None = None,
    span_type: str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: Reducer | None = None,
    trace_destination: Destination = None,
    sampling_ratio_override: float | None = None,
    log_level: int | str | None = None,
    links: Sequence[Link] | None = None,
    description: str | None = None,
    *,
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
    trace_destination: Destination = None,
    sampling_ratio_override: float | None = None,
    log_level: int | str | None = None,
    links: Sequence[Link] | None = None,
    description: str | None = None,
    *,
    capture_inputs: bool = True,
    capture_outputs: bool = True,
) -> Callable[[_F], _F]: ...


def trace(
    func: Any = None,
    name: str | None = None,
    span_type: str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: Reducer | None = None,
    trace_destination: Destination = None,
    sampling_ratio_override: float | None = None,
    log_level: int | str | None = None,
    links: Sequence[Link] | None = None,
    description: str | None = None,
    *,
    capture_inputs: bool = True,
    capture_outputs: bool = True,
) -> Any:
    """Record every call of a function as a span: ``@spanframe.trace``.

    Works on functions, coroutine functions, generators, async generators, methods,
    ``classmethod``, ``staticmethod`` and ``property`` in either order, on other
    callable objects, and on classes, of which it records the constructor. What is
    decorated stays what it was, for `inspect` as well.

    Args:
        func: the function; omitted when other arguments are given.
        name: the span's name; by default the name of the function.
        span_type: one of `SpanType` or any other text.
        attributes: attributes of every span.
        output_reducer: for generators, function from the list of items to the outputs.
        trace_destination: the experiment of traces that begin with this span, by name
            or as ``MlflowExperimentLocation(experiment_id)``.
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
        inside = _INSIDE.get(type(function))
        if inside is not None:
            return inside(function, decorate)
        if not callable(function):
            raise InvalidArgumentError(
                f"trace was given a {type(function).__name__}; give it a function, "
                "or write @trace(name=...)"
            )
        body = _constructor(function) if isinstance(function, type) else function
        if body is None:
            return function
        call = Call(
            body,
            name or name_of(function),
            initial,
            sampling_ratio_override,
            links,
            trace_destination,
            level_given=log_level is not None,
            capture_inputs=capture_inputs,
            # An ``__init__`` returns nothing that says more than its name.
            capture_outputs=capture_outputs and body is function,
        )
        wrapper = wrapping(body, call, output_reducer)
        functools.update_wrapper(wrapper, body)
        wrapper.__dict__["__mlflow_traced__"] = True
        if body is not function:
            function.__init__ = wrapper
            return function
        if isinstance(function, (FunctionType, type)):
            return wrapper
        return _callable_object(function, wrapper)

    return decorate if func is None else decorate(func)


def _constructor(kind: type) -> Any:
    """Return what records the objects that a class makes: its ``__init__``.

    It is the class itself when that is one of C, whose methods cannot be replaced, and
    None when it has no ``__init__`` of Python's, or is to become a dataclass, which
    would not get its own if there was one.
    """
    if not kind.__flags__ & _HEAP_TYPE:
        return kind
    init = inspect.getattr_static(kind, "__init__")
    inherited = "__init__" not in vars(kind)
    fields = inspect.get_annotations(kind) and not is_dataclass(kind)
    return (
        init if isinstance(init, FunctionType) and not (inherited and fields) else None
    )


def _callable_object(function: Any, wrapper: Callable[..., Any]) -> Any:
    """Return an object that is as ``function`` is, and records its calls."""
    kind = type(function)
    called: Any = staticmethod(wrapper)
    if not isinstance(kind.__call__, FunctionType):  # `inspect` does not look at it
        called = lambda _, *args, **kwargs: wrapper(*args, **kwargs)  # noqa: E731
    methods: dict[str, Any] = {"__call__": called, "__mlflow_traced__": True}
    if hasattr(kind, "__get__"):
        methods["__get__"] = _bound
    return proxy_type(kind, methods, function).wrap(function)


def _bound(self: Any, instance: Any, owner: type | None = None) -> Any:
    bound = self.__wrapped__.__get__(instance, owner)
    unbound = instance is None or bound is self.__wrapped__
    return self if unbound else MethodType(self, instance)
