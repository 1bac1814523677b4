"""LangWatch: its decorator around a tool and OpenAI's client."""

import contextlib
import os

import langwatch
import openai
from scene import MESSAGES, SESSION, USER, get_weather
from scene_openai import MODEL

langwatch.setup(api_key="none", endpoint_url=os.environ["FAKE_URL"])
client = openai.OpenAI(max_retries=0)


@langwatch.span(type="tool")
def weather(city: str) -> str:
    """Call the tool."""
    return get_weather(city)


@langwatch.trace()
def travel(question: str) -> str:
    """Answer a question."""
    trace = langwatch.get_current_trace()
    trace.autotrack_openai_calls(client)
    trace.update(
        metadata={"user_id": USER, "thread_id": SESSION, "labels": ["blue", "green"]}
    )
    weather("Paris")
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    return answer.choices[0].message.content


@langwatch.trace()
def fail(question: str) -> str:
    """Fail."""
    raise ValueError("boom")


travel("What is the capital of France?")
with contextlib.suppress(ValueError):
    fail("What is the capital of France?")
