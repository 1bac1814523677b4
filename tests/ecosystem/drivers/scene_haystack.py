"""What every driver of Haystack asks: a pipeline of a retriever, a prompt, a model."""

from haystack import Document, Pipeline
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.dataclasses import ChatMessage
from haystack.document_stores.in_memory import InMemoryDocumentStore
from scene import BREAD, DOCUMENTS, SYSTEM


def conversation() -> None:
    """Run the pipeline."""
    store = InMemoryDocumentStore()
    store.write_documents(
        [Document(content=text, meta={"page": n}) for n, text in enumerate(DOCUMENTS)]
    )
    template = [
        ChatMessage.from_system(SYSTEM),
        ChatMessage.from_user(
            "{% for d in documents %}{{ d.content }} {% endfor %}{{ question }}"
        ),
    ]
    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store))
    pipeline.add_component(
        "prompt",
        ChatPromptBuilder(template, required_variables=["documents", "question"]),
    )
    pipeline.add_component("model", OpenAIChatGenerator(model="gpt-4o-mini"))
    pipeline.connect("retriever.documents", "prompt.documents")
    pipeline.connect("prompt.prompt", "model.messages")
    pipeline.run({"retriever": {"query": BREAD}, "prompt": {"question": BREAD}})
