"""OpenAI's client, with OpenTelemetry's opentelemetry-instrumentation-openai-v2."""

import openai
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from scene import logs, provider
from scene_openai import chat, conversation

provider()
logs()
OpenAIInstrumentor().instrument()
client = openai.OpenAI(max_retries=0)

chat(client)
conversation(client)
