"""LlamaIndex, with its own package for OpenTelemetry."""

from llama_index.observability.otel import LlamaIndexOpenTelemetry
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from scene_llama_index import conversation

LlamaIndexOpenTelemetry(
    service_name_or_resource="ecosystem", span_exporter=OTLPSpanExporter()
).start_registering()

conversation()
