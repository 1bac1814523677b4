"""LiteLLM, with OpenInference's instrumentation."""

import contextlib

import litellm
from openinference.instrumentation import using_attributes
from openinference.instrumentation.litellm import LiteLLMInstrumentor
from scene import (
    CHAT_TOOL,
    MESSAGES,
    METADATA,
    NO_MODEL,
    QUESTION,
    SESSION,
    TAGS,
    USER,
    WEATHER,
    provider,
)

LiteLLMInstrumentor().instrument(tracer_provider=provider())
MODEL = "openai/gpt-4o-mini"

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    litellm.completion(model=MODEL, messages=MESSAGES)
for _ in litellm.completion(
    model=MODEL,
    messages=MESSAGES,
    stream=True,
    stream_options={"include_usage": True},
):
    pass
asked = [{"role": "user", "content": WEATHER}]
litellm.completion(model=MODEL, messages=asked, tools=[CHAT_TOOL])
litellm.completion(model="anthropic/claude-sonnet-4-5", messages=MESSAGES)
litellm.embedding(model="openai/text-embedding-3-small", input=[QUESTION])
with contextlib.suppress(litellm.exceptions.APIError, litellm.NotFoundError):
    litellm.completion(model=f"openai/{NO_MODEL}", messages=MESSAGES)
