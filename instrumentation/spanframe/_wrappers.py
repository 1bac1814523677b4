"""Wrappers: for each kind of function one that records its calls."""

import functools
import inspect
import sys
from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any, Final

from spanframe import keys
from spanframe._call import Call
from spanframe._streams import Reducer, recorded
from spanframe.errors import InvalidArgumentError

__all__ = ["name_of", "wrapping"]

_FUNCTIONS: Final = (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
"""Types of functions; the kind of another object is that of its ``__call__``."""


def wrapping(
    function: Any, call: Call, output_reducer: Reducer | None
) -> Callable[..., Any]:
    """Return the wrapper for the kind of function.

    Args:
        function: the function.
        call: starts and ends the spans of its calls.
        output_reducer: function from the items of a generator to the outputs.

    Raises:
        InvalidArgumentError: for a reducer where no generator is.
    """
    body = function
    if not isinstance(function, (*_FUNCTIONS, functools.partial, type)):
        body = type(function).__call__  # decides the kind of an object
    if inspect.isgeneratorfunction(body) and not _is_awaited(body):
        return _wrap_generator(function, call, output_reducer, inspect.CO_GENERATOR)
    if inspect.isasyncgenfunction(body):
        flag = inspect.CO_ASYNC_GENERATOR
        return _wrap_generator(function, call, output_reducer, flag)
    if output_reducer is not None:
        raise InvalidArgumentError(
            f"output_reducer is for generators; {call.name} does not yield"
        )
    call.attributes[keys.SPAN_FUNCTION_NAME] = name_of(function)
    if inspect.iscoroutinefunction(body) or inspect.iscoroutinefunction(function):
        return _wrap_async(function, call)
    return _wrap_sync(function, call)


def _is_awaited(function: Any) -> bool:
    """Return whether a generator function is a coroutine function of the older kind."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and bool(code.co_flags & inspect.CO_ITERABLE_COROUTINE)


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
        return call.finish(live, token, args, result)

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
        return call.finish(live, token, args, result)

    return wrapper


def _wrap_generator(
    function: Callable[..., Any], call: Call, reducer: Reducer | None, flag: int
) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        inner = function(*args, **kwargs)
        stream = call.stream(args, kwargs, reducer)
        return inner if stream is None else recorded(inner, *stream)

    return _as_kind(wrapper, flag)


def _as_kind(wrapper: Callable[..., Any], flag: int) -> Callable[..., Any]:
    """Show a function that returns a generator to `inspect` as a generator function.

    A wrapper that yielded itself would bind no arguments and have no parent before its
    first step. CPython makes generators by an instruction of the code; the flag of the
    code is for those who ask.
    """
    if sys.implementation.name != "cpython":
        return wrapper
    function: Any = wrapper
    code = function.__code__.replace(co_flags=function.__code__.co_flags | flag)
    return FunctionType(
        code, function.__globals__, function.__name__, None, function.__closure__
    )


def name_of(function: Any) -> str:
    """Return the name of a function, for a partial one that of the function inside."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
