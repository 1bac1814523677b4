"""OpenAI's client, with OpenLIT."""

import os

import openai
import openlit
from scene_openai import chat, conversation

openlit.init(
    otlp_endpoint=os.environ["FAKE_URL"],
    application_name="ecosystem",
    disable_metrics=True,
    disable_batch=False,
)
client = openai.OpenAI(max_retries=0)

chat(client)
conversation(client)
