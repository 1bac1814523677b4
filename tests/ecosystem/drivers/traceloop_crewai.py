"""CrewAI, with Traceloop's instrumentation of it and of OpenAI's client."""

from opentelemetry.instrumentation.crewai import CrewAIInstrumentor
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from scene import provider

provider()

from scene_crewai import conversation

CrewAIInstrumentor().instrument()
OpenAIInstrumentor().instrument()

conversation()
