"""Walk an OTLP export request over its raw bytes, one span at a time.

A protobuf parser given the whole request fails the whole request for one bad byte in
one string, and lets 4 MB of empty sub-messages grow to hundreds of megabytes. The walk
reads only the three levels of the envelope and hands every span over as its own bytes:
one broken span costs one span, and the bytes are stored exactly as they arrived.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = [
    "MAX_PARTS",
    "Budget",
    "EnvelopeError",
    "Nesting",
    "RawScope",
    "TooManyPartsError",
    "TooManyValuesError",
    "fields_of",
    "has_more_fields",
    "has_more_nested",
    "join_spans",
    "rebuild",
    "split_spans",
    "walk",
]

MAX_PARTS: Final = 100_000
"""Maximum spans, scopes and resources of one request, together; an empty one takes two
bytes on the wire and hundreds in memory."""

Nesting = dict[int, "Nesting"]
"""The fields of a message that are messages, by number, each with its own."""

_MAX_NESTING: Final = 100
"""Maximum levels of messages that are counted; no protobuf parser takes more."""

_LENGTH_DELIMITED: Final = 2
_FIXED_WIDTHS: Final = {1: 8, 5: 4}
_VARINT: Final = 0
_MAX_VARINT_BYTES: Final = 10


class EnvelopeError(ValueError):
    """The bytes are not an OTLP export request."""


class TooManyPartsError(EnvelopeError):
    """The request has more spans, scopes and resources than the maximum."""


class TooManyValuesError(EnvelopeError):
    """The request has more attribute values than the maximum."""


class Budget:
    """What is left of a limit on a request: its fields, or its attribute values."""

    __slots__ = ("_error", "left")

    def __init__(
        self, left: int, error: type[EnvelopeError] = TooManyPartsError
    ) -> None:
        self.left = left
        self._error = error

    def spend(self, count: int) -> None:
        """Subtract what was found.

        Raises:
            EnvelopeError: of the given type, when it is more than is left.
        """
        self.left -= count
        if self.left < 0:
            raise self._error("the request has more than the maximum")

    def try_spend(self, count: int) -> bool:
        """Subtract, if enough is left; tell whether it was."""
        if count > self.left:
            return False
        self.left -= count
        return True


class RawScope(NamedTuple):
    """The spans of one scope of one resource, undecoded."""

    resource: bytes
    resource_schema_url: bytes
    scope: bytes
    scope_schema_url: bytes
    spans: list[bytes]


def walk(request: bytes, max_parts: int = MAX_PARTS) -> Iterator[RawScope]:
    """Yield the scopes of an ExportTraceServiceRequest, in order.

    Field numbers: opentelemetry/proto/trace/v1/trace.proto, OTLP 1.11. Unknown fields
    are skipped; where a singular message comes twice, the last one counts.

    Args:
        request: the message. A part that is kept is copied out of it once.
        max_parts: maximum spans, scopes and resources, together.

    Raises:
        EnvelopeError: when the envelope cannot be read to its end.
        TooManyPartsError: when it has more parts.
    """
    budget = Budget(max_parts)
    for number, start, end in _fields(request, 0, len(request), budget):
        if number == 1:
            yield from _resource_spans(request, start, end, budget)


def _resource_spans(
    request: bytes, start: int, end: int, budget: Budget
) -> Iterator[RawScope]:
    resource = schema_url = b""
    scopes: list[tuple[int, int]] = []
    for number, first, last in _fields(request, start, end, budget):
        if number == 1:
            resource = request[first:last]
        elif number == 2:  # noqa: PLR2004 - a field number
            scopes.append((first, last))
        elif number == 3:  # noqa: PLR2004
            schema_url = request[first:last]
    for first, last in scopes:
        scope = _scope_spans(request, first, last, budget)
        yield RawScope(resource, schema_url, *scope)


def _scope_spans(
    request: bytes, start: int, end: int, budget: Budget
) -> tuple[bytes, bytes, list[bytes]]:
    scope = schema_url = b""
    spans: list[bytes] = []
    for number, first, last in _fields(request, start, end, budget):
        if number == 2:  # noqa: PLR2004
            spans.append(request[first:last])
        elif number == 1:
            scope = request[first:last]
        elif number == 3:  # noqa: PLR2004
            schema_url = request[first:last]
    return scope, schema_url, spans


def has_more_fields(message: bytes, limit: int) -> bool:
    """Tell whether a message has more than ``limit`` fields on its first level.

    Where a message cannot be read to its end, the fields before that place count.
    """
    budget = Budget(limit)
    try:
        for _ in _fields(message, 0, len(message), budget):
            pass
    except EnvelopeError:
        return budget.left < 0
    return False


def has_more_nested(message: bytes, nesting: Nesting, limit: int) -> bool:
    """Tell whether a message holds more than ``limit`` messages, on all levels.

    Args:
        message: bytes of the message; where they cannot be read, what is before counts.
        nesting: the fields of the message that are messages.
        limit: maximum messages.
    """
    budget = Budget(limit)
    try:
        _count_nested(message, 0, len(message), nesting, budget, _MAX_NESTING)
    except EnvelopeError:
        return budget.left < 0
    return False


def _count_nested(
    message: bytes, start: int, end: int, nesting: Nesting, budget: Budget, depth: int
) -> None:
    if not depth:
        raise EnvelopeError("no parser reads more levels")
    for number, first, last in _fields(message, start, end, Budget(len(message))):
        inner = nesting.get(number)
        if inner is None:
            continue
        budget.spend(1)
        if first < last:
            _count_nested(message, first, last, inner, budget, depth - 1)


def rebuild(scope: RawScope) -> bytes:
    """Write an ExportTraceServiceRequest that holds one scope; `walk` reads it back."""
    inner = _field(1, scope.scope) + join_spans(scope.spans)
    inner += _field(3, scope.scope_schema_url)
    outer = _field(1, scope.resource) + _field(2, inner)
    return _field(1, outer + _field(3, scope.resource_schema_url))


def join_spans(bodies: Iterable[bytes]) -> bytes:
    """Write a ScopeSpans message that holds these spans and nothing else."""
    return b"".join([_head(2, len(body)) + body for body in bodies])


def split_spans(message: bytes) -> list[bytes]:
    """Return the spans of a ScopeSpans message, exactly as they were written."""
    fields = _fields(message, 0, len(message), Budget(MAX_PARTS))
    return [message[first:last] for number, first, last in fields if number == 2]  # noqa: PLR2004


def fields_of(message: bytes, limit: int) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each text, bytes or message of a message.

    Raises:
        EnvelopeError: when it cannot be read to its end, or has more than ``limit``.
    """
    for number, first, last in _fields(message, 0, len(message), Budget(limit)):
        yield number, message[first:last]


def _field(number: int, value: bytes) -> bytes:
    return _head(number, len(value)) + value


@lru_cache(maxsize=4096)
def _head(number: int, length: int) -> bytes:
    """Return the start of a length-delimited field: its tag and its length."""
    head = bytearray((number << 3 | _LENGTH_DELIMITED,))
    while length >= 0x80:  # noqa: PLR2004 - the continuation bit
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head)


def _fields(
    buffer: bytes, position: int, end: int, budget: Budget
) -> Iterator[tuple[int, int, int]]:
    """Yield the length-delimited fields of the message at ``buffer[position:end]``.

    Yields:
        The number of a field, where its bytes start, and where they end.

    Raises:
        EnvelopeError: when it cannot be read to its end, or the budget is spent.
    """
    while position < end:
        budget.spend(1)
        tag, position = _varint(buffer, position, end)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _LENGTH_DELIMITED:
            length, position = _varint(buffer, position, end)
            start, position = position, position + length
            if position > end:
                raise EnvelopeError("a field is longer than the message that holds it")
            yield number, start, position
        elif wire_type == _VARINT:
            _, position = _varint(buffer, position, end)
        elif wire_type in _FIXED_WIDTHS:
            position += _FIXED_WIDTHS[wire_type]
        else:
            raise EnvelopeError(f"wire type {wire_type} does not occur in OTLP")
        if not number:
            raise EnvelopeError("field number 0 does not exist")
    if position > end:
        raise EnvelopeError("a field is longer than the message that holds it")


def _varint(buffer: bytes, position: int, end: int) -> tuple[int, int]:
    """Read the varint at ``position``; return its value and the position after it."""
    if position < end and buffer[position] < 0x80:  # noqa: PLR2004 - the continuation bit
        return buffer[position], position + 1
    result = shift = 0
    for offset in range(position, min(position + _MAX_VARINT_BYTES, end)):
        byte = buffer[offset]
        result |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004
            return result, offset + 1
        shift += 7
    raise EnvelopeError("a number does not end")
