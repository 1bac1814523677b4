"""The span that speaks for a trace is the same one in the store and for the reader."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe_store.contract.results import SpanBlock
from spanframe_store.contract.spans import Rank, SpanRow
from spanframe_store.otlp import decode_request
from spanframe_store.otlp.precedence import (
    UNSET_START,
    parent_id,
    precedence,
    rank_of,
    signed_id,
    strength,
)
from spanframe_store.otlp.stored_spans import in_order, spans_of
from spanframe_store.otlp.trace_state import fold
from spanframe_store.sql.blocks import Codec
from tests.plugins.otlp import REMOTE_PARENT, TRACE, request

MIDDLE = (1 << 63).to_bytes(8, "big")
"""The first span id that is negative as a signed number."""

SPANS: dict[str, dict[str, Any]] = {
    "root": {},
    "root of eight zero bytes": {"parent_span_id": bytes(8)},
    "flags of a root": {"flags": REMOTE_PARENT},
    "inside": {"parent_span_id": b"p" * 8},
    "inside, known": {"parent_span_id": b"p" * 8, "flags": 0x100},
    "inside, half of the flags": {"parent_span_id": b"p" * 8, "flags": 0x200},
    "entry": {"parent_span_id": b"p" * 8, "flags": REMOTE_PARENT},
    "entry, sampled": {"parent_span_id": b"p" * 8, "flags": REMOTE_PARENT | 1},
    "start unset": {"start_time_unix_nano": 0},
    "end unset": {"end_time_unix_nano": 0},
    "neither set": {"start_time_unix_nano": 0, "end_time_unix_nano": 0},
    "later": {"start_time_unix_nano": 6},
    "longer": {"end_time_unix_nano": 10},
    "another id": {"span_id": b"b" * 8},
    "a negative id": {"span_id": MIDDLE},
}


def message(name: str, **fields: Any) -> Span:
    whole: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": b"a" * 8,
        "start_time_unix_nano": 5,
        "end_time_unix_nano": 9,
    }
    return Span(name=name, **(whole | fields))


def of_store(rows: list[SpanRow]) -> Any:
    return fold(rows).values["name"]


def of_reader(rows: list[SpanRow]) -> str:
    codec, first = Codec(), rows[0]
    [body] = codec.pack([[row.body for row in rows]])
    origin = first.resource.digest + first.scope.digest
    block = SpanBlock(origin, first.scope.body, codec, body)
    return in_order(list(spans_of(block)))[0].name


def rows_of(*messages: Span) -> list[SpanRow]:
    decoded = decode_request(request(*messages).SerializeToString())
    assert decoded.rejected == []
    return decoded.rows


@pytest.mark.parametrize("one", SPANS)
@pytest.mark.parametrize("other", SPANS)
def test_of_two_spans_store_and_reader_choose_one(one: str, other: str) -> None:
    """Two that are equal but for their name, and so for their digest, included."""
    rows = rows_of(message("one", **SPANS[one]), message("two", **SPANS[other]))
    chosen = {
        choice
        for order in permutations(rows)
        for choice in (of_store(list(order)), of_reader(list(order)))
    }
    assert len(chosen) == 1


MESSAGES = st.lists(
    st.builds(
        message,
        st.text("abc", max_size=3),
        span_id=st.sampled_from([b"a" * 8, b"b" * 8, MIDDLE]),
        parent_span_id=st.sampled_from([b"", bytes(8), b"p" * 8]),
        flags=st.sampled_from([0, 0x100, 0x200, REMOTE_PARENT]),
        start_time_unix_nano=st.integers(0, 2),
        end_time_unix_nano=st.integers(0, 2),
    ),
    min_size=1,
    max_size=6,
)


@given(MESSAGES)
def test_of_any_spans_store_and_reader_choose_one(messages: list[Span]) -> None:
    rows = rows_of(*messages)
    assert of_store(rows) == of_reader(rows)


# --- the rule -------------------------------------------------------------------------


def test_the_rank_comes_first_then_the_start_then_the_end_then_the_id() -> None:
    worst_to_best = [
        precedence(Rank.INNER, 1, 9, 9, 9),
        precedence(Rank.ENTRY, 1, 9, 9, 9),
        precedence(Rank.ROOT, 0, 9, 9, 9),
        precedence(Rank.ROOT, (1 << 63) - 1, 9, 9, 9),
        precedence(Rank.ROOT, 2, 9, 9, 9),
        precedence(Rank.ROOT, 1, 0, 9, 9),
        precedence(Rank.ROOT, 1, 3, -9, 9),
        precedence(Rank.ROOT, 1, 3, 9, -9),
        precedence(Rank.ROOT, 1, 3, 9, 9),
    ]
    assert sorted(worst_to_best) == worst_to_best
    assert precedence(Rank.ROOT, 0, 9, 9, 9)[1] == UNSET_START


def test_of_statements_the_latest_counts() -> None:
    worst_to_best = [
        strength(Rank.INNER, 9, 9, 9, 9),
        strength(Rank.ROOT, 9, 1, 9, 9),
        strength(Rank.ROOT, 0, 2, 9, 9),
        strength(Rank.ROOT, 1, 2, 1, 9),
        strength(Rank.ROOT, 1, 2, 2, 1),
        strength(Rank.ROOT, 1, 2, 2, 2),
    ]
    assert sorted(worst_to_best) == worst_to_best


@pytest.mark.parametrize(
    ("parent", "flags", "rank"),
    [
        (b"", 0, Rank.ROOT),
        (bytes(8), REMOTE_PARENT, Rank.ROOT),
        (b"\xff" * 8, 0, Rank.INNER),
        (b"\xff" * 8, 0x100, Rank.INNER),
        (b"\xff" * 8, 0x200, Rank.INNER),
        (b"\xff" * 8, 0xFFFF_FFFF, Rank.ENTRY),
    ],
)
def test_parent_and_flags_make_the_rank(parent: bytes, flags: int, rank: Rank) -> None:
    assert rank_of(parent_id(parent), flags) is rank


def test_ids_are_signed() -> None:
    assert signed_id(MIDDLE) == -(1 << 63)
    assert parent_id(b"\xff" * 8) == -1
    assert parent_id(bytes(8)) is None
