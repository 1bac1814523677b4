"""What every driver of LangChain asks: a chain, an agent, a retriever, a failure."""

import contextlib
from typing import Any

import openai
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from scene import (
    BREAD,
    DOCUMENTS,
    METADATA,
    NO_MODEL,
    QUESTION,
    SYSTEM,
    TAGS,
    WEATHER,
    get_weather,
)

MODEL = ChatOpenAI(model="gpt-4o-mini", max_retries=0)


def chain(config: Any = None) -> None:
    """Ask a prompt, a model, a parser in a row, with tags and metadata."""
    prompt = ChatPromptTemplate([("system", SYSTEM), ("user", "{question}")])
    steps = prompt | MODEL | StrOutputParser()
    given = {"tags": TAGS, "metadata": METADATA, **(config or {})}
    steps.invoke({"question": QUESTION}, config=given)


def conversation(config: Any = None) -> None:
    """Run a stream, an agent with a tool, a retriever with an answer, a failure."""
    for _ in MODEL.stream(QUESTION, config=config):
        pass
    agent = create_agent(MODEL, tools=[tool(get_weather)], system_prompt=SYSTEM)
    agent.invoke({"messages": [("user", WEATHER)]}, config=config)
    texts = [Document(text, metadata={"page": n}) for n, text in enumerate(DOCUMENTS)]
    # Without a download of the tokenizer's words.
    embeddings = OpenAIEmbeddings(check_embedding_ctx_length=False)
    store = InMemoryVectorStore.from_documents(texts, embeddings)
    retriever = store.as_retriever(search_kwargs={"k": 2})
    prompt = ChatPromptTemplate.from_template("{context}\n\n{question}")
    context = {"context": retriever, "question": RunnablePassthrough()}
    (context | prompt | MODEL | StrOutputParser()).invoke(BREAD, config=config)
    with contextlib.suppress(openai.APIError):
        ChatOpenAI(model=NO_MODEL, max_retries=0).invoke(QUESTION, config=config)
