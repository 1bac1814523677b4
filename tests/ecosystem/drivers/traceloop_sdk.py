"""Traceloop's SDK: a workflow of an agent, a tool, a task and a model."""

import contextlib
import os

import openai
from scene import MESSAGES, NO_MODEL, SESSION, USER, get_weather
from scene_openai import MODEL
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import agent, task, tool, workflow

Traceloop.init(
    app_name="ecosystem", api_endpoint=os.environ["FAKE_URL"], telemetry_enabled=False
)
client = openai.OpenAI(max_retries=0)


@tool(name="get_weather")
def weather(city: str) -> str:
    """Call the tool."""
    return get_weather(city)


@task(name="ask")
def ask(model: str) -> str:
    """Ask the model."""
    answer = client.chat.completions.create(model=model, messages=MESSAGES)
    return answer.choices[0].message.content


@agent(name="guide")
def guide(question: str) -> str:
    """Use the tool."""
    return weather("Paris")


@workflow(name="travel")
def travel(question: str) -> str:
    """Answer a question."""
    Traceloop.set_association_properties(
        {"user_id": USER, "session_id": SESSION, "plan": "pro"}
    )
    guide(question)
    return ask(MODEL)


@workflow(name="fail")
def fail(question: str) -> str:
    """Ask a model that does not exist."""
    return ask(NO_MODEL)


travel("What is the capital of France?")
with contextlib.suppress(openai.APIError):
    fail("What is the capital of France?")
