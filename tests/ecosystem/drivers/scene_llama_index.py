"""What every driver of LlamaIndex asks: an index with an answer, a stream, an agent."""

import asyncio
import os

from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI
from scene import BREAD, DOCUMENTS, QUESTION, SYSTEM, WEATHER, get_weather


def conversation() -> None:
    """Ask an index, ask for a stream, run an agent with a tool."""
    options = {"api_base": os.environ["OPENAI_BASE_URL"], "max_retries": 0}
    model = OpenAI(model="gpt-4o-mini", **options)
    Settings.llm, Settings.embed_model = model, OpenAIEmbedding(**options)
    index = VectorStoreIndex.from_documents(
        [Document(text=text, metadata={"page": n}) for n, text in enumerate(DOCUMENTS)]
    )
    index.as_query_engine(similarity_top_k=2).query(BREAD)
    for _ in model.stream_complete(QUESTION):
        pass

    async def run() -> None:
        agent = FunctionAgent(tools=[get_weather], llm=model, system_prompt=SYSTEM)
        await agent.run(WEATHER)

    asyncio.run(run())
