"""pydantic-ai, with OpenInference's span processor."""

from openinference.instrumentation import using_attributes
from openinference.instrumentation.pydantic_ai import OpenInferenceSpanProcessor
from pydantic_ai import Agent
from scene import METADATA, SESSION, TAGS, USER, provider
from scene_pydantic_ai import conversation

provider(OpenInferenceSpanProcessor())
Agent.instrument_all()

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    conversation()
