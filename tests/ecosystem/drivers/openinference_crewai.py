"""CrewAI, with OpenInference's instrumentation."""

from openinference.instrumentation import using_attributes
from openinference.instrumentation.crewai import CrewAIInstrumentor
from scene import METADATA, SESSION, TAGS, USER, provider

# CrewAI takes the first provider that there is; its own telemetry sets one.
made = provider()

from scene_crewai import conversation

CrewAIInstrumentor().instrument(tracer_provider=made, skip_dep_check=True)

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    conversation()
