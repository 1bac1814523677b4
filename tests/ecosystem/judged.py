"""Compares what a user sees of a client with what a user expects of it."""

import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_query.entities import Span, Trace, TraceState
from tests.ecosystem.clients import Client
from tests.ecosystem.scenes import SPANS, TRACES

__all__ = ["ASPECTS", "Verdict", "judged", "unsent"]

ASPECTS: Final = (
    *("name", "request", "response", "inputs", "outputs", "type", "model", "provider"),
    *("tokens", "cost", "session", "user", "tags", "metadata", "status", "error"),
    *("documents", "calls", "tree"),
)
"""What is expected of a trace or a span, in the order of the page's columns."""

_TOKEN_NAMES: Final = {
    "input": "input_tokens",
    "output": "output_tokens",
    "total": "total_tokens",
    "cached": "cache_read_input_tokens",
    "written": "cache_creation_input_tokens",
}


class Verdict(NamedTuple):
    """One expectation: its place, what it is about, what was expected and seen."""

    place: str
    aspect: str
    holds: bool
    expected: Any
    seen: Any

    @property
    def id(self) -> str:
        """The line of the list of known gaps."""
        return f"{self.place}: {self.aspect}"


def judged(client: Client, traces: Sequence[Trace]) -> list[Verdict]:
    """Return a verdict for every expectation of a client, in order."""
    expected = tomllib.loads(client.expected.read_text())
    numbered = list(_numbered(expected["trace"]))
    count = expected.get("count", numbered[-1][0] + 1)
    assert len(traces) == count, f"{len(traces)} traces, expected {count}"
    return [
        verdict
        for number, wanted in numbered
        for verdict in _of_trace(number, wanted, traces[number], client.silent)
    ]


def unsent(client: Client) -> set[str]:
    """Return the aspects that a client does not send, of one trace or of all."""
    traces = tomllib.loads(client.expected.read_text())["trace"]
    wanted = [each for trace in traces for each in (trace, *trace.get("span", ()))]
    unsaid = {name for each in wanted for name in each.get("unsaid", "").split()}
    return (unsaid | {*client.silent}) & {*ASPECTS}


def _numbered(
    expected: Iterable[Mapping[str, Any]],
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield each expected trace with its number: its own, or that after the last."""
    number = -1
    for wanted in expected:
        number = wanted.get("number", number + 1)
        yield number, wanted


def _whole(
    wanted: Mapping[str, Any],
    scenes: Mapping[str, Mapping[str, Any]],
    silent: Sequence[str],
) -> dict[str, Any]:
    """Return an expectation with those of the scenes that it is like.

    What is ``unsaid`` or ``silent`` is left out: an aspect, or a count of tokens.
    """
    like = wanted.get("like", "").split()
    scene = {k: v for name in like for k, v in scenes[name].items()}
    unsaid = {*wanted.get("unsaid", "").split(), *silent}
    whole = {k: v for k, v in {**scene, **wanted}.items() if k not in unsaid}
    if "tokens" in whole:
        counts = whole["tokens"].items()
        whole["tokens"] = {k: v for k, v in counts if k not in unsaid}
    return {k: whole[k] for k in ASPECTS if k in whole}


def _of_trace(
    number: int, wanted: Mapping[str, Any], trace: Trace, silent: Sequence[str]
) -> Iterator[Verdict]:
    for aspect, value in _whole(wanted, TRACES, silent).items():
        holds, seen = _TRACE_ASPECTS[aspect](trace, value)
        yield Verdict(f"{number}", aspect, holds, value, seen)
    spans = iter(sorted(trace.data.spans, key=lambda span: span.start_time_ns))
    for given in wanted.get("span", ()):
        name = given["name"]
        names = {name, given.get("shown", name)}
        span = next((s for s in spans if s.name in names), None)
        assert span is not None, f"trace {number} has no (other) span {name!r}"
        if "shown" in given:
            holds = span.name == given["shown"]
            yield Verdict(f"{number} {name}", "name", holds, given["shown"], span.name)
        whole = _whole(given, SPANS, ("name", *silent))
        for aspect, value in whole.items():
            holds, seen = _SPAN_ASPECTS[aspect](span, value)
            yield Verdict(f"{number} {name}", aspect, holds, value, seen)


# --- aspects of a trace ---------------------------------------------------------------

_Judged = tuple[bool, Any]


def _equal(value: Any, seen: Any) -> _Judged:
    return value == seen, seen


def _preview(value: str, seen: str | None) -> _Judged:
    """Compare with a text, or with the value that both are the JSON of."""
    return seen is not None and _loaded(value) == _loaded(seen), seen


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _tokens(value: Mapping[str, int], seen: Mapping[str, Any] | None) -> _Judged:
    found = seen or {}
    return all(found.get(_TOKEN_NAMES[k]) == v for k, v in value.items()), seen


def _cost(value: Any, seen: Mapping[str, float] | None) -> _Judged:
    total = (seen or {}).get("total_cost")
    if value is True:
        return bool(total), seen
    return total is not None and abs(total - value) < 1e-9, seen


def _tags(trace: Trace, value: Sequence[str]) -> _Judged:
    tags = trace.info.tags
    return all(tags.get(tag) == "true" for tag in value), tags


def _metadata(trace: Trace, value: Mapping[str, str]) -> _Judged:
    seen = trace.info.trace_metadata
    return all(seen.get(k) == v for k, v in value.items()), seen


def _trace_error(trace: Trace, value: str) -> _Judged:
    """Look at the error of the trace; where its root is OK, at those of its spans."""
    messages = [trace.info.error or ""]
    if trace.info.state != TraceState.ERROR:
        messages += [span.status.description or "" for span in trace.data.spans]
    return any(value in message for message in messages), messages


def _tree(trace: Trace, value: Sequence[str]) -> _Judged:
    """Compare with lines of names, two spaces a level."""
    spans = sorted(trace.data.spans, key=lambda span: span.start_time_ns)
    ids = {span.span_id for span in spans}

    def lines(parent: str | None, level: int) -> Iterator[str]:
        for span in spans:
            above = span.parent_id if span.parent_id in ids else None
            if above == parent:
                yield f"{'  ' * level}{span.name}"
                yield from lines(span.span_id, level + 1)

    return _equal(list(value), list(lines(None, 0)))


_TRACE_ASPECTS: Final[Mapping[str, Callable[[Trace, Any], _Judged]]] = {
    "name": lambda trace, value: _equal(value, trace.info.name),
    "request": lambda trace, value: _preview(value, trace.info.request_preview),
    "response": lambda trace, value: _preview(value, trace.info.response_preview),
    "tokens": lambda trace, value: _tokens(value, trace.info.token_usage),
    "cost": lambda trace, value: _cost(value, trace.info.cost),
    "session": lambda trace, value: _equal(value, trace.info.session_id),
    "user": lambda trace, value: _equal(value, trace.info.user),
    "tags": _tags,
    "metadata": _metadata,
    "status": lambda trace, value: _equal(value, trace.info.state.value),
    "error": _trace_error,
    "tree": _tree,
}


# --- aspects of a span ----------------------------------------------------------------


def _contained(value: Any, seen: Any) -> _Judged:
    """Compare with a text that the value has to contain, or with the value itself."""
    if not isinstance(value, str):
        return _equal(value, seen)
    return seen is not None and value in json.dumps(seen, ensure_ascii=False), seen


def _type(span: Span, value: str) -> _Judged:
    names = {"LLM", "CHAT_MODEL"} if value == "LLM" else {value}
    return span.span_type in names, span.span_type


def _documents(span: Span, value: Sequence[str]) -> _Judged:
    """Compare with the texts of a list of documents, each an object or a text."""
    seen = span.outputs
    listed = seen.get("documents") if isinstance(seen, dict) else seen
    if not isinstance(listed, list) or len(listed) != len(value):
        return False, seen
    # A text in the representation of an object is no document's text.
    texts = [d if isinstance(d, str) else json.dumps(d) for d in listed]
    found = [any(t == v or (v in t and t[0] == "{") for t in texts) for v in value]
    return all(found), seen


def _calls(span: Span, value: Sequence[str]) -> _Judged:
    seen = span.outputs
    text = json.dumps(seen)
    return not isinstance(seen, str) and all(word in text for word in value), seen


def _usage(span: Span, value: Mapping[str, int]) -> _Judged:
    return _tokens(value, span.get_attribute(keys.CHAT_USAGE))


def _error(span: Span, value: str) -> _Judged:
    message = span.status.description or ""
    failed = span.status.status_code == "ERROR"
    return failed and value in message, (span.status.status_code, message)


_SPAN_ASPECTS: Final[Mapping[str, Callable[[Span, Any], _Judged]]] = {
    "inputs": lambda span, value: _contained(value, span.inputs),
    "outputs": lambda span, value: _contained(value, span.outputs),
    "type": _type,
    "model": lambda span, value: _equal(value, span.model_name),
    "provider": lambda span, value: _equal(
        value, span.get_attribute(keys.LLM_PROVIDER)
    ),
    "tokens": _usage,
    "cost": lambda span, value: _cost(value, span.llm_cost),
    "error": _error,
    "documents": _documents,
    "calls": _calls,
}
