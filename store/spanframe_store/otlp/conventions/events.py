"""Inputs and outputs that senders keep in the events of a span.

OpenTelemetry's GenAI events come in four shapes: an event a message whose attributes
are the message; the same with the message in ``message`` (Strands) or as JSON in
``gen_ai.event.content`` (Azure); and ``operation.details``, which holds whole lists and
may come several times.
"""

from typing import Any, Final

from spanframe_store.otlp.conventions.shapes import genai_input
from spanframe_store.otlp.conventions.values import (
    Attributes,
    Events,
    decoded,
    is_absent,
)

__all__ = [
    "GENAI_EVENTS",
    "MEMORY_EVENTS",
    "genai_input_events",
    "genai_output_events",
    "memory_input_event",
    "memory_output_event",
]

_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE: Final = "gen_ai.choice"
_DETAILS: Final = (
    "gen_ai.client.inference.operation.details",
    "gen_ai.client.agent.operation.details",
)
GENAI_EVENTS: Final = (*_ROLES, _CHOICE, *_DETAILS)
"""Names of the events that hold messages."""

MEMORY_EVENTS: Final = ("memory.query", "memory.content", "memory.results")
"""Names of the events of a memory, as Strands writes them."""

_INSTRUCTIONS: Final = ("gen_ai.system_instructions",)
_MESSAGE_KEYS: Final = ("content", "tool_calls", "id", "name")


def genai_input_events(attributes: Attributes, events: Events) -> Any:
    """Gather the messages of the events; of a tool's span, its arguments."""
    messages = [
        message
        for name, event in events
        if name in _ROLES and (message := _message(event, _ROLES[name])) is not None
    ]
    if messages and _is_of_tool(attributes):
        return messages[0].get("content")
    instructions = {k: attributes[k] for k in _INSTRUCTIONS if k in attributes}
    return messages or genai_input({**instructions, **_details(events)})


def genai_output_events(attributes: Attributes, events: Events) -> Any:
    """Gather the choices of the events; of a tool's span, its result."""
    messages = [
        message
        for name, event in events
        if name == _CHOICE and (message := _message(event, "assistant")) is not None
    ]
    if messages and _is_of_tool(attributes):
        return messages[0].get("content")
    return messages or _details(events).get("gen_ai.output.messages")


def _is_of_tool(attributes: Attributes) -> bool:
    return attributes.get("gen_ai.operation.name") == "execute_tool"


def _message(event: Attributes, role: str) -> dict[str, Any] | None:
    """Return the message of an event; None: it holds none."""
    body = decoded(event.get("gen_ai.event.content"))
    if not isinstance(body, dict):
        body = event
    inner = decoded(body.get("message"))
    if not is_absent(inner):
        is_message = isinstance(inner, dict) and not inner.keys().isdisjoint(
            _MESSAGE_KEYS
        )
        body = {
            "role": body.get("role"),
            **(inner if is_message else {"content": inner}),
        }
    said = {key: decoded(body[key]) for key in _MESSAGE_KEYS if key in body}
    if all(is_absent(said.get(key)) for key in ("content", "tool_calls")):
        return None
    found_role = decoded(body.get("role"))
    return {
        "role": role if is_absent(found_role) else found_role,
        **{key: value for key, value in said.items() if not is_absent(value)},
    }


def _details(events: Events) -> dict[str, Any]:
    """Return the attributes of all events that hold details, their lists joined."""
    joined: dict[str, Any] = {}
    for name, event in events:
        for key, value in event.items() if name in _DETAILS else ():
            known, further = decoded(joined.get(key)), decoded(value)
            if isinstance(known, list) and isinstance(further, list):
                joined[key] = known + further
            else:
                joined.setdefault(key, value)
    return joined


def memory_input_event(_attributes: Attributes, events: Events) -> Any:
    """Return what a memory is asked for, or what is put into it."""
    return _content(events, MEMORY_EVENTS[:2])


def memory_output_event(_attributes: Attributes, events: Events) -> Any:
    """Return what a memory has found."""
    return _content(events, MEMORY_EVENTS[2:])


def _content(events: Events, names: tuple[str, ...]) -> Any:
    contents = (event.get("content") for name, event in events if name in names)
    return next((each for each in contents if not is_absent(each)), None)
