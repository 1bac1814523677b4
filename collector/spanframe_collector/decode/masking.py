"""Masks values under keys that an operator names, before they are stored or forwarded.

Keys are looked at in attributes of spans, events, links, scopes and resources, in maps
nested in them, and in JSON text, which is how inputs and outputs travel.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe._key_patterns import KeyPatterns
from spanframe._redaction import REDACTED
from spanframe_collector.decode.envelope import RawScope, rebuild, walk
from spanframe_collector.decode.sizes import MOST_FIELDS, is_unfit

__all__ = ["Masker"]

_UNDECODABLE: Final = b"\xff"
"""Stands for a span whose secrets cannot be found: it will be rejected as undecodable,
as it would have been, and is not passed on."""

_UNFIT: Final = b"\x0a\x00" * (2 * MOST_FIELDS)
"""Stands for what is too large to look through: it will be rejected as such."""


class Masker:
    """Replaces values under the keys that patterns name; one for all requests.

    Args:
        patterns: patterns of keys, as `spanframe._key_patterns` describes them.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._keys = KeyPatterns(patterns)
        self._hides = self._keys.hides

    def request(self, request: bytes) -> bytes:
        """Return an ExportTraceServiceRequest with every value masked that must be.

        Raises:
            EnvelopeError: when the bytes are not such a message.
        """
        return b"".join(self._scope(scope) for scope in walk(request))

    def _scope(self, raw: RawScope) -> bytes:
        """Write one scope with its spans as a request of its own.

        Requests concatenated are one request: a repeated field may come in pieces.
        """
        if is_unfit(raw.resource) or is_unfit(raw.scope):
            return rebuild(raw._replace(resource=_UNFIT, scope=b""))
        try:
            resource = Resource.FromString(raw.resource)
            scope = InstrumentationScope.FromString(raw.scope)
        except DecodeError:
            return rebuild(raw._replace(spans=[_UNDECODABLE] * len(raw.spans)))
        self._pairs(resource.attributes)
        self._pairs(scope.attributes)
        return rebuild(
            raw._replace(
                resource=resource.SerializeToString(),
                scope=scope.SerializeToString(),
                spans=[self._span(body) for body in raw.spans],
            )
        )

    def _span(self, body: bytes) -> bytes:
        if is_unfit(body):
            return _UNFIT
        try:
            span = Span.FromString(body)
        except DecodeError:
            return _UNDECODABLE
        self._pairs(span.attributes)
        for event in span.events:
            self._pairs(event.attributes)
        for link in span.links:
            self._pairs(link.attributes)
        return span.SerializeToString()

    def _pairs(self, pairs: Iterable[KeyValue]) -> None:
        for pair in pairs:
            if self._hides(pair.key):
                pair.value.CopyFrom(AnyValue(string_value=REDACTED))
            else:
                self._value(pair.value)

    def _value(self, value: AnyValue) -> None:
        kind = value.WhichOneof("value")
        if kind == "kvlist_value":
            self._pairs(value.kvlist_value.values)
        elif kind == "array_value":
            for item in value.array_value.values:
                self._value(item)
        elif kind == "string_value" and value.string_value.startswith(("{", "[")):
            masked = self._json(value.string_value)
            if masked is not None:
                value.string_value = masked

    def _json(self, text: str) -> str | None:
        """Return JSON text with its values masked; None: nothing is to be masked."""
        try:
            plain = json.loads(text)
            masked = self._plain(plain)
        except (ValueError, RecursionError):
            # JSON text that was cut cannot be parsed, and may still hold secrets.
            return REDACTED if self._keys.may_be_in(text) else None
        return None if masked == plain else json.dumps(masked, ensure_ascii=False)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: REDACTED if self._hides(key) else self._plain(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        return value
