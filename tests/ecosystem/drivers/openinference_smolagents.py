"""smolagents, with OpenInference's instrumentation."""

import contextlib

from openinference.instrumentation import using_attributes
from openinference.instrumentation.smolagents import SmolagentsInstrumentor
from scene import (
    METADATA,
    NO_MODEL,
    SESSION,
    TAGS,
    USER,
    WEATHER,
    get_weather,
    provider,
)
from smolagents import OpenAIServerModel, ToolCallingAgent, tool

SmolagentsInstrumentor().instrument(tracer_provider=provider())

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    model = OpenAIServerModel("gpt-4o-mini")
    ToolCallingAgent([tool(get_weather)], model, max_steps=3).run(WEATHER)
with contextlib.suppress(Exception):
    ToolCallingAgent([], OpenAIServerModel(NO_MODEL), max_steps=1).run(WEATHER)
