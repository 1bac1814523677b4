"""Microsoft's Agent Framework: an agent with a tool, its spans with sensitive data."""

import asyncio

from agent_framework import Agent
from agent_framework.observability import enable_instrumentation
from agent_framework.openai import OpenAIChatCompletionClient
from scene import SYSTEM, WEATHER, get_weather, logs, provider

provider()
logs()
enable_instrumentation(enable_sensitive_data=True)


async def ask() -> None:
    """Run the agent with one message."""
    agent = Agent(
        client=OpenAIChatCompletionClient(model="gpt-4o-mini"),
        name="weather_agent",
        instructions=SYSTEM,
        tools=[get_weather],
    )
    await agent.run(WEATHER)


asyncio.run(ask())
