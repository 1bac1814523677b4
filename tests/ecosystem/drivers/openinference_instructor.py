"""Instructor, with OpenInference's instrumentation."""

import instructor
import openai
from openinference.instrumentation import using_attributes
from openinference.instrumentation.instructor import InstructorInstrumentor
from pydantic import BaseModel
from scene import METADATA, SESSION, TAGS, USER, WEATHER, provider

InstructorInstrumentor().instrument(tracer_provider=provider())


class AskWeather(BaseModel):
    """A question about the weather."""

    city: str


client = instructor.from_openai(openai.OpenAI(max_retries=0))
with using_attributes(session_id=SESSION, user_id=USER, tags=TAGS, metadata=METADATA):
    client.chat.completions.create(
        model="gpt-4o-mini",
        response_model=AskWeather,
        messages=[{"role": "user", "content": f"{WEATHER} weather"}],
    )
