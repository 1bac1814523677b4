"""pydantic-ai before 2.0, in the first version of its instrumentation."""

import contextlib

from pydantic_ai import Agent, InstrumentationSettings
from scene import NO_MODEL, QUESTION, SYSTEM, WEATHER, get_weather, logs, provider

provider()
logs()
Agent.instrument_all(InstrumentationSettings(version=1, event_mode="attributes"))
MODEL = "openai:gpt-4o-mini"

agent = Agent(MODEL, name="weather_agent", instructions=SYSTEM, tools=[get_weather])
agent.run_sync(WEATHER)
Agent(MODEL, name="plain_agent", system_prompt=SYSTEM).run_sync(QUESTION)
with contextlib.suppress(Exception):
    Agent(f"openai:{NO_MODEL}", name="failing_agent").run_sync(QUESTION)
