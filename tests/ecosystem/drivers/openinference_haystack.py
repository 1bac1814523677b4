"""Haystack, with OpenInference's instrumentation."""

from openinference.instrumentation import using_attributes
from openinference.instrumentation.haystack import HaystackInstrumentor
from scene import METADATA, SESSION, TAGS, USER, provider
from scene_haystack import conversation

HaystackInstrumentor().instrument(tracer_provider=provider())

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    conversation()
