"""The log level of a span: by its type, ERROR on an exception, else as the app says."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import spanframe
from spanframe.entities import SpanEvent, SpanLogLevel, SpanType
from spanframe.errors import InvalidArgumentError
from tests.plugins.otlp_sink import OtlpSink

SHOWN = {"LLM", "CHAT_MODEL", "TOOL", "RETRIEVER", "AGENT", "EMBEDDING"}


def level_of(sink: OtlpSink, name: str) -> Any:
    spanframe.flush()
    return json.loads(sink.span(name).attributes["mlflow.spanLogLevel"])


@pytest.mark.parametrize(
    "span_type",
    [name for name in vars(SpanType) if name.isupper()] + ["CUSTOM", "llm", None],
)
def test_the_type_of_a_span_gives_its_level(
    sink: OtlpSink, span_type: str | None
) -> None:
    expected = SpanLogLevel.INFO if span_type in SHOWN else SpanLogLevel.DEBUG

    @spanframe.trace(span_type=span_type or SpanType.UNKNOWN)
    def call() -> None:
        spanframe.start_span_no_context("detached", span_type).end()
        with spanframe.start_span("block", span_type):
            pass

    call()
    assert [level_of(sink, n) for n in ("call", "block", "detached")] == [expected] * 3


def test_the_level_follows_the_last_type_unless_the_app_gave_one(
    sink: OtlpSink,
) -> None:
    with spanframe.start_span("follows") as span:
        span.set_span_type(SpanType.LLM)
    with spanframe.start_span("at_start", SpanType.LLM, log_level="INFO") as span:
        span.set_span_type(SpanType.CHAIN)
    with spanframe.start_span("set", SpanType.LLM) as span:
        span.set_log_level(SpanLogLevel.INFO)
        span.set_span_type(SpanType.CHAIN)

    @spanframe.trace(log_level=SpanLogLevel.WARNING)
    def decorated() -> None:
        spanframe.update_current_span(span_type=SpanType.TOOL)

    decorated()
    levels = [level_of(sink, n) for n in ("follows", "at_start", "set", "decorated")]
    assert levels == [20, 20, 20, 30]


def of_error(span: spanframe.LiveSpan) -> None:
    span.record_exception(ValueError("no"))


def of_text(span: spanframe.LiveSpan) -> None:
    span.record_exception("no")


def of_event(span: spanframe.LiveSpan) -> None:
    span.add_event(SpanEvent("exception"))


@pytest.mark.parametrize("record", [of_error, of_text, of_event])
@pytest.mark.parametrize(
    ("given", "expected"), [(None, 40), ("debug", 40), (" critical ", 50)]
)
def test_an_exception_raises_the_level_to_error(
    sink: OtlpSink,
    record: Callable[[spanframe.LiveSpan], None],
    given: str | None,
    expected: int,
) -> None:
    with spanframe.start_span("failed", log_level=given) as span:
        record(span)
        span.set_span_type(SpanType.LLM)
    assert level_of(sink, "failed") == expected


def test_a_function_that_raises_has_level_error(sink: OtlpSink) -> None:
    @spanframe.trace(span_type=SpanType.LLM)
    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    assert level_of(sink, "fails") == SpanLogLevel.ERROR


@pytest.mark.parametrize("level", ["LOUD", "", None, 1.5])
def test_another_level_is_refused(sink: OtlpSink, level: Any) -> None:
    with (
        spanframe.start_span("refused") as span,
        pytest.raises(InvalidArgumentError, match="is not a log level"),
    ):
        span.set_log_level(level)
    assert level_of(sink, "refused") == 10


@pytest.mark.parametrize("value", [123, None, ValueError, b"no"])
def test_only_an_exception_or_a_text_is_recorded_as_one(
    sink: OtlpSink, value: Any
) -> None:
    with (
        spanframe.start_span("fine") as span,
        pytest.raises(InvalidArgumentError, match="is not an exception"),
    ):
        span.record_exception(value)
    spanframe.flush()
    assert sink.span("fine").status == "OK"
    assert sink.span("fine").events == []
