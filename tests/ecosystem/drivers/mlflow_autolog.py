"""MLflow: its decorator, autolog of OpenAI and LangChain, exported over OTLP."""

import contextlib

import mlflow
import openai
from scene import BREAD, DOCUMENTS, MESSAGES, METADATA, SESSION, USER, get_weather
from scene_langchain import chain, conversation
from scene_openai import MODEL
from scene_openai import conversation as openai_conversation

mlflow.openai.autolog()
client = openai.OpenAI(max_retries=0)


@mlflow.trace(span_type="TOOL")
def weather(city: str) -> str:
    """Call the tool."""
    return get_weather(city)


@mlflow.trace(span_type="RETRIEVER")
def retrieve(query: str) -> list[dict]:
    """Return the documents."""
    return [
        {"page_content": text, "metadata": {"page": n}}
        for n, text in enumerate(DOCUMENTS)
    ]


@mlflow.trace(span_type="AGENT")
def travel(question: str) -> str:
    """Answer a question."""
    mlflow.update_current_trace(
        tags={"color": "blue"}, metadata={"mlflow.trace.user": USER, **METADATA}
    )
    mlflow.update_current_trace(metadata={"mlflow.trace.session": SESSION})
    weather("Paris")
    retrieve(BREAD)
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    return answer.choices[0].message.content


@mlflow.trace
def fail(question: str) -> str:
    """Fail."""
    raise ValueError("boom")


travel("What is the capital of France?")
with contextlib.suppress(ValueError):
    fail("What is the capital of France?")
openai_conversation(client)
mlflow.langchain.autolog()
chain()
conversation()
mlflow.flush_trace_async_logging()
