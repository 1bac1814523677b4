"""A trace keeps its strongest tags and metadata, whatever the order, and says so."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp import decode_request
from spanframe_store.otlp.entry_limits import MARK, limited
from spanframe_store.otlp.trace_state import COLUMNS, EMPTY, edit, fold, merge
from spanframe_store.sql.mutations import delete_trace_tag, set_trace_tag
from spanframe_store.sql.rederivation import rederive_portion
from spanframe_store.sql.schema import attribute_index, traces
from spanframe_store.sql.writer import SpanWriter
from tests.plugins.contents import all_rows
from tests.plugins.otlp import TRACE, request, span
from tests.plugins.store import Store


def tagged(number: int, tags: dict[str, str], **fields: Any) -> Any:
    attributes = {f"mlflow.traceTag.{key}": value for key, value in tags.items()}
    return span(number, attributes=attributes, **fields)


def tags_of(store: Store) -> dict[str, str]:
    [row] = all_rows(store, traces)
    return dict(json.loads(row["tags"]))


def metadata_of(store: Store) -> dict[str, str]:
    [row] = all_rows(store, traces)
    return dict(json.loads(row["metadata"]))


def test_what_is_beyond_is_dropped_counted_and_marked(store: Store) -> None:
    store.writer = SpanWriter(store.engine, 10)
    store.write(
        tagged(2, {f"inner{n}": "x" for n in range(20)}, parent=1),
        tagged(1, {f"root{n}": "y" for n in range(4)}),
        resource={f"of.resource{n}": "z" for n in range(9)},
    )
    found = tags_of(store)
    assert len(found) == 10
    assert {f"root{n}" for n in range(4)} <= found.keys()
    assert not any(key.startswith("of.resource") for key in found)
    assert metadata_of(store) == {"spanframe.entriesDropped": "true"}
    assert store.writer.dropped_entries == 20 + 4 + 9 - 10
    with store.engine.connect() as connection:
        count = select(func.count()).select_from(attribute_index)
        assert connection.execute(count).scalar() == 11


def test_a_trace_within_the_limit_has_no_mark(store: Store) -> None:
    store.writer = SpanWriter(store.engine, 10)
    store.write(tagged(1, {f"t{n}": "x" for n in range(10)}))
    assert len(tags_of(store)) == 10
    assert metadata_of(store) == {}
    store.write(tagged(2, {"t0": "other"}, parent=1))
    assert store.writer.dropped_entries == 0


def test_an_edit_is_kept_and_a_deleted_tag_stays_away(store: Store) -> None:
    store.writer = SpanWriter(store.engine, 10)
    tags = {f"t{n}": "x" for n in range(10)}
    store.write(tagged(1, tags))
    set_trace_tag(store.engine, TRACE, "mine", "yes")
    delete_trace_tag(store.engine, TRACE, "t0")
    store.write(tagged(2, {"late": "x"}, parent=1))
    found = tags_of(store)
    assert found["mine"] == "yes"
    assert not {"t0", "late"} & found.keys()
    assert metadata_of(store) == {"spanframe.entriesDropped": "true"}


def test_no_sender_sets_the_mark(store: Store) -> None:
    name = "spanframe.entriesDropped"
    store.write(
        span(
            1,
            attributes={
                f"spanframe.metadata.{name}": "no",
                "metadata": json.dumps({name: "no"}),
                f"langfuse.trace.metadata.{name}": "no",
            },
        ),
        resource={f"spanframe.metadata.{name}": "no"},
    )
    assert metadata_of(store) == {}


def test_deriving_again_keeps_the_limit(store: Store) -> None:
    store.writer = SpanWriter(store.engine, 10)
    store.write(tagged(1, {f"t{n:02}": "x" for n in range(30)}))
    before = all_rows(store, traces)
    assert rederive_portion(store.engine, 0, 10).traces == 1
    assert all_rows(store, traces) == before
    rederive_portion(store.engine, 0)
    assert (len(tags_of(store)), metadata_of(store)) == (30, {})


def test_few_large_tags_are_limited_by_their_characters(store: Store) -> None:
    large = "x" * (3 << 20)
    for number in range(1, 6):
        store.write(tagged(number, {f"t{number}": large}, parent=9))
    found = tags_of(store)
    assert len(found) == 3
    assert {(len(text), text[-4:]) for text in found.values()} == {(2 << 20, "x...")}
    assert metadata_of(store) == {"spanframe.entriesDropped": "true"}
    assert store.writer.dropped_entries == 2


_TAGS = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("xy"), max_size=6)


@given(
    st.lists(
        st.builds(
            tagged,
            st.integers(1, 3),
            _TAGS,
            parent=st.sampled_from([None, 1]),
            ms=st.sampled_from([1, 2]),
        ),
        min_size=1,
        max_size=7,
    ),
    st.booleans(),
    st.data(),
)
def test_order_and_batching_do_not_decide_what_is_kept(
    sent: list[Any], edited: bool, data: Any
) -> None:
    distinct = _distinct(sent)
    changes = [fold([row]) for row in distinct]
    if edited:
        changes.append(edit("tags.e", "edited", 1))
    whole = EMPTY
    for change in changes:
        whole = merge(whole, change)
    expected, _ = limited(whole, 3)
    state = EMPTY
    for change in data.draw(st.permutations(changes)):
        state, _ = limited(merge(state, change), 3)
    assert dict(state.values) == dict(expected.values)
    assert dict(state.stamps) == dict(expected.stamps)
    entries = state.stamps.keys() - {*COLUMNS, MARK}
    assert len(entries) <= 3
    stated = whole.stamps.keys() - {*COLUMNS}
    assert (MARK in state.stamps) == (len(stated) > 3)


def _distinct(sent: list[Any]) -> list[SpanRow]:
    rows = decode_request(request(*sent).SerializeToString()).rows
    return list({(row.span_id, row.digest): row for row in rows}.values())


@pytest.mark.parametrize("spans", [1, 3])
def test_a_trace_of_many_tags_does_not_stay_in_memory(
    new_sqlite_store: Any, spans: int
) -> None:
    store = new_sqlite_store()
    for number in range(spans):
        store.write(tagged(number + 1, {f"t{n}": "x" for n in range(300)}))
    assert TRACE not in store.writer._recent._newer
