"""Anthropic's client, with OpenInference's instrumentation."""

import anthropic
from openinference.instrumentation import using_attributes
from openinference.instrumentation.anthropic import AnthropicInstrumentor
from scene import METADATA, SESSION, TAGS, USER, provider
from scene_anthropic import chat, conversation

AnthropicInstrumentor().instrument(tracer_provider=provider())
client = anthropic.Anthropic(max_retries=0)

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    chat(client)
conversation(client)
