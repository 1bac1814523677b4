"""SQLite stores in files of their own, filled by the collector's own writer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import Engine

from spanframe_collector.decode import decode_request
from spanframe_collector.store.engine import open_engine
from spanframe_collector.store.migrations import upgrade
from spanframe_collector.store.writer import SpanWriter, Written
from tests.plugins.otlp import request


class Store:
    """One store, open for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"
        self.engine: Engine = open_engine(self.url)
        upgrade(self.engine)
        self.writer = SpanWriter(self.engine)

    def write(self, *spans: Span, **context: Any) -> Written:
        """Decode the spans as one request and commit them."""
        decoded = decode_request(request(*spans, **context).SerializeToString())
        assert decoded.rejected == []
        [written] = self.writer.write([decoded.rows])
        return written


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store of this test's own."""
    store = Store(tmp_path / "spanframe.db")
    yield store
    store.engine.dispose()
