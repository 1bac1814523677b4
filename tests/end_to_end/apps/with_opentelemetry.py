"""The work, traced with the official SDK and its stock exporter; no spanframe code.

Inputs and outputs are written by OpenInference's conventions.
"""

import json

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("shop")


def look_up(topic: str) -> list[str]:
    with tracer.start_as_current_span("look_up") as span:
        span.set_attribute("openinference.span.kind", "RETRIEVER")
        span.set_attribute("input.value", json.dumps({"topic": topic}))
        found = [f"{topic} 1", f"{topic} 2"]
        span.set_attribute("output.value", json.dumps(found))
        return found


def answer(question: str, limit: int = 1) -> dict[str, list[str]]:
    with tracer.start_as_current_span("answer") as span:
        span.set_attribute("openinference.span.kind", "AGENT")
        arguments = {"question": question, "limit": limit}
        span.set_attribute("input.value", json.dumps(arguments))
        found = {"found": look_up(question)[:limit]}
        span.set_attribute("output.value", json.dumps(found))
        return found


answer("tents")
provider.shutdown()
