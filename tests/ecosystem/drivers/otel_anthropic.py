"""Anthropic's client, with OpenTelemetry's …-genai-anthropic."""

import anthropic
from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor
from scene import logs, provider
from scene_anthropic import chat, conversation

provider()
logs()
AnthropicInstrumentor().instrument()
client = anthropic.Anthropic(max_retries=0)

chat(client)
conversation(client)
