"""Strands: an agent with a tool, in the conventions that the environment names."""

import contextlib

from scene import NO_MODEL, SESSION, SYSTEM, TAGS, USER, WEATHER, get_weather, provider
from strands import Agent, tool
from strands.models.openai import OpenAIModel

provider()
asked = {"session.id": SESSION, "user.id": USER, "tags": TAGS}
agent = Agent(
    model=OpenAIModel(model_id="gpt-4o-mini"),
    tools=[tool(get_weather)],
    system_prompt=SYSTEM,
    name="weather_agent",
    trace_attributes=asked,
    callback_handler=None,
)
agent(WEATHER)
with contextlib.suppress(Exception):
    Agent(model=OpenAIModel(model_id=NO_MODEL), callback_handler=None)(WEATHER)
