"""What every driver of Google's Gen AI SDK asks of it."""

import contextlib
import os

from google import genai
from google.genai import errors, types
from scene import QUESTION, SYSTEM, WEATHER, get_weather

MODEL = "gemini-2.5-flash"


def conversation() -> None:
    """Ask a question, for a stream, with a tool that the SDK calls, a failure."""
    options = types.HttpOptions(base_url=os.environ["FAKE_URL"])
    client = genai.Client(http_options=options)
    models = client.models
    briefly = types.GenerateContentConfig(system_instruction=SYSTEM)
    models.generate_content(model=MODEL, contents=QUESTION, config=briefly)
    for _ in models.generate_content_stream(model=MODEL, contents=QUESTION):
        pass
    tools = types.GenerateContentConfig(tools=[get_weather])
    models.generate_content(model=MODEL, contents=WEATHER, config=tools)
    with contextlib.suppress(errors.APIError):
        models.generate_content(model="gemini-none", contents=QUESTION)
