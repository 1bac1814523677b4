"""User code that only has to type-check: the decorator changes no signature."""

# ruff: noqa: ARG003 - what the parameters do is not the point

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from typing import Any, assert_type

import pandas as pd

import spanframe
import spanframe.client
from spanframe import LiveSpan, SpanframeClient, SpanType
from spanframe.entities import Span, Trace


@spanframe.trace
def bare(x: int, *, y: str = "") -> float:
    return x + len(y)


@spanframe.trace(name="named", span_type=SpanType.TOOL, attributes={"k": 1})
def called(x: int) -> list[str]:
    return [str(x)]


@spanframe.trace
async def awaited(x: int) -> bytes:
    return bytes(x)


@spanframe.trace(output_reducer="".join)
def streamed(n: int) -> Iterator[str]:
    yield "a" * n


@spanframe.trace
async def streamed_async(n: int) -> AsyncIterator[int]:
    yield n


class Agent:
    @spanframe.trace
    def method(self, question: str) -> str:
        return question

    @classmethod
    @spanframe.trace
    def outside_class_method(cls, question: str) -> "Agent":
        return cls()

    @spanframe.trace
    @classmethod
    def inside_class_method(cls, question: str) -> "Agent":
        return cls()

    @staticmethod
    @spanframe.trace
    def outside_static_method(question: str) -> str:
        return question

    @spanframe.trace
    @staticmethod
    def inside_static_method(question: str) -> str:
        return question


async def use() -> None:
    assert_type(bare(1, y="a"), float)
    assert_type(called(1), list[str])
    assert_type(await awaited(1), bytes)
    assert_type(streamed(2), Iterator[str])
    assert_type(streamed_async(2), AsyncIterator[int])
    agent = Agent()
    assert_type(agent.method("q"), str)
    assert_type(Agent.outside_class_method("q"), Agent)
    assert_type(Agent.inside_class_method("q"), Agent)
    assert_type(agent.outside_static_method("q"), str)
    assert_type(Agent.inside_static_method("q"), str)
    assert_type(spanframe.trace(len)([1]), int)
    assert_type(spanframe.start_span("s"), AbstractContextManager[LiveSpan])
    with spanframe.start_span("s", span_type="LLM") as span:
        assert_type(span, LiveSpan)
        assert_type(span.trace_id, str)
    assert_type(spanframe.get_current_active_span(), LiveSpan | None)
    assert_type(spanframe.flush(), bool)
    spanframe.configure(endpoint=None, queue_size=5, redact_keys=["*password*"])
    assert_type(spanframe.count_traces("status = 'OK'"), int)
    assert_type(spanframe.aggregate_traces(by="name", every="1h"), pd.DataFrame)
    assert_type(spanframe.get_trace("tr-1"), Trace | None)
    assert_type(spanframe.search_spans("span.type = 'LLM'"), pd.DataFrame)
    rows = spanframe.search_spans(return_type="iterator")
    assert_type(rows, Iterator[dict[str, Any]])
    assert_type(spanframe.client.MlflowClient(), SpanframeClient)
    assert_type(spanframe.instrument("openai"), dict[str, str])
    assert_type(spanframe.log_trace("job"), str)
    spanframe.openai.autolog(disable=True)
    root = SpanframeClient().start_trace("root")
    assert_type(root, LiveSpan)
    assert_type(root.to_immutable_span(), Span)


def misuse() -> None:
    bare("text")  # type: ignore[arg-type]
    bare(1, z=2)  # type: ignore[call-arg]
    called()  # type: ignore[call-arg]
    Agent().method(1)  # type: ignore[arg-type]
    spanframe.configure(queue_size="many")  # type: ignore[arg-type]
    spanframe.configure(queue_sise=5)  # type: ignore[call-arg]
    spanframe.trace(sampling_ratio_override="x")  # type: ignore[call-overload]
    print(spanframe.no_such_name)  # type: ignore[attr-defined]  # noqa: T201
