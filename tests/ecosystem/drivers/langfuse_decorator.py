"""Langfuse's decorator and its wrapper of OpenAI's client."""

import contextlib

from langfuse import get_client, observe, propagate_attributes
from langfuse.openai import openai
from scene import BREAD, DOCUMENTS, MESSAGES, METADATA, SESSION, TAGS, USER, get_weather
from scene_openai import MODEL, conversation

client = openai.OpenAI(max_retries=0)
langfuse = get_client()


@observe(as_type="tool")
def weather(city: str) -> str:
    """Call the tool."""
    return get_weather(city)


@observe(as_type="retriever")
def retrieve(query: str) -> list[str]:
    """Return the documents."""
    return list(DOCUMENTS)


@observe(as_type="agent")
def travel(question: str) -> str:
    """Answer a question."""
    weather("Paris")
    retrieve(BREAD)
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    return answer.choices[0].message.content


@observe(as_type="generation")
def generated(question: str) -> str:
    """State a usage and a cost by hand."""
    langfuse.update_current_generation(
        model="house-model",
        usage_details={"input": 16, "input_cached_tokens": 5, "output": 9},
        cost_details={"input": 0.001, "output": 0.002, "total": 0.003},
        metadata={"quality": "high"},
    )
    return "Paris"


@observe()
def fail(question: str) -> str:
    """Fail."""
    raise ValueError("boom")


with propagate_attributes(
    user_id=USER, session_id=SESSION, tags=TAGS, metadata=METADATA, trace_name="trip"
):
    travel("What is the capital of France?")
generated("What is the capital of France?")
with contextlib.suppress(ValueError):
    fail("What is the capital of France?")
conversation(client)
langfuse.flush()
