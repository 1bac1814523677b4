"""Decorated functions of every kind."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Iterator
from typing import Any

from tests.differential.seen import Seen, trace_view


def functions(mlflow: Any, seen: Seen) -> None:
    """Arguments, results, names and types of functions."""

    @mlflow.trace
    def bare(x: int, y: int = 2, *args: int, **more: int) -> dict[str, int]:
        """Add."""
        return {"sum": x + y + sum(args) + sum(more.values())}

    @mlflow.trace(name="renamed", span_type="TOOL", attributes={"a": 1, "b": "two"})
    def named() -> None:
        bare(1)

    bare(1, 3, 4, z=5)
    seen["bare"] = trace_view(seen.trace())
    named()
    seen["named"] = trace_view(seen.trace())
    seen["marks"] = [
        bare.__name__,
        bare.__doc__,
        hasattr(bare, "__wrapped__"),
        bare.__mlflow_traced__,
    ]
    mlflow.trace(math.factorial)(4)
    seen["builtin"] = trace_view(seen.trace())
    mlflow.trace(lambda: None, name="none")()
    seen["none"] = trace_view(seen.trace())


def methods(mlflow: Any, seen: Seen) -> None:
    """Methods of every kind."""

    class Shop:
        @mlflow.trace
        def own(self, x: int) -> int:
            return x

        @mlflow.trace
        @classmethod
        def of_class(cls, x: int) -> int:
            return x

        @staticmethod
        @mlflow.trace
        def static(x: int) -> int:
            return x

        @mlflow.trace
        def __call__(self, x: int) -> int:
            return x

    shop = Shop()
    for name, call in {
        "own": shop.own,
        "of_class": shop.of_class,
        "static": shop.static,
        "call": shop,
    }.items():
        call(1)
        seen[name] = trace_view(seen.trace())


def failing(mlflow: Any, seen: Seen) -> None:
    """Exceptions: in a child that the parent handles, in a root, in the arguments."""

    @mlflow.trace
    def child() -> None:
        raise ValueError("no tent")

    @mlflow.trace
    def handles() -> str:
        with contextlib.suppress(ValueError):
            child()
        return "saved"

    @mlflow.trace
    def takes(x: int) -> int:
        return x

    handles()
    seen["handled"] = trace_view(seen.trace())
    with seen.raises("raises", "no tent"):
        child()
    seen["root"] = trace_view(seen.trace())
    with seen.raises("wrong arguments"):
        takes(1, 2)  # type: ignore[call-arg]
    seen["unbound"] = trace_view(seen.trace())


def generators(mlflow: Any, seen: Seen) -> None:
    """Generators: items, a reducer, a failure, spans inside."""

    @mlflow.trace
    def numbers(most: int) -> Iterator[Any]:
        for number in range(most):
            yield {"n": number}

    @mlflow.trace(output_reducer="".join)
    def words() -> Iterator[str]:
        yield "to"
        with mlflow.start_span("inside"):
            yield "gether"

    @mlflow.trace(output_reducer=lambda items: items[9])
    def badly_reduced() -> Iterator[str]:
        yield "one"

    @mlflow.trace
    def breaks() -> Iterator[int]:
        yield 1
        raise RuntimeError("dry")

    list(numbers(2))
    seen["numbers"] = trace_view(seen.trace())
    list(words())
    seen["words"] = trace_view(seen.trace())
    list(badly_reduced())
    seen["badly reduced"] = trace_view(seen.trace())
    with contextlib.suppress(RuntimeError):
        list(breaks())
    seen["breaks"] = trace_view(seen.trace())


def asynchronous(mlflow: Any, seen: Seen) -> None:
    """Coroutines, side by side, and an asynchronous generator."""

    @mlflow.trace
    async def leaf(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @mlflow.trace
    async def gathers() -> list[int]:
        return await asyncio.gather(leaf(1), leaf(2))

    @mlflow.trace
    async def streams() -> AsyncIterator[int]:
        yield await leaf(7)

    async def consume() -> None:
        async for _ in streams():
            pass

    asyncio.run(gathers())
    trace = seen.trace()
    seen["gathered"] = [
        [span.name, span.parent_id == trace.data.spans[0].span_id, span.outputs]
        for span in sorted(trace.data.spans, key=lambda span: str(span.outputs))
    ]
    asyncio.run(consume())
    seen["streamed"] = trace_view(seen.trace())


def refused(mlflow: Any, seen: Seen) -> None:
    """What a decorator refuses, and what it does not record."""
    seen.attempt("ratio", lambda: mlflow.trace(len, sampling_ratio_override=2), "2")
    with seen.raises("reducer of a function"):
        mlflow.trace(lambda: 1, output_reducer=len)()
    with seen.raises("level", "loud"):
        mlflow.trace(lambda: 1, log_level="loud")()

    @mlflow.trace(sampling_ratio_override=0.0)
    def unsampled() -> list[Any]:
        return [mlflow.get_current_active_span(), mlflow.get_active_trace_id()]

    seen["unsampled"] = unsampled()
