"""Agno, with OpenInference's instrumentation."""

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from openinference.instrumentation import using_attributes
from openinference.instrumentation.agno import AgnoInstrumentor
from scene import METADATA, SESSION, SYSTEM, TAGS, USER, WEATHER, get_weather, provider

AgnoInstrumentor().instrument(tracer_provider=provider())

agent = Agent(
    name="weather_agent",
    model=OpenAIChat("gpt-4o-mini"),
    tools=[get_weather],
    instructions=SYSTEM,
    telemetry=False,
)
with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    agent.run(WEATHER, user_id=USER, session_id=SESSION)
