"""Blocks of spans: lossless with and without a dictionary, whoever trained it."""

import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span
from sqlalchemy import func, select

from spanframe.errors import StoreError
from spanframe_store.otlp.envelope import join_spans, split_spans
from spanframe_store.sql import blocks
from spanframe_store.sql.blocks import Codec, portions
from spanframe_store.sql.mutations import delete_traces
from spanframe_store.sql.schema import dictionaries, span_blocks
from spanframe_store.sql.writer import SpanWriter
from tests.plugins.otlp import span
from tests.plugins.store import Store, stored_spans

WORDS = [f"word{n}" for n in range(500)]


def filling(number: int) -> Span:
    """A span of a trace of its own, with some words of a language."""
    chance = random.Random(number)  # noqa: S311 - filling
    return span(
        1,
        trace_id=number.to_bytes(16, "big"),
        attributes={"mlflow.spanInputs": " ".join(chance.choices(WORDS, k=30))},
    )


def write(store: Store, first: int, count: int) -> list[bytes]:
    sent = [filling(number) for number in range(first, first + count)]
    store.write(*sent)
    return [each.SerializeToString() for each in sent]


def used(store: Store) -> list[int | None]:
    """The dictionary of each block, in the order in which they were written."""
    query = select(span_blocks.c.dictionary_key).order_by(span_blocks.c.block_key)
    with store.engine.connect() as connection:
        return list(connection.execute(query).scalars())


def kept(store: Store) -> list[int]:
    query = select(dictionaries.c.dictionary_key).order_by("dictionary_key")
    with store.engine.connect() as connection:
        return list(connection.execute(query).scalars())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train on few spans, and soon again."""
    monkeypatch.setattr(blocks, "_MAX_DICTIONARY_BYTES", 2000)
    monkeypatch.setattr(blocks, "_TRAINING_SPANS", 50)
    monkeypatch.setattr(blocks, "_TRAINING_INTERVAL_SPANS", 100)


@given(st.lists(st.binary(max_size=300)))
def test_spans_come_out_of_a_block_as_they_went_in(bodies: list[bytes]) -> None:
    assert split_spans(join_spans(bodies)) == bodies
    codec = Codec()
    [block] = codec.pack([bodies])
    assert split_spans(codec.unpack(block)) == bodies


def test_a_block_is_otlp() -> None:
    sent = [filling(1), filling(2)]
    message = join_spans(each.SerializeToString() for each in sent)
    assert list(ScopeSpans.FromString(message).spans) == sent


@given(st.lists(st.sampled_from([0, 1, 1000, 100_000, 200_000, 262_144, 300_000])))
def test_a_block_stays_small_unless_one_span_is_large(sizes: list[int]) -> None:
    found = list(portions(list(enumerate(sizes)), sizes))
    assert [each for portion in found for each in portion] == list(enumerate(sizes))
    for portion in found:
        assert len(portion) <= 1 or sum(size for _, size in portion) <= 262_144


def test_a_damaged_block_says_so() -> None:
    with pytest.raises(StoreError, match="spanframe db check"):
        Codec().unpack(b"damaged")


def test_a_codec_can_be_sent_to_another_process(store: Store, quick: None) -> None:
    write(store, 1, 60)
    with store.engine.connect() as connection:
        [(_, codec)] = blocks.load_codecs(connection)
    again = pickle.loads(pickle.dumps(codec))  # noqa: S301 - our own
    [block] = codec.pack([[b"span"]])
    assert again.unpack(block) == codec.unpack(block)


def test_a_dictionary_is_trained_and_then_used(store: Store, quick: None) -> None:
    sent = write(store, 1, 60)
    assert set(used(store)) == {None}
    sent += write(store, 61, 60)
    assert used(store) == [None] * 60 + [1] * 60
    assert [each.body for each in stored_spans(store.engine)] == sent
    lengths = select(func.sum(func.length(span_blocks.c.body)))
    with store.engine.connect() as connection:
        without, with_it = (
            connection.execute(lengths.where(which)).scalar_one()
            for which in (
                span_blocks.c.dictionary_key.is_(None),
                span_blocks.c.dictionary_key == 1,
            )
        )
    assert with_it < without


def test_after_many_spans_a_new_one_is_trained(store: Store, quick: None) -> None:
    sent: list[bytes] = []
    for first in range(1, 400, 60):
        sent += write(store, first, 60)
    assert kept(store)[0] == 1
    assert len(kept(store)) > 1
    newest = kept(store)[-1]
    sent += write(store, 421, 1)
    assert used(store)[-1] == newest
    assert [each.body for each in stored_spans(store.engine)] == sent


def test_a_writer_uses_what_another_one_trained(store: Store, quick: None) -> None:
    other = SpanWriter(store.engine)
    sent = write(store, 1, 60)
    store.writer, trainer = other, store.writer
    sent += write(store, 61, 10)
    store.writer = trainer
    sent += write(store, 71, 10)
    assert used(store) == [None] * 60 + [1] * 20
    assert [each.body for each in stored_spans(store.engine)] == sent


def test_spans_with_nothing_in_common_are_stored_all_the_same(
    store: Store, quick: None
) -> None:
    message = span(1, trace_id=bytes(15) + b"\1")
    message.Clear()
    message.trace_id, message.span_id = b"t" * 16, b"s" * 8
    several = []
    for number in range(1, 121):
        message.trace_id = number.to_bytes(16, "big")
        several.append(Span.FromString(message.SerializeToString()))
    store.write(*several[:60])
    store.write(*several[60:])
    assert len(stored_spans(store.engine)) == 120


def test_a_dictionary_goes_with_the_last_span_that_needs_it(
    store: Store, quick: None
) -> None:
    for first in range(1, 400, 60):
        write(store, first, 60)
    first, *_, newest = kept(store)
    needing = [
        number.to_bytes(16, "big")
        for number, key in enumerate(used(store), 1)
        if key == first
    ]
    delete_traces(store.engine, needing[:-1])
    assert first in kept(store)
    delete_traces(store.engine, needing[-1:])
    assert first not in kept(store)
    delete_traces(store.engine, (n.to_bytes(16, "big") for n in range(1, 421)))
    assert kept(store) == [newest]
    sent = write(store, 1, 5)
    assert [each.body for each in stored_spans(store.engine)] == sent
