"""LangChain, with OpenInference's instrumentation."""

from openinference.instrumentation import using_attributes
from openinference.instrumentation.langchain import LangChainInstrumentor
from scene import METADATA, SESSION, TAGS, USER, provider
from scene_langchain import chain, conversation

LangChainInstrumentor().instrument(tracer_provider=provider())

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    chain()
conversation()
