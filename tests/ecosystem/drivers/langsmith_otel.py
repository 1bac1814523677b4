"""LangSmith's SDK in OTEL mode: its decorator, its OpenAI wrapper, LangChain."""

import contextlib

import openai
from langsmith import Client, traceable
from langsmith.wrappers import wrap_openai
from scene import BREAD, DOCUMENTS, MESSAGES, SESSION, TAGS, get_weather
from scene_langchain import chain, conversation
from scene_openai import MODEL

client = wrap_openai(openai.OpenAI(max_retries=0))
langsmith = Client()


@traceable(run_type="tool")
def weather(city: str) -> str:
    """Call the tool."""
    return get_weather(city)


@traceable(run_type="retriever")
def retrieve(query: str) -> list[dict]:
    """Return the documents."""
    return [
        {"page_content": text, "type": "Document", "metadata": {"page": n}}
        for n, text in enumerate(DOCUMENTS)
    ]


@traceable(tags=TAGS, metadata={"session_id": SESSION, "user_id": "ann", "plan": "pro"})
def travel(question: str) -> str:
    """Answer a question."""
    weather("Paris")
    retrieve(BREAD)
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    return answer.choices[0].message.content


@traceable
def fail(question: str) -> str:
    """Fail."""
    raise ValueError("boom")


travel("What is the capital of France?", langsmith_extra={"client": langsmith})
with contextlib.suppress(ValueError):
    fail("What is the capital of France?", langsmith_extra={"client": langsmith})
chain()
conversation()
langsmith.flush()
