"""What every driver of Anthropic's client asks of it."""

import contextlib

import anthropic
from scene import QUESTION, SYSTEM, TOOL, WEATHER, get_weather

MODEL = "claude-sonnet-4-5"


def chat(client: anthropic.Anthropic) -> None:
    """Ask one question."""
    client.messages.create(
        model=MODEL,
        max_tokens=100,
        system=SYSTEM,
        messages=[{"role": "user", "content": QUESTION}],
    )


def conversation(client: anthropic.Anthropic) -> None:
    """Ask for a stream, a call and the answer after it, a failure."""
    asked = [{"role": "user", "content": QUESTION}]
    with client.messages.stream(
        model=MODEL, max_tokens=100, messages=asked
    ) as streamed:
        streamed.get_final_message()
    asked = [{"role": "user", "content": WEATHER}]
    schema = {"input_schema": TOOL["parameters"]}
    tool = {"name": TOOL["name"], "description": TOOL["description"], **schema}
    called = client.messages.create(
        model=MODEL, max_tokens=100, messages=asked, tools=[tool]
    )
    blocks = [block.model_dump(exclude_none=True) for block in called.content]
    result = {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": get_weather("Paris"),
    }
    turns = [
        {"role": "assistant", "content": blocks},
        {"role": "user", "content": [result]},
    ]
    client.messages.create(
        model=MODEL, max_tokens=100, messages=[*asked, *turns], tools=[tool]
    )
    with contextlib.suppress(anthropic.APIError):
        client.messages.create(model="claude-none", max_tokens=100, messages=asked)
