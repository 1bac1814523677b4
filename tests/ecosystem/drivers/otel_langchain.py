"""LangChain, with OpenTelemetry's opentelemetry-instrumentation-genai-langchain."""

from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor
from scene import logs, provider
from scene_langchain import chain, conversation

provider()
logs()
LangChainInstrumentor().instrument()

chain()
conversation()
