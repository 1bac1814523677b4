"""Logfire: a span of the app's own around OpenAI's client."""

import contextlib

import logfire
import openai
from scene import TAGS
from scene_openai import chat, conversation

logfire.configure(
    send_to_logfire=False,
    console=False,
    service_name="ecosystem",
    inspect_arguments=False,
)
logfire.instrument_openai()
client = openai.OpenAI(max_retries=0)

with logfire.span("travel to {city}", city="Paris", _tags=TAGS):
    logfire.info("looking for {city}", city="Paris")
    chat(client)
conversation(client)
with contextlib.suppress(ValueError), logfire.span("fail"):
    raise ValueError("boom")
