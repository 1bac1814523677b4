"""OpenAI's agents SDK, with OpenInference's instrumentation."""

from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from scene import METADATA, SESSION, TAGS, USER, provider
from scene_openai_agents import conversation

OpenAIAgentsInstrumentor().instrument(tracer_provider=provider())

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    conversation()
