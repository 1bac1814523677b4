"""pydantic-ai's own instrumentation, in the version that the environment names."""

import os

from pydantic_ai import Agent, InstrumentationSettings
from scene import logs, provider
from scene_pydantic_ai import conversation

provider()
logs()
version = int(os.environ["PYDANTIC_AI_INSTRUMENTATION"])
Agent.instrument_all(InstrumentationSettings(version=version))

conversation()
