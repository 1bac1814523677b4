"""What every driver of pydantic-ai asks of it."""

import asyncio
import contextlib

from pydantic_ai import Agent
from scene import METADATA, NO_MODEL, QUESTION, SYSTEM, WEATHER, get_weather

MODEL = "openai-chat:gpt-4o-mini"


async def _streamed() -> None:
    async with Agent(MODEL, name="streamer").run_stream(QUESTION) as result:
        await result.get_output()


def conversation() -> None:
    """Run an agent with a tool, a plain one, a stream, a failure."""
    agent = Agent(MODEL, name="weather_agent", instructions=SYSTEM, tools=[get_weather])
    agent.run_sync(WEATHER, metadata=METADATA)
    Agent(MODEL, name="plain_agent", system_prompt=SYSTEM).run_sync(QUESTION)
    asyncio.run(_streamed())
    with contextlib.suppress(Exception):
        Agent(f"openai-chat:{NO_MODEL}", name="failing_agent").run_sync(QUESTION)
