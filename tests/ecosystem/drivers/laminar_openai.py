"""Laminar: its decorator around a tool and OpenAI's client."""

import contextlib
import os

import openai
from lmnr import Laminar, observe
from scene import MESSAGES, METADATA, SESSION, TAGS, USER, get_weather
from scene_openai import MODEL, conversation

host, _, port = os.environ["FAKE_URL"].rpartition(":")
Laminar.initialize(
    project_api_key="none",
    base_url=host,
    http_port=int(port),
    force_http=True,
)
client = openai.OpenAI(max_retries=0)


@observe(span_type="TOOL")
def weather(city: str) -> str:
    """Call the tool."""
    return get_weather(city)


@observe(session_id=SESSION, user_id=USER, metadata=METADATA, tags=TAGS)
def travel(question: str) -> str:
    """Answer a question."""
    weather("Paris")
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    return answer.choices[0].message.content


@observe()
def fail(question: str) -> str:
    """Fail."""
    raise ValueError("boom")


travel("What is the capital of France?")
with contextlib.suppress(ValueError):
    fail("What is the capital of France?")
conversation(client)
Laminar.flush()
