"""LiteLLM, with its own callback for OpenTelemetry."""

import contextlib
import os
import time

import litellm
from scene import CHAT_TOOL, MESSAGES, METADATA, NO_MODEL, QUESTION, USER, WEATHER

os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
litellm.callbacks = ["otel"]
MODEL = "openai/gpt-4o-mini"

litellm.completion(model=MODEL, messages=MESSAGES, user=USER, metadata=METADATA)
asked = [{"role": "user", "content": WEATHER}]
litellm.completion(model=MODEL, messages=asked, tools=[CHAT_TOOL])
litellm.embedding(model="openai/text-embedding-3-small", input=[QUESTION])
with contextlib.suppress(litellm.NotFoundError):
    litellm.completion(model=f"openai/{NO_MODEL}", messages=MESSAGES)
time.sleep(8)  # it reports from a thread of its own
