"""An exporter that takes the collector's part without the wire between."""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanframe_store.otlp import decode_request
from tests.plugins.store import Store


class StoreExporter(SpanExporter):
    """Writes spans into a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        decoded = decode_request(encode_spans(spans).SerializeToString())
        self._store.writer.write([decoded.rows])
        return SpanExportResult.SUCCESS
