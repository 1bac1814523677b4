"""OpenAI's agents SDK, with OpenTelemetry's …-genai-openai-agents."""

from opentelemetry.instrumentation.genai.openai_agents import OpenAIAgentsInstrumentor
from scene import logs, provider
from scene_openai_agents import conversation

provider()
logs()
OpenAIAgentsInstrumentor().instrument()

conversation()
