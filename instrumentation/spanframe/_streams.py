"""Traced generators: the span is current only while their body runs.

The span starts with the call and ends with the generator, which may be exhausted,
closed early, failed, or deleted before its first step.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Final

from opentelemetry.context import Context, attach

from spanframe._capture import Capture
from spanframe._context import leave
from spanframe._guard import fault
from spanframe._live import LiveSpan

__all__ = ["Chunks", "Reducer", "TracedAsyncGenerator", "TracedGenerator"]

Reducer = Callable[[list[Any]], Any]

_CHUNK_EVENT: Final = "mlflow.chunk.item."
_CHUNK_VALUE: Final = "mlflow.chunk.value"


class Chunks:
    """Items that a generator yielded, recorded on its span, and the end of the span.

    Args:
        live: the span of the generator.
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
            fault("recording an item of a generator")

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
            fault("ending the span of a generator")

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


class TracedGenerator(Generator[Any, Any, Any]):
    """A generator whose steps run with its span as the current one."""

    def __init__(
        self, inner: Generator[Any, Any, Any], context: Context, chunks: Chunks
    ) -> None:
        self._inner = inner
        self._context = context
        self._chunks = chunks

    def send(self, value: Any) -> Any:
        """Resume the generator with ``value``."""
        return self._step(self._inner.send, value)

    def throw(self, *exception: Any) -> Any:
        """Raise ``exception`` at the paused ``yield``."""
        return self._step(self._inner.throw, *exception)

    def close(self) -> None:
        """Close the generator and end its span."""
        token = attach(self._context)
        try:
            self._inner.close()
        except BaseException as error:
            self._chunks.end(error)
            raise
        finally:
            leave(token)
        self._chunks.end()

    def _step(self, resume: Callable[..., Any], *value: Any) -> Any:
        token = attach(self._context)
        try:
            item = resume(*value)
        except StopIteration:
            self._chunks.end()
            raise
        except BaseException as error:
            self._chunks.end(None if isinstance(error, GeneratorExit) else error)
            raise
        finally:
            leave(token)
        self._chunks.add(item)
        return item

    def __del__(self) -> None:
        self._chunks.end()

    def __getattr__(self, name: str) -> Any:
        # gi_frame, gi_running and similar attributes of a generator.
        return getattr(self._inner, name)


class TracedAsyncGenerator(AsyncGenerator[Any, Any]):
    """An async generator whose steps run with its span as the current one."""

    def __init__(
        self, inner: AsyncGenerator[Any, Any], context: Context, chunks: Chunks
    ) -> None:
        self._inner = inner
        self._context = context
        self._chunks = chunks

    async def asend(self, value: Any) -> Any:
        """Resume the generator with ``value``."""
        return await self._step(self._inner.asend, value)

    async def athrow(self, *exception: Any) -> Any:
        """Raise ``exception`` at the paused ``yield``."""
        return await self._step(self._inner.athrow, *exception)

    async def aclose(self) -> None:
        """Close the generator and end its span."""
        token = attach(self._context)
        try:
            await self._inner.aclose()
        except BaseException as error:
            self._chunks.end(error)
            raise
        finally:
            leave(token)
        self._chunks.end()

    async def _step(self, resume: Callable[..., Any], *value: Any) -> Any:
        token = attach(self._context)
        try:
            item = await resume(*value)
        except StopAsyncIteration:
            self._chunks.end()
            raise
        except BaseException as error:
            self._chunks.end(None if isinstance(error, GeneratorExit) else error)
            raise
        finally:
            leave(token)
        self._chunks.add(item)
        return item

    def __del__(self) -> None:
        self._chunks.end()

    def __getattr__(self, name: str) -> Any:
        # ag_frame, ag_running and similar attributes of an async generator.
        return getattr(self._inner, name)
