"""OpenAI's client, with OpenInference's instrumentation."""

import openai
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from scene import METADATA, SESSION, TAGS, USER, provider
from scene_openai import chat, conversation, responses

OpenAIInstrumentor().instrument(tracer_provider=provider())
client = openai.OpenAI(max_retries=0)

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    chat(client)
conversation(client)
responses(client)
