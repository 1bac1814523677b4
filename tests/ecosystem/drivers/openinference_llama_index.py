"""LlamaIndex, with OpenInference's instrumentation."""

import asyncio
import contextlib
import os

from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from scene import (
    BREAD,
    DOCUMENTS,
    METADATA,
    NO_MODEL,
    QUESTION,
    SESSION,
    SYSTEM,
    TAGS,
    USER,
    WEATHER,
    get_weather,
    provider,
)

LlamaIndexInstrumentor().instrument(tracer_provider=provider())
options = {"api_base": os.environ["OPENAI_BASE_URL"], "max_retries": 0}
model = OpenAI(model="gpt-4o-mini", **options)
Settings.llm, Settings.embed_model = model, OpenAIEmbedding(**options)


async def agent() -> None:
    """Run an agent with a tool."""
    made = FunctionAgent(tools=[get_weather], llm=model, system_prompt=SYSTEM)
    await made.run(WEATHER)


index = VectorStoreIndex.from_documents(
    [Document(text=text, metadata={"page": n}) for n, text in enumerate(DOCUMENTS)]
)
with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    index.as_query_engine(similarity_top_k=2).query(BREAD)
for _ in model.stream_complete(QUESTION):
    pass
asyncio.run(agent())
with contextlib.suppress(Exception):
    OpenAI(model=NO_MODEL, **options).complete(QUESTION)
