"""Google's Agent Development Kit, with OpenInference's instrumentation."""

import asyncio

from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.genai import types
from openinference.instrumentation import using_attributes
from openinference.instrumentation.google_adk import GoogleADKInstrumentor
from scene import METADATA, SESSION, SYSTEM, TAGS, USER, WEATHER, get_weather, provider

GoogleADKInstrumentor().instrument(tracer_provider=provider())


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


with using_attributes(tags=TAGS, metadata=METADATA):
    asyncio.run(ask("gemini-2.5-flash"))
