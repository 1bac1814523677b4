"""Rows that travel as bytes are the same at the other end."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanframe_collector.second_process.packing import PackedRows, pack, unpack
from spanframe_store.contract.spans import (
    Fact,
    Previews,
    Rank,
    Source,
    SpanRow,
)
from spanframe_store.otlp import decode_request
from tests.plugins.hostile import HOSTILE
from tests.plugins.otlp import request, span

FACTS = (Fact("experiment_id", Source.RESOURCE, "7"),)


def types_of(rows: Sequence[SpanRow]) -> list[tuple[type, ...]]:
    return [tuple(map(type, row)) for row in rows]


@given(
    st.lists(
        st.builds(
            span,
            st.sampled_from([1, 2, (1 << 64) - 1]),
            parent=st.sampled_from([None, 1]),
            trace_id=st.sampled_from([b"a" * 16, b"\xff" * 16]),
            name=st.text(),
            attributes=st.dictionaries(
                st.sampled_from(
                    [
                        "mlflow.traceTag.t",
                        "spanframe.metadata.m",
                        "mlflow.spanInputs",
                        "mlflow.spanOutputs",
                        "gen_ai.usage.input_tokens",
                    ]
                ),
                st.text() | st.integers(0, 1 << 62),
            ),
            status=st.just({"code": 2}),
        ),
        max_size=6,
    )
)
def test_what_is_unpacked_is_what_was_packed(messages: list[Any]) -> None:
    body = request(*messages, resource={"a": "\N{SNOWMAN}", "b": [1, {"c": b"\xff"}]})
    rows = decode_request(body.SerializeToString(), FACTS).rows
    again = unpack(pack(rows))
    assert again == rows
    assert types_of(again) == types_of(rows)
    assert all(type(fact) is Fact for row in again for fact in row.facts)
    assert all(type(fact.source) is Source for row in again for fact in row.facts)


def test_previews_survive() -> None:
    inputs = {"mlflow.spanInputs": '{"q": "\\ud83d"}'}
    rows = decode_request(request(span(1, attributes=inputs)).SerializeToString()).rows
    [row] = unpack(pack(rows))
    text = '{"q": "\\ud83d"}'
    assert row.previews == Previews(text, None, text, "")
    assert row.rank is Rank.ROOT


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_survives(text: str) -> None:
    attributes = {f"mlflow.traceTag.{text}": text, "mlflow.spanInputs": text}
    message = request(span(1, name=text, attributes=attributes), resource={text: text})
    rows = decode_request(message.SerializeToString()).rows
    assert unpack(pack(rows)) == rows


def test_scopes_and_resources_are_not_mixed_up() -> None:
    messages = [
        request(span(n), resource={"n": n % 3}, scope=f"scope {n % 2}")
        for n in range(1, 13)
    ]
    rows = decode_request(b"".join(m.SerializeToString() for m in messages)).rows
    assert unpack(pack(rows)) == rows
    assert len({row.resource for row in rows}) == 3


def test_objects_that_rows_share_are_shared_again() -> None:
    facts = {"spanframe.metadata.m": "1"}
    messages = [
        request(span(n), span(n + 10), resource={"n": n, **facts}) for n in (1, 2)
    ]
    rows = decode_request(b"".join(m.SerializeToString() for m in messages)).rows
    again = unpack(pack(rows))
    assert all(row.shared_facts for row in again)
    for name in ("signature", "resource", "scope", "shared_facts"):
        before = [getattr(row, name) for row in rows]
        after = [getattr(row, name) for row in again]
        for left in range(len(rows)):
            for right in range(len(rows)):
                shared = before[left] is before[right]
                assert (after[left] is after[right]) == shared, name


def test_packed_rows_are_rows_for_who_asks() -> None:
    messages = [span(n) for n in range(1, 6)]
    rows = decode_request(request(*messages).SerializeToString()).rows
    packed = PackedRows(rows)
    assert len(packed) == 5
    assert list(packed) == rows
    assert packed[2] == rows[2]
    assert packed[1:3] == rows[1:3]
    assert not PackedRows([])
