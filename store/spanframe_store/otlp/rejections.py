"""Counts the spans of a request that are rejected, and says what is wrong with them.

The first of them are looked at once more, for the sender: which field of which span,
and why. A span is named by its id, or by its place among the spans of the request where
the id is what is wrong. No name and no value of a sender's is shown: what is said here
is logged as well.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanframe_store.contract.spans import Rejected
from spanframe_store.otlp.envelope import EnvelopeError, fields_of
from spanframe_store.otlp.sizes import MAX_FIELDS, MAX_MESSAGE_BYTES

__all__ = ["Rejections"]

_MAX_EXPLAINED: Final = 8
"""Maximum spans of one request whose fields are looked at; more are counted."""

_MAX_NAME_CHARS: Final = 64
"""Maximum length of a name or a key that is shown, in characters."""

_ID_BYTES: Final = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}


class Rejections:
    """The rejected spans of one request."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._texts: list[str] = []

    def reject(self, reason: str, body: bytes, taken: int) -> None:
        """Count one span.

        Args:
            reason: why it is rejected, from a closed set.
            body: the OTLP Span, which may be anything.
            taken: spans before it that are not rejected.
        """
        self._counts[reason] += 1
        if len(self._texts) < _MAX_EXPLAINED:
            fields = _Fields(body, taken + self._counts.total())
            self._texts.append(_explained(reason, fields))

    def reject_all(self, reason: str, count: int) -> None:
        """Count all spans of a resource or scope that is the cause itself."""
        self._counts[reason] += count
        if count and len(self._texts) < _MAX_EXPLAINED:
            self._texts.append(_OF_RESOURCES[reason].format(count))

    @property
    def by_reason(self) -> list[Rejected]:
        """The counts by reason."""
        return [Rejected(*each) for each in self._counts.items()]

    @property
    def text(self) -> str:
        """What is wrong with the first spans, as a sentence; empty: there are none."""
        if not self._texts:
            return ""
        more = self._counts.total() - len(self._texts)
        others = f"; {more} more were rejected" if more > 0 else ""
        return f"Rejected: {'; '.join(self._texts)}{others}."


_OF_RESOURCES: Final = {
    "resource_too_large": "all {} spans of a resource, as it or its scope has more "
    f"than {MAX_MESSAGE_BYTES} bytes or {MAX_FIELDS} attributes",
    "undecodable_resource": "all {} spans of a resource, as it or its scope is "
    "unreadable (a key or text that is not UTF-8, or a value that nests too deep)",
}


class _Fields:
    """The fields of a span that is not parsed: those of bytes, texts and messages."""

    def __init__(self, body: bytes, place: int) -> None:
        self._place = place
        self.size = len(body)
        self.is_whole = True
        self.all: list[tuple[int, bytes]] = []
        try:
            self.all += fields_of(body, MAX_FIELDS)
        except EnvelopeError:
            self.is_whole = False

    def value(self, number: int) -> bytes:
        """Return the last value of a field; empty: it has none."""
        found = [value for each, value in self.all if each == number]
        return found[-1] if found else b""

    @property
    def name(self) -> str:
        """What the span is called in a sentence."""
        span_id = self.value(Span.SPAN_ID_FIELD_NUMBER)
        if len(span_id) == _ID_BYTES["span_id"] and any(span_id):
            return f"span {span_id.hex()}"
        return f"span {self._place} of the request"


def _explained(reason: str, fields: _Fields) -> str:
    field = reason.removeprefix("invalid_")
    if field in _ID_BYTES:
        return f"{field} of {fields.name} {_wrong_id(field, fields)}"
    if reason in _LIMITS:
        return f"{fields.name} {_LIMITS[reason].format(fields.size)}"
    return f"{_unreadable(fields)} of {fields.name} is unreadable"


_LIMITS: Final = {
    "timestamp_out_of_range": "starts or ends after the year 2262",
    "span_too_large": f"has {{}} bytes, and at most {MAX_MESSAGE_BYTES} are stored",
    "span_too_many_parts": f"has more than {MAX_FIELDS} attributes, events and links, "
    "or too many values in them",
}


def _wrong_id(field: str, fields: _Fields) -> str:
    value = fields.value(Span.DESCRIPTOR.fields_by_name[field].number)
    wanted = _ID_BYTES[field]
    if not value:
        return "is absent"
    return (
        "is all zeros"
        if len(value) == wanted
        else f"has {len(value)} bytes, not {wanted}"
    )


# --- what a parser does not say: which field it cannot read ---------------------------


def _unreadable(fields: _Fields) -> str:
    """Return the first field that cannot be read."""
    return next(_unreadable_fields(fields), "a field")


def _unreadable_fields(fields: _Fields) -> Iterator[str]:
    for number, value in fields.all:
        if number in _TEXTS and not _is_utf_8(value):
            yield f"{_TEXTS[number]} (not UTF-8)"
        elif number in _MESSAGES:
            name, parse = _MESSAGES[number]
            try:
                parse(value)
            except DecodeError:
                yield name or _attribute(value)
    if not fields.is_whole:
        yield "a field that is cut off"


_TEXTS: Final = {
    Span.TRACE_STATE_FIELD_NUMBER: "trace_state",
    Span.NAME_FIELD_NUMBER: "name",
}
_MESSAGES: Final[dict[int, tuple[str, Callable[[bytes], object]]]] = {
    Span.ATTRIBUTES_FIELD_NUMBER: ("", KeyValue.FromString),
    Span.EVENTS_FIELD_NUMBER: ("an event", Span.Event.FromString),
    Span.LINKS_FIELD_NUMBER: ("a link", Span.Link.FromString),
    Span.STATUS_FIELD_NUMBER: ("status", Status.FromString),
}


def _attribute(message: bytes) -> str:
    """Return what an attribute is called that cannot be read."""
    try:
        keys = [
            value for number, value in fields_of(message, MAX_FIELDS) if number == 1
        ]
    except EnvelopeError:
        keys = []
    key = keys[-1] if keys else b""
    why = (
        "text that is not UTF-8, or nested too deep"
        if _is_utf_8(key)
        else "key not UTF-8"
    )
    return f"the attribute {_shown(key)} ({why})" if key else "an attribute"


def _is_utf_8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown(value: bytes) -> str:
    """Return a text of a sender on one line, cut."""
    text = value[: 4 * _MAX_NAME_CHARS].decode("utf-8", "replace")[:_MAX_NAME_CHARS]
    return "".join(c if c.isprintable() else "?" for c in text)
