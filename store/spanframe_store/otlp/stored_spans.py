"""The spans in the blocks of a store, before their attributes are decoded."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from spanframe import keys
from spanframe.errors import StoreError
from spanframe_store.contract.results import SpanBlock
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp import span_digest
from spanframe_store.otlp.envelope import join_spans, split_spans
from spanframe_store.otlp.names import name_of
from spanframe_store.otlp.precedence import (
    Order,
    parent_id,
    precedence,
    rank_of,
    signed_id,
)

__all__ = [
    "PlainCodec",
    "StoredSpan",
    "in_order",
    "newest_versions",
    "open_block",
    "plain_blocks",
    "spans_of",
    "undecodable",
]

_NO_SPAN: Final = bytes(8)


def open_block(block: SpanBlock) -> tuple[bytes, Sequence[OtlpSpan]]:
    """Return the decompressed message of a block, and the spans in it.

    Raises:
        StoreError: when the stored bytes are not spans; it names the trace.
    """
    try:
        message = block.codec.unpack(block.body)
        return message, ScopeSpans.FromString(message).spans
    except StoreError as error:
        raise StoreError(f"Trace {keys.request_id(block.trace_id)}: {error}") from error
    except DecodeError as error:
        raise undecodable(block.trace_id) from error


class PlainCodec:
    """The codec of blocks that are not compressed."""

    def unpack(self, block: bytes) -> bytes:
        """Return the block as it is."""
        return block


def plain_blocks(rows: Iterable[SpanRow]) -> list[SpanBlock]:
    """Return the spans of a trace in blocks, one for each scope of each resource."""
    origins: dict[bytes, list[SpanRow]] = {}
    for row in rows:
        origin = row.resource.digest + row.scope.digest
        origins.setdefault(origin, []).append(row)
    return [
        SpanBlock(
            origin,
            group[0].scope.body,
            PlainCodec(),
            join_spans([row.body for row in group]),
            group[0].trace_id,
            group[0].resource.body,
        )
        for origin, group in origins.items()
    ]


def spans_of(block: SpanBlock) -> Iterator["StoredSpan"]:
    """Yield the spans of a block.

    Raises:
        StoreError: when the stored bytes are not spans.
    """
    message, spans = open_block(block)
    for position, span in enumerate(spans):
        yield StoredSpan(span, block.scope, block.origin, message, position)


class StoredSpan(NamedTuple):
    """A span in a block.

    Attributes:
        message: the OTLP Span.
        scope: its OTLP InstrumentationScope.
        origin: the digests of its resource and of its scope, joined.
        block: the OTLP ScopeSpans message of the block.
        position: the place of the span in the block, from 0.
    """

    message: OtlpSpan
    scope: bytes
    origin: bytes
    block: bytes
    position: int

    @property
    def name(self) -> str:
        """The name, with replacements for characters that a store cannot hold."""
        return stored_text(name_of(self.message))

    @property
    def start_ns(self) -> int:
        """The start, in nanoseconds since the epoch; 0: not set."""
        return self.message.start_time_unix_nano

    @property
    def end_ns(self) -> int:
        """The end, in nanoseconds since the epoch; 0: not ended."""
        return self.message.end_time_unix_nano

    @property
    def span_id(self) -> bytes:
        """The id of the span, 8 bytes."""
        return self.message.span_id

    @property
    def parent_span_id(self) -> bytes | None:
        """The id of the parent; None for a span without a parent."""
        parent = self.message.parent_span_id
        return parent if parent and parent != _NO_SPAN else None

    @property
    def digest(self) -> int:
        """The digest that tells the span from another body under the same id."""
        return span_digest(_split(self.block)[self.position], self.origin)


def newest_versions(spans: Iterable[StoredSpan]) -> list[StoredSpan]:
    """Return one span per span id: the one that ended last, then by digest."""
    newest: dict[bytes, StoredSpan] = {}
    for span in spans:
        known = newest.setdefault(span.message.span_id, span)
        if known is not span and _is_newer(span, known):
            newest[span.message.span_id] = span
    return list(newest.values())


def _is_newer(span: StoredSpan, known: StoredSpan) -> bool:
    if span.end_ns != known.end_ns:
        return span.end_ns > known.end_ns
    return span.digest > known.digest


# Where many spans have two bodies, digest after digest is that of the same blocks.
@lru_cache(maxsize=4)
def _split(block: bytes) -> list[bytes]:
    return split_spans(block)


def in_order(spans: Sequence[StoredSpan]) -> list[StoredSpan]:
    """Sort spans: first the one that speaks for the trace, then by start, ties by id.

    The first span is the one that the trace row is made from
    (`spanframe_store.otlp.precedence`).
    """
    if not spans:
        return []
    orders = [_precedence(span) for span in spans]
    top = max(orders)
    candidates = [s for s, order in zip(spans, orders, strict=True) if order == top]
    # A digest costs a hash, and only two spans under one id need it.
    first = (
        candidates[0]
        if len(candidates) == 1
        else max(candidates, key=lambda span: span.digest)
    )
    others = sorted(
        (span for span in spans if span is not first),
        key=lambda span: (span.start_ns, signed_id(span.message.span_id)),
    )
    return [first, *others]


def undecodable(trace_id: bytes) -> StoreError:
    """Return the error for stored bytes that are not what they should be."""
    return StoreError(
        f"A span of trace {keys.request_id(trace_id)} cannot be decoded: the store is "
        "damaged. Run `spanframe db check` to see what else is damaged."
    )


def _precedence(span: StoredSpan) -> Order:
    message = span.message
    rank = rank_of(parent_id(message.parent_span_id), message.flags)
    span_id = signed_id(message.span_id)
    return precedence(rank, span.start_ns, span.end_ns, span_id, digest=0)
