"""DSPy, with OpenInference's instrumentation."""

import contextlib

import dspy
from openinference.instrumentation import using_attributes
from openinference.instrumentation.dspy import DSPyInstrumentor
from scene import METADATA, NO_MODEL, QUESTION, SESSION, TAGS, USER, provider

DSPyInstrumentor().instrument(tracer_provider=provider())
dspy.configure(lm=dspy.LM("openai/gpt-4o-mini", cache=False, num_retries=0))

with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    dspy.Predict("question -> answer")(question=QUESTION)
with contextlib.suppress(Exception):
    failing = dspy.LM(f"openai/{NO_MODEL}", cache=False, num_retries=0)
    dspy.Predict("question -> answer")(question=QUESTION, lm=failing)
