"""A fresh runtime for each test, and faults of ours raised instead of logged."""

from collections.abc import Iterator

import pytest

import spanframe
from spanframe import _guard
from tests.instrumentation.otlp_sink import OtlpSink


@pytest.fixture(autouse=True)
def _fresh_runtime() -> Iterator[None]:
    """Give the test a runtime of its own that delivers at once or not at all."""
    before = _guard.raise_faults(wanted=True)
    _guard.forget_warnings()
    spanframe.tracing.reset()
    yield
    spanframe.tracing.reset()
    _guard.raise_faults(wanted=before)


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    """Where the test's spans go, over gRPC."""
    with OtlpSink.serving() as sink:
        spanframe.configure(endpoint=sink.endpoint)
        yield sink
        spanframe.tracing.reset()
