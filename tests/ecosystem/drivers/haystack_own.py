"""Haystack, with its own tracer for OpenTelemetry, content included."""

from haystack import tracing
from haystack_integrations.tracing.opentelemetry import OpenTelemetryTracer
from opentelemetry import trace
from scene import provider
from scene_haystack import conversation

provider()
tracing.tracer.is_content_tracing_enabled = True
tracing.enable_tracing(OpenTelemetryTracer(trace.get_tracer("haystack")))

conversation()
