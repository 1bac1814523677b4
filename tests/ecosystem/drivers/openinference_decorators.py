"""OpenInference's own decorators, through Phoenix' register."""

import contextlib
import os

from openinference.instrumentation import using_attributes
from phoenix.otel import register
from scene import DOCUMENTS, METADATA, SESSION, TAGS, USER, get_weather

provider = register(
    endpoint=os.environ["FAKE_URL"] + "/v1/traces",
    protocol="http/protobuf",
    batch=True,
    verbose=False,
)
tracer = provider.get_tracer("app")


@tracer.tool
def weather(city: str) -> str:
    """Return the weather."""
    return get_weather(city)


@tracer.llm
def model(question: str) -> str:
    """Answer."""
    return "Paris is the capital of France."


@tracer.agent
def travel(question: str) -> str:
    """Answer a question."""
    weather("Paris")
    with tracer.start_as_current_span(
        "retrieve", openinference_span_kind="retriever"
    ) as span:
        span.set_input("Who bakes the bread?")
        for n, text in enumerate(DOCUMENTS):
            span.set_attribute(f"retrieval.documents.{n}.document.content", text)
    return model(question)


@tracer.chain
def fail(question: str) -> str:
    """Fail."""
    raise ValueError("boom")


with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    travel("What is the capital of France?")
with contextlib.suppress(ValueError):
    fail("What is the capital of France?")
provider.shutdown()
