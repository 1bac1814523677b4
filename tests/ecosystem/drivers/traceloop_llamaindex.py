"""LlamaIndex, with Traceloop's instrumentation."""

from opentelemetry.instrumentation.llamaindex import LlamaIndexInstrumentor
from scene import provider
from scene_llama_index import conversation

provider()
LlamaIndexInstrumentor().instrument()

conversation()
