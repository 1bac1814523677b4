"""Writes spans: one row per span, and one per block that spans of a trace share."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from spanframe_store.contract.spans import SpanRow
from spanframe_store.sql.blocks import portions
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.interning import next_key
from spanframe_store.sql.schema import span_blocks, spans

__all__ = ["Keys", "groups_of", "write_spans"]


class Keys(NamedTuple):
    """Keys of the rows that the spans of a batch refer to, by digest or trace id."""

    traces: Mapping[bytes, int]
    resources: Mapping[bytes, int]
    scopes: Mapping[bytes, int]
    signatures: Mapping[bytes, int]


def write_spans(
    connection: Connection,
    groups: Sequence[Sequence[SpanRow]],
    packed: Sequence[bytes],
    keys: Keys,
    dictionary_key: int | None,
) -> None:
    """Insert spans and their blocks.

    Args:
        connection: a connection in a writing transaction.
        groups: spans that the store does not hold, one group per block.
        packed: the compressed block of each group.
        keys: the keys of the rows that the spans refer to.
        dictionary_key: the dictionary that compressed the blocks; None: none did.
    """
    following = next_key(connection, span_blocks)
    blocks: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    for block_key, (group, body) in enumerate(
        zip(groups, packed, strict=True), following
    ):
        first = group[0]
        trace_key = keys.traces[first.trace_id]
        blocks.append(
            (
                block_key,
                keys.resources[first.resource.digest],
                keys.scopes[first.scope.digest],
                dictionary_key,
                body,
            )
        )
        rows += [
            (
                trace_key,
                span.span_id,
                span.digest,
                span.parent_span_id,
                keys.signatures[span.signature.digest],
                span.end_ns,
                span.usage,
                block_key,
                position,
            )
            for position, span in enumerate(group)
        ]
    database_of(connection).insert_rows(connection, span_blocks, blocks)
    database_of(connection).insert_rows(connection, spans, rows)


def groups_of(
    fresh: Mapping[bytes, Sequence[SpanRow]], trace_keys: Mapping[bytes, int]
) -> Iterator[Sequence[SpanRow]]:
    """Yield the spans of each block, in the order of the keys of their traces.

    The tree of spans then grows at its end, and a trace is read from one place.
    """
    for trace_id in sorted(fresh, key=trace_keys.__getitem__):
        for members in _by_origin(fresh[trace_id]):
            yield from portions(members, [len(span.body) for span in members])


def _by_origin(group: Sequence[SpanRow]) -> Iterable[Sequence[SpanRow]]:
    """Return the spans grouped by resource and scope; most traces have one group."""
    scope, resource = group[0].scope, group[0].resource
    if all(s.scope is scope and s.resource is resource for s in group):
        return (group,)
    origins: dict[tuple[bytes, bytes], list[SpanRow]] = {}
    for span in group:
        origin = (span.resource.digest, span.scope.digest)
        origins.setdefault(origin, []).append(span)
    return origins.values()
