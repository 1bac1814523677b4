"""LangChain, with Traceloop's instrumentation."""

from opentelemetry.instrumentation.langchain import LangchainInstrumentor
from scene import provider
from scene_langchain import chain, conversation

provider()
LangchainInstrumentor().instrument()

chain()
conversation()
