"""Masks values under keys that an operator names, before they are stored or forwarded.

Keys are those of attributes of spans, events, links, scopes and resources, of maps
nested in them, and of objects in JSON text, which is how inputs and outputs are sent.
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
from spanframe_store.otlp.envelope import RawScope, rebuild, walk
from spanframe_store.otlp.sizes import MAX_FIELDS, RESOURCE, SCOPE, SPAN, is_unfit

__all__ = ["Masker"]

_UNDECODABLE: Final = b"\xff"
"""Body in place of a span that cannot be parsed, and so not be masked: the decoder
rejects it as undecodable, as it would have rejected the span."""

_UNFIT: Final = b"\x0a\x00" * (2 * MAX_FIELDS)
"""Body in place of a span that is too large to be masked: the decoder rejects it as one
of too many parts."""


class _UnmaskedError(Exception):
    """A JSON text has a value that must be masked."""


class Masker:
    """Replaces values under the keys that patterns name; one for all requests.

    Args:
        patterns: patterns of keys, as `spanframe._key_patterns` describes them.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._keys = KeyPatterns(patterns)
        self._hides = self._keys.hides
        check, mask = self._check_object, self._mask_object
        self._look_through = json.JSONDecoder(object_pairs_hook=check).decode
        self._load_masked = json.JSONDecoder(object_pairs_hook=mask).decode

    def request(self, request: bytes) -> bytes:
        """Return an ExportTraceServiceRequest with the values of such keys masked.

        Raises:
            EnvelopeError: when the bytes are not such a message.
        """
        return b"".join(self._scope(scope) for scope in walk(request))

    def _scope(self, raw: RawScope) -> bytes:
        """Write one scope with its spans as a request of its own.

        Requests that are concatenated are one request: protobuf joins repeated fields.
        """
        if is_unfit(raw.resource, RESOURCE) or is_unfit(raw.scope, SCOPE):
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
        if is_unfit(body, SPAN):
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
        """Return JSON text with values masked; None: no value has to be masked."""
        try:
            self._look_through(text)
        except _UnmaskedError:
            return self._masked(text)
        except (ValueError, RecursionError):
            # Text that was cut is not JSON any more, and may still have a secret.
            return REDACTED if self._keys.may_be_in(text) else None
        return None

    def _masked(self, text: str) -> str:
        try:
            return json.dumps(self._load_masked(text), ensure_ascii=False)
        except (ValueError, RecursionError):
            # It is not JSON after all, or deeper than can be written.
            return REDACTED

    def _check_object(self, pairs: list[tuple[str, Any]]) -> None:
        """Raise for an object that has a value that must be masked.

        All pairs of the text are checked, also those whose key comes again later.
        """
        for key, value in pairs:
            if self._hides(key) and value != REDACTED:
                raise _UnmaskedError

    def _mask_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: REDACTED if self._hides(key) else value for key, value in pairs}
