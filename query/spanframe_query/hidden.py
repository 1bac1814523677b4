"""What redaction hid in a trace, and by which pattern, for people who miss it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe._key_patterns import DEFAULT_PATTERNS, KeyPatterns
from spanframe._redaction import REDACTED
from spanframe_query.entities import Trace

__all__ = ["HiddenValue", "hidden_values"]

_NAMES: Final = {keys.SPAN_INPUTS: "inputs", keys.SPAN_OUTPUTS: "outputs"}
_PAIR: Final = 2


class HiddenValue(NamedTuple):
    """A value that redaction replaced.

    Attributes:
        place: where it was, for example ``login inputs.password``.
        key: the key that it was under.
    """

    place: str
    key: str

    def reason(self, patterns: Sequence[str]) -> str:
        """Say why it is hidden.

        Args:
            patterns: the patterns of secret keys in this process; those of the app may
                be others.
        """
        for pattern in patterns:
            if KeyPatterns((pattern,)).hides(self.key):
                if pattern in DEFAULT_PATTERNS:
                    return f"the key matches the built-in pattern {pattern}"
                return f"the key matches {pattern} of SPANFRAME_REDACT_KEYS"
        return "by a setting of the app or of the collector"


def hidden_values(trace: Trace) -> Iterator[HiddenValue]:
    """Yield the values of a trace that redaction replaced."""
    yield from _inside(trace.info.tags, "tags", "")
    yield from _inside(trace.info.trace_metadata, "metadata", "")
    for span in trace.data.spans:
        for key, value in span.attributes.items():
            yield from _inside(value, f"{span.name} {_NAMES.get(key, key)}", key)


def _inside(value: Any, place: str, key: str) -> Iterator[HiddenValue]:
    if value == REDACTED:
        yield HiddenValue(place, key)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _inside(inner, f"{place}.{name}", str(name))
    elif isinstance(value, list):
        # A pair, as a list of headers has them.
        if len(value) == _PAIR and value[1] == REDACTED:
            yield HiddenValue(f"{place}.{value[0]}", str(value[0]))
            return
        for index, inner in enumerate(value):
            yield from _inside(inner, f"{place}.{index}", key)
