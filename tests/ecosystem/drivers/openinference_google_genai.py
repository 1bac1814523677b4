"""Google's Gen AI SDK, with OpenInference's instrumentation."""

from openinference.instrumentation import using_attributes
from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor
from scene import METADATA, SESSION, TAGS, USER, provider
from scene_gemini import conversation

GoogleGenAIInstrumentor().instrument(tracer_provider=provider())

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    conversation()
