"""The functions that a filter calls on spans in their blocks.

A store that can call back into Python asks one of them about one span of a block at a
time, so the last blocks are kept open.
"""

from functools import cached_property, lru_cache
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from spanframe.errors import StoreError
from spanframe_store.contract.texts import REPLACEMENT
from spanframe_store.residual import span_body
from spanframe_store.sql.codecs import Codecs

__all__ = ["BlockFunctions"]

_MAX_OPEN_BLOCKS: Final = 8


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
        # One damaged block must not end the search of all others.
        return self._spans[position] if position < len(self._spans) else Span()


class BlockFunctions:
    """The functions of one connection.

    Args:
        codecs: those of the store; they must hold the dictionaries of every block.
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
        """Return the text of an attribute of a span; None when it has none."""
        span = self._span_with(body, dictionary_key, position, key)
        return None if span is None else span_body.attribute_text(span, key)

    def attribute_number(
        self, body: bytes, dictionary_key: int | None, position: int, key: str
    ) -> float | None:
        """Return the number an attribute of a span holds, if it holds one."""
        span = self._span_with(body, dictionary_key, position, key)
        return None if span is None else span_body.attribute_number(span, key)

    def _span_with(
        self, body: bytes, dictionary_key: int | None, position: int, key: str
    ) -> Span | None:
        block = self._open(body, dictionary_key)
        # Parsing costs microseconds, finding that no span has the key does not.
        if REPLACEMENT not in key and key.encode() not in block.message:
            return None
        return block.span(position)

    def _opened(self, body: bytes, dictionary_key: int | None) -> _OpenBlock:
        try:
            return _OpenBlock(self._codecs[dictionary_key].unpack(body))
        except StoreError:
            return _OpenBlock(b"")
