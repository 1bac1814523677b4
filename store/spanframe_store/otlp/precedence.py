"""Which span speaks for its trace, and which of several statements of a trace counts.

A span without a parent speaks for its trace before a span whose parent is in another
process, and that one before any other. Among spans of one rank the one that starts
first speaks, then the one that ends last; a start that is not set comes last.

What spans state of their trace (tags, metadata) is taken from the greatest rank, too,
then from the span that ends last, then from the one that starts last.

Ties go to the greater span id, then to the greater digest (another body under the same
id). Both orders are total: whoever asks, in whatever order spans came, gets one answer.
"""

from typing import Final

from spanframe_store.contract.spans import Rank

__all__ = [
    "UNSET_START",
    "Order",
    "parent_id",
    "precedence",
    "rank_of",
    "signed_id",
    "strength",
]

Order = tuple[int, int, int, int, int]
"""The place of a span in an order; the greatest one counts."""

UNSET_START: Final = -(1 << 63)
"""The place of a start that is not set, below that of every start."""

_PARENT_IS_REMOTE: Final = 0x100 | 0x200
"""Span.flags of OTLP: bit 8, it is known whether the parent is remote; bit 9, it is."""


def signed_id(identifier: bytes) -> int:
    """Return eight bytes as the signed 64-bit integer that the stores keep."""
    return int.from_bytes(identifier, "big", signed=True)


def parent_id(identifier: bytes) -> int | None:
    """Return the id of a parent; None where there is none: no bytes, or all zero."""
    return signed_id(identifier) or None


def rank_of(parent: int | None, flags: int) -> Rank:
    """Return the rank of a span by its parent's id and its flags (OTLP, 32 bits)."""
    if parent is None:
        return Rank.ROOT
    if flags & _PARENT_IS_REMOTE == _PARENT_IS_REMOTE:
        return Rank.ENTRY
    return Rank.INNER


def precedence(
    rank: int, start_ns: int, end_ns: int, span_id: int, digest: int
) -> Order:
    """Return how much a span speaks for its trace by being what it is."""
    return rank, -start_ns if start_ns else UNSET_START, end_ns, span_id, digest


def strength(rank: int, start_ns: int, end_ns: int, span_id: int, digest: int) -> Order:
    """Return how much what a span states of its trace counts."""
    return rank, end_ns, start_ns, span_id, digest
