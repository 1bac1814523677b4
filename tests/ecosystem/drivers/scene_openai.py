"""What every driver of OpenAI's client asks of it."""

import contextlib

import openai
from scene import (
    CHAT_TOOL,
    MESSAGES,
    NO_MODEL,
    QUESTION,
    SYSTEM,
    TOOL,
    WEATHER,
    get_weather,
)

MODEL = "gpt-4o-mini"


def chat(client: openai.OpenAI) -> None:
    """Ask one question."""
    client.chat.completions.create(model=MODEL, messages=MESSAGES)


def conversation(client: openai.OpenAI) -> None:
    """Ask for a stream, a call and the answer after it, embeddings, a failure."""
    streamed = client.chat.completions.create(
        model=MODEL,
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
    )
    for _ in streamed:
        pass
    asked = [{"role": "user", "content": WEATHER}]
    called = client.chat.completions.create(
        model=MODEL, messages=asked, tools=[CHAT_TOOL]
    )
    message = called.choices[0].message.model_dump(exclude_none=True)
    result = {
        "role": "tool",
        "tool_call_id": "call_1",
        "content": get_weather("Paris"),
    }
    client.chat.completions.create(model=MODEL, messages=[*asked, message, result])
    client.embeddings.create(model="text-embedding-3-small", input=QUESTION)
    with contextlib.suppress(openai.APIError):
        client.chat.completions.create(model=NO_MODEL, messages=MESSAGES)


def responses(client: openai.OpenAI) -> None:
    """Ask the responses API: a text, a call, a stream."""
    client.responses.create(model=MODEL, instructions=SYSTEM, input=QUESTION)
    tool = {"type": "function", **TOOL}
    client.responses.create(model=MODEL, input=WEATHER, tools=[tool])
    for _ in client.responses.create(model=MODEL, input=QUESTION, stream=True):
        pass
