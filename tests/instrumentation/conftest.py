"""A fresh runtime for each test, and faults of ours raised instead of logged."""

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import spanframe
from spanframe import _guard
from spanframe._runtime import runtime
from tests.plugins.otlp_sink import OtlpSink


class Nowhere(SpanExporter):
    """Takes spans and keeps none."""

    def export(self, _: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Have nothing to close."""


@pytest.fixture(autouse=True)
def _fresh_runtime() -> Iterator[None]:
    """Give the test a runtime of its own, whose spans go nowhere unless it says."""
    before = _guard.raise_faults(wanted=True)
    _guard.forget_warnings()
    runtime.reset()
    spanframe.configure(exporter=Nowhere())
    yield
    runtime.reset()
    _guard.raise_faults(wanted=before)


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    """Where the test's spans go, over gRPC."""
    runtime.reset()
    with OtlpSink.serving() as sink:
        spanframe.configure(endpoint=sink.endpoint)
        yield sink
        runtime.reset()
