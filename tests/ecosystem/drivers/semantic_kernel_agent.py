"""semantic-kernel: an agent with a tool, its spans with sensitive data."""

import asyncio

from scene import SYSTEM, WEATHER, get_weather, logs, provider
from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.functions import kernel_function


class Weather:
    """A plugin."""

    @kernel_function(name="get_weather", description="Return the weather of a city.")
    def get_weather(self, city: str) -> str:
        """Return the weather."""
        return get_weather(city)


async def ask() -> None:
    """Run the agent with one message."""
    agent = ChatCompletionAgent(
        service=OpenAIChatCompletion(ai_model_id="gpt-4o-mini"),
        name="weather_agent",
        instructions=SYSTEM,
        plugins=[Weather()],
    )
    await agent.get_response(WEATHER)


provider()
logs()
asyncio.run(ask())
