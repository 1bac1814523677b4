"""Conventions of Haystack, LangWatch and CrewAI, with values in JSON of their own."""

from typing import Any, Final

from spanframe_store.otlp.conventions.values import (
    Attributes,
    Cost,
    Usage,
    amount,
    cost,
    decoded,
    token_count,
    usage,
)

__all__ = [
    "crew_input",
    "haystack_model",
    "haystack_type",
    "haystack_usage",
    "langwatch_cost",
    "langwatch_input",
    "langwatch_output",
    "langwatch_usage",
]

# --- Haystack -------------------------------------------------------------------------

_COMPONENT: Final = "haystack.component.type"
_HAYSTACK_TYPES: Final = {
    "Retriever": "RETRIEVER",
    "ChatGenerator": "CHAT_MODEL",
    "Generator": "LLM",
    "Embedder": "EMBEDDING",
    "Ranker": "RERANKER",
    "Agent": "AGENT",
    "ToolInvoker": "TOOL",
    "Evaluator": "EVALUATOR",
}
"""Span types by the last word of a component's class, in order."""

_HAYSTACK_STEPS: Final = {
    "haystack.tool.": "TOOL",
    "haystack.agent.step.tool.": "TOOL",
    "haystack.agent.step.llm.": "CHAT_MODEL",
    "haystack.agent.": "AGENT",
}
"""Span types by what keys start with, in order, where no component is named."""


def haystack_type(attributes: Attributes) -> str | None:
    """Tell the type by the class of the component; of a pipeline it is CHAIN."""
    component = attributes.get(_COMPONENT)
    if isinstance(component, str):
        types = (t for end, t in _HAYSTACK_TYPES.items() if component.endswith(end))
        return next(types, "CHAIN")
    kinds = (t for start, t in _HAYSTACK_STEPS.items() if _any(attributes, start))
    return next(kinds, "CHAIN")


def _any(attributes: Attributes, start: str) -> bool:
    return any(key.startswith(start) for key in attributes)


def haystack_usage(attributes: Attributes) -> Usage | None:
    """Read the usage that a model's reply has in its meta, with OpenAI's names."""
    counts = _reply_meta(attributes).get("usage")
    if not isinstance(counts, dict):
        return None
    return usage(
        _first_count(counts, "prompt_tokens", "input_tokens"),
        _first_count(counts, "completion_tokens", "output_tokens"),
        _first_count(counts, "total_tokens"),
        _first_count(counts.get("prompt_tokens_details"), "cached_tokens"),
        _first_count(counts, "cache_creation_input_tokens"),
        _first_count(counts.get("completion_tokens_details"), "reasoning_tokens"),
    )


def haystack_model(attributes: Attributes) -> Any:
    """Return the model that a reply names in its meta."""
    return _reply_meta(attributes).get("model")


def _reply_meta(attributes: Attributes) -> dict[str, Any]:
    """Return the meta of a chat model's reply, or that beside a text model's reply."""
    component = attributes.get(_COMPONENT)
    if not isinstance(component, str) or not component.endswith("Generator"):
        return {}
    output = decoded(attributes.get("haystack.component.output"))
    output = output if isinstance(output, dict) else {}
    for key in ("replies", "meta"):
        items = output.get(key)
        first = items[0] if isinstance(items, list) and items else None
        meta = first.get("meta", first) if isinstance(first, dict) else None
        if isinstance(meta, dict):
            return meta
    return {}


# --- LangWatch ------------------------------------------------------------------------


def langwatch_input(attributes: Attributes) -> Any:
    """Return the input without the type that LangWatch writes beside it."""
    return _typed(attributes.get("langwatch.input"))


def langwatch_output(attributes: Attributes) -> Any:
    """Return the output without the type that LangWatch writes beside it."""
    return _typed(attributes.get("langwatch.output"))


def _typed(value: Any) -> Any:
    inner = decoded(value)
    is_typed = isinstance(inner, dict) and inner.keys() == {"type", "value"}
    return inner["value"] if is_typed else value


def langwatch_usage(attributes: Attributes) -> Usage | None:
    """Read the tokens of ``langwatch.metrics``."""
    metrics = decoded(attributes.get("langwatch.metrics"))
    return usage(
        _first_count(metrics, "prompt_tokens"),
        _first_count(metrics, "completion_tokens"),
        None,
        _first_count(metrics, "cache_read_input_tokens"),
        _first_count(metrics, "cache_creation_input_tokens"),
        _first_count(metrics, "reasoning_tokens"),
    )


def langwatch_cost(attributes: Attributes) -> Cost | None:
    """Read the cost of ``langwatch.metrics``."""
    metrics = decoded(attributes.get("langwatch.metrics"))
    stated = metrics.get("cost") if isinstance(metrics, dict) else None
    return cost(None, None, amount(stated))


def _first_count(counts: Any, *names: str) -> int | None:
    found = counts if isinstance(counts, dict) else {}
    each = (token_count(found.get(name)) for name in names)
    return next((count for count in each if count is not None), None)


# --- CrewAI, as Traceloop records it --------------------------------------------------


def crew_input(attributes: Attributes) -> Any:
    """Return the description of a crew's task; of several tasks, a list of them."""
    tasks = decoded(attributes.get("crewai.crew.tasks"))
    listed = tasks if isinstance(tasks, list) else []
    found = [task.get("description") for task in listed if isinstance(task, dict)]
    return found[0] if len(found) == 1 else found
