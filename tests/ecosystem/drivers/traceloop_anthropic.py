"""Anthropic's client, with Traceloop's instrumentation."""

import anthropic
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from scene import provider
from scene_anthropic import chat, conversation

provider()
AnthropicInstrumentor().instrument()
client = anthropic.Anthropic(max_retries=0)

chat(client)
conversation(client)
