"""What every driver of OpenAI's agents SDK asks of it."""

import contextlib

from agents import Agent, Runner, function_tool, trace
from scene import NO_MODEL, QUESTION, SESSION, SYSTEM, WEATHER, get_weather

MODEL = "gpt-4o-mini"


def conversation() -> None:
    """Run an agent with a tool, one that hands over, a failure."""
    tool = function_tool(get_weather)
    agent = Agent("Weather agent", instructions=SYSTEM, tools=[tool], model=MODEL)
    with trace("Weather", group_id=SESSION, metadata={"plan": "pro"}):
        Runner.run_sync(agent, WEATHER)
    plain = Agent("Plain agent", instructions=SYSTEM, model=MODEL)
    Runner.run_sync(plain, QUESTION)
    with contextlib.suppress(Exception):
        Runner.run_sync(Agent("Failing agent", model=NO_MODEL), QUESTION)
