"""OpenAI's agents SDK, with Traceloop's instrumentation."""

from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from scene import provider
from scene_openai_agents import conversation

provider()
OpenAIAgentsInstrumentor().instrument()

conversation()
