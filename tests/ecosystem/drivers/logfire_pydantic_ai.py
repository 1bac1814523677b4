"""pydantic-ai, through Logfire."""

import logfire
from scene_pydantic_ai import conversation

logfire.configure(send_to_logfire=False, console=False, inspect_arguments=False)
logfire.instrument_pydantic_ai()

conversation()
