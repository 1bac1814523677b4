"""AutoGen, with OpenInference's instrumentation."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from openinference.instrumentation import using_attributes
from openinference.instrumentation.autogen_agentchat import (
    AutogenAgentChatInstrumentor,
)
from scene import METADATA, SESSION, SYSTEM, TAGS, USER, WEATHER, get_weather, provider

AutogenAgentChatInstrumentor().instrument(tracer_provider=provider())


async def ask() -> None:
    """Run an agent."""
    agent = AssistantAgent(
        "weather_agent",
        model_client=OpenAIChatCompletionClient(model="gpt-4o-mini"),
        tools=[get_weather],
        system_message=SYSTEM,
        reflect_on_tool_use=True,
    )
    await agent.run(task=WEATHER)


with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    asyncio.run(ask())
