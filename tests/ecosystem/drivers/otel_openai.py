"""OpenAI's client, with OpenTelemetry's opentelemetry-instrumentation-genai-openai."""

import openai
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from scene import logs, provider
from scene_openai import chat, conversation, responses

provider()
logs()
OpenAIInstrumentor().instrument()
client = openai.OpenAI(max_retries=0)

chat(client)
conversation(client)
responses(client)
