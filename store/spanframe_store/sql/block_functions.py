"""SQL functions that read a span from its block.

A database that can call Python calls them once per span, so the blocks that were read
last stay decompressed.
"""

from functools import cached_property, lru_cache
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from spanframe.errors import StoreError
from spanframe_store.contract.texts import REPLACEMENT
from spanframe_store.otlp.content import DERIVED_KEYS
from spanframe_store.residual import span_body
from spanframe_store.sql.codecs import Codecs

__all__ = ["BlockFunctions"]

_MAX_OPEN_BLOCKS: Final = 8
"""Maximum blocks per connection that stay decompressed."""


class _OpenBlock:
    def __init__(self, message: bytes) -> None:
        self.message = message

    @cached_property
    def _spans(self) -> tuple[Span, ...]:
        try:
            return tuple(ScopeSpans.FromString(self.message).spans)
        except DecodeError:
            return ()

    def span(self, position: int) -> Span:
        # A damaged block must not end the search of all other blocks.
        return self._spans[position] if position < len(self._spans) else Span()


class BlockFunctions:
    """The functions of one connection.

    Args:
        codecs: the codecs of the store; they must know the dictionary of every block.
    """

    def __init__(self, codecs: Codecs) -> None:
        self._codecs = codecs
        self._open = lru_cache(maxsize=_MAX_OPEN_BLOCKS)(self._opened)

    def content(self, body: bytes, dictionary_key: int | None, position: int) -> str:
        """Return a span as JSON text, its attributes decoded."""
        return span_body.content(self._open(body, dictionary_key).span(position))

    def attribute_text(
        self, body: bytes, dictionary_key: int | None, position: int, key: str
    ) -> str | None:
        """Return the text of an attribute of a span; None when the span lacks it."""
        span = self._span_with(body, dictionary_key, position, key)
        return None if span is None else span_body.attribute_text(span, key)

    def attribute_number(
        self, body: bytes, dictionary_key: int | None, position: int, key: str
    ) -> float | None:
        """Return the number in an attribute of a span; None when it is not a number."""
        span = self._span_with(body, dictionary_key, position, key)
        return None if span is None else span_body.attribute_number(span, key)

    def _span_with(
        self, body: bytes, dictionary_key: int | None, position: int, key: str
    ) -> Span | None:
        block = self._open(body, dictionary_key)
        # Parsing a block costs microseconds; searching its bytes for the key does not.
        # A key of MLflow's may follow from those of another convention.
        literal = REPLACEMENT not in key and key not in DERIVED_KEYS
        if literal and key.encode() not in block.message:
            return None
        return block.span(position)

    def _opened(self, body: bytes, dictionary_key: int | None) -> _OpenBlock:
        try:
            return _OpenBlock(self._codecs[dictionary_key].unpack(body))
        except StoreError:
            return _OpenBlock(b"")
