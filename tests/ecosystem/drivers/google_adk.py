"""Google's Agent Development Kit: an agent with a tool, a failure."""

import asyncio
import contextlib

from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.genai import types
from scene import SESSION, SYSTEM, USER, WEATHER, get_weather, logs, provider


async def ask(model: str) -> None:
    """Run an agent with one message."""
    agent = LlmAgent(
        name="weather_agent", model=model, instruction=SYSTEM, tools=[get_weather]
    )
    runner = InMemoryRunner(agent=agent, app_name="travel")
    await runner.session_service.create_session(
        app_name="travel", user_id=USER, session_id=SESSION
    )
    message = types.Content(role="user", parts=[types.Part(text=WEATHER)])
    async for _ in runner.run_async(
        user_id=USER, session_id=SESSION, new_message=message
    ):
        pass


provider()
logs()
asyncio.run(ask("gemini-2.5-flash"))
with contextlib.suppress(Exception):
    asyncio.run(ask("gemini-none"))
