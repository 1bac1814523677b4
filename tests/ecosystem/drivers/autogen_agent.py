"""autogen: an agent with a tool, and OpenTelemetry's instrumentation of OpenAI."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import TextMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import SingleThreadedAgentRuntime
from autogen_ext.models.openai import OpenAIChatCompletionClient
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from scene import SYSTEM, WEATHER, get_weather, provider

made = provider()
OpenAIInstrumentor().instrument()


async def ask() -> None:
    """Run a team of one."""
    agent = AssistantAgent(
        "weather_agent",
        model_client=OpenAIChatCompletionClient(model="gpt-4o-mini"),
        tools=[get_weather],
        system_message=SYSTEM,
        reflect_on_tool_use=True,
    )
    runtime = SingleThreadedAgentRuntime(tracer_provider=made)
    runtime.start()
    team = RoundRobinGroupChat(
        [agent],
        termination_condition=TextMessageTermination("weather_agent"),
        runtime=runtime,
    )
    await team.run(task=WEATHER)
    await runtime.stop()


asyncio.run(ask())
