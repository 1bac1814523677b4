"""Recorded streams: the span is current only while their body runs.

The span starts with the call and ends with the stream, which may be exhausted, closed
early, failed, or deleted before its first step.
"""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from functools import lru_cache
from inspect import isawaitable, iscoroutinefunction
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Final

from opentelemetry.context import Context, attach

from spanframe._capture import Capture
from spanframe._context import leave
from spanframe._guard import fault
from spanframe._live import LiveSpan
from spanframe._proxy import Proxy, proxy_type

__all__ = ["Chunks", "Reducer", "is_stream", "recorded"]

Reducer = Callable[[list[Any]], Any]

_CHUNK_EVENT: Final = "mlflow.chunk.item."
_CHUNK_VALUE: Final = "mlflow.chunk.value"


class Chunks:
    """Items that a stream yielded, recorded on its span, and the end of the span.

    Args:
        live: the span of the stream.
        capture: renders each item; None: items are not recorded.
        reducer: function from the list of items to the outputs; None: the list itself.
    """

    __slots__ = ("_capture", "_ended", "_items", "_left", "_live", "_reducer", "_seen")

    def __init__(
        self,
        live: LiveSpan,
        capture: Capture | None,
        reducer: Reducer | None,
    ) -> None:
        self._live = live
        self._capture = capture
        self._reducer = reducer
        self._items: list[Any] = []
        self._seen = 0
        self._left = capture.limit if capture is not None else 0
        self._ended = False

    def add(self, item: Any) -> None:
        """Record one item as an event, and keep it for the outputs."""
        try:
            index, self._seen = self._seen, self._seen + 1
            if self._capture is None or self._left <= 0:
                return
            text = self._capture.json_text(item)
            self._left -= len(text)
            self._items.append(item)
            self._live.otel_span.add_event(
                f"{_CHUNK_EVENT}{index}", {_CHUNK_VALUE: text}
            )
        except Exception:  # noqa: BLE001 - the guard
            fault("recording an item of a stream")

    def end(self, error: BaseException | None = None) -> None:
        """End the span once, with the outputs and the exception, if any."""
        if self._ended:
            return
        self._ended = True
        try:
            if self._capture is not None and not self._live.outputs_given:
                self._live.set_outputs(self._outputs())
            if error is not None:
                self._live.record_exception(error)
            self._live.end()
        except Exception:  # noqa: BLE001 - the guard
            fault("ending the span of a stream")

    def __del__(self) -> None:
        # The stream is deleted, maybe before its first step.
        self.end()

    def _outputs(self) -> Any:
        items = self._items
        if self._seen > len(items):
            items = [*items, f"… [truncated from {self._seen} items]"]
        if self._reducer is None:
            return items
        try:
            return self._reducer(list(self._items))
        except Exception:  # noqa: BLE001 - the app's function may raise anything
            return items


def recorded(stream: Any, context: Context, chunks: Chunks) -> Any:
    """Return a stream that records its items: of the same type, or passing for it.

    Args:
        stream: a generator, an async generator, or another (async) iterator.
        context: the context whose current span is that of the stream.
        chunks: records the items.
    """
    kind: Any = type(stream)
    if kind is GeneratorType:
        return _generator(stream, context, chunks)
    if kind is AsyncGeneratorType:
        return _async_generator(stream, context, chunks)
    return _proxy_type(kind).wrap(stream, _Steps(stream, context, chunks))


def is_stream(value: Any) -> bool:
    """Return whether a value is an (async) iterator; files and cursors are not.

    What is read from a file or a cursor in other ways than by iterating would be lost.
    """
    kind = type(value)
    if not (hasattr(kind, "__next__") or hasattr(kind, "__anext__")):
        return False
    return not (
        hasattr(kind, "read") or hasattr(kind, "fetchone") or isawaitable(value)
    )


def _generator(
    inner: Generator[Any, Any, Any], context: Context, chunks: Chunks
) -> Generator[Any, Any, Any]:
    resume: Callable[[Any], Any] = inner.send
    value: Any = None
    try:
        while True:
            token = attach(context)
            try:
                item = resume(value)
            except StopIteration as stop:
                chunks.end()
                return stop.value
            finally:
                leave(token)
            chunks.add(item)
            try:
                value = yield item
                resume = inner.send
            except BaseException as error:  # noqa: BLE001 - what was thrown in
                resume, value = inner.throw, error
    except BaseException as error:
        chunks.end(None if isinstance(error, GeneratorExit) else error)
        raise


async def _async_generator(
    inner: AsyncGenerator[Any, Any], context: Context, chunks: Chunks
) -> AsyncGenerator[Any, Any]:
    step = _unknown_to_the_loop(inner)
    try:
        while True:
            token = attach(context)
            try:
                item = await step
            except StopAsyncIteration:
                chunks.end()
                return
            finally:
                leave(token)
            chunks.add(item)
            try:
                step = inner.asend((yield item))
            except BaseException as error:  # noqa: BLE001 - what was thrown in
                step = inner.athrow(error)
    except BaseException as error:
        chunks.end(None if isinstance(error, GeneratorExit) else error)
        raise


def _unknown_to_the_loop(inner: AsyncGenerator[Any, Any]) -> Awaitable[Any]:
    """Begin the first step of an async generator that another one drives.

    An event loop closes the generators that it knows, at its end all at once; it must
    not close this one while its driver does.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)


class _Steps:
    """Steps of a stream that is not a generator, inside its span."""

    __slots__ = ("chunks", "context", "stream")

    def __init__(self, stream: Any, context: Context, chunks: Chunks) -> None:
        self.stream = stream
        self.context = context
        self.chunks = chunks

    def take(self) -> Any:
        """Take the next item."""
        token = attach(self.context)
        try:
            item = self.stream.__next__()
        except BaseException as error:
            self.chunks.end(None if isinstance(error, StopIteration) else error)
            raise
        finally:
            leave(token)
        self.chunks.add(item)
        return item

    async def take_async(self) -> Any:
        """Take the next item of an async iterator."""
        token = attach(self.context)
        try:
            item = await self.stream.__anext__()
        except BaseException as error:
            self.chunks.end(None if isinstance(error, StopAsyncIteration) else error)
            raise
        finally:
            leave(token)
        self.chunks.add(item)
        return item

    def close(self, method: str, *args: Any) -> Any:
        """Close the stream by one of its methods, and end its span."""
        try:
            return getattr(self.stream, method)(*args)
        finally:
            self.chunks.end()

    async def close_async(self, method: str, *args: Any) -> Any:
        """Close an async stream by one of its methods, and end its span."""
        try:
            return await getattr(self.stream, method)(*args)
        finally:
            self.chunks.end()


def _enter(self: Any) -> Any:
    entered = self.__wrapped__.__enter__()
    return self if entered is self.__wrapped__ else entered


async def _enter_async(self: Any) -> Any:
    entered = await self.__wrapped__.__aenter__()
    return self if entered is self.__wrapped__ else entered


_METHODS: Final[dict[str, Callable[..., Any]]] = {
    "__iter__": lambda self: self,
    "__next__": lambda self: self.__spanframe__.take(),
    "__enter__": _enter,
    "__exit__": lambda self, *args: self.__spanframe__.close("__exit__", *args),
    "close": lambda self, *args: self.__spanframe__.close("close", *args),
    "__aiter__": lambda self: self,
    "__anext__": lambda self: self.__spanframe__.take_async(),
    "__aenter__": _enter_async,
    "__aexit__": lambda self, *args: self.__spanframe__.close_async("__aexit__", *args),
    "aclose": lambda self: self.__spanframe__.close_async("aclose"),
}


@lru_cache(maxsize=256)
def _proxy_type(kind: type) -> type[Proxy]:
    methods = {name: m for name, m in _METHODS.items() if hasattr(kind, name)}
    if iscoroutinefunction(getattr(kind, "close", None)):
        methods["close"] = lambda self: self.__spanframe__.close_async("close")
    return proxy_type(kind, methods, kind)
