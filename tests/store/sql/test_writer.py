"""One batch, one transaction: idempotent, lossless, the same in any order."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe.errors import NotFoundError
from spanframe_store.contract.errors import StoreUnavailableError
from spanframe_store.otlp import decode_request
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.index_entries import Searchable, entries
from spanframe_store.sql.mutations import (
    delete_traces,
    delete_traces_before,
    set_trace_tag,
)
from spanframe_store.sql.schema import (
    attribute_index,
    experiments,
    resources,
    scopes,
    span_blocks,
    span_signatures,
    spans,
    traces,
)
from spanframe_store.sql.writer import SpanWriter
from tests.plugins.contents import all_rows, contents
from tests.plugins.examples import COSTLY
from tests.plugins.otlp import MS, START, any_value, request, span
from tests.plugins.store import Store, stored_spans


def assert_index_follows_from_the_traces(store: Store) -> None:
    expected = set()
    for row in all_rows(store, traces):
        found_by = Searchable.of_row(row)
        expected |= {tuple(entry) for entry in entries(row["trace_key"], found_by)}
    assert {tuple(r.values()) for r in all_rows(store, attribute_index)} == expected


def test_a_span_comes_back_to_the_byte(store: Store) -> None:
    message = span(
        (1 << 64) - 1,
        parent=1 << 63,
        attributes={"all": [None, "", 0, False, [], {}, 1, 1.0, True, "1", b"\xff"]},
        trace_state="a=b",
        flags=(1 << 32) - 1,
        kind=77,
        dropped_attributes_count=5,
        events=[{"time_unix_nano": 5, "name": "e"}],
        links=[{"trace_id": bytes(16), "span_id": bytes(8), "trace_state": "x=y"}],
        status={"code": 2, "message": "why"},
    )
    message.attributes.add(key="float", value=any_value(float("nan")))
    message.attributes.add(key="minus zero", value=any_value(-0.0))
    store.write(message, resource={"service.name": "shop"}, scope="lib")
    [found] = stored_spans(store.engine)
    assert found.body == message.SerializeToString()
    assert Span.FromString(found.body).SerializeToString() == found.body
    assert found.span_id.to_bytes(8, "big", signed=True) == message.span_id
    [resource] = all_rows(store, resources)
    assert Resource.FromString(resource["body"]).attributes[0].key == "service.name"


def test_delivering_again_changes_nothing(store: Store) -> None:
    batch = [span(1), span(2, parent=1), span(3, parent=1)]
    assert store.write(*batch) == (3, 0)
    before = contents(store)
    assert store.write(*reversed(batch)) == (0, 3)
    assert contents(store) == before


def test_what_is_new_in_a_mixed_batch_is_stored_once(store: Store) -> None:
    store.write(span(1))
    again, new = span(1), span(2, parent=1)
    assert store.write(again, new, new) == (1, 2)
    assert len(all_rows(store, spans)) == 2
    assert all_rows(store, traces)[0]["span_count"] == 2


def test_each_request_of_a_batch_learns_what_was_its_own(store: Store) -> None:
    one = decode_request(request(span(1), span(2)).SerializeToString()).rows
    two = decode_request(request(span(2), span(3)).SerializeToString()).rows
    assert store.writer.write([one, two, []]) == [(2, 0), (1, 1), (0, 0)]


def test_the_row_of_a_span_is_in_the_order_of_the_table(store: Store) -> None:
    attributes = {
        "mlflow.spanType": '"LLM"',
        "mlflow.chat.tokenUsage": '{"input_tokens": 1}',
    }
    message = span(7, parent=3, ms=25, attributes=attributes, status={"code": 2})
    store.write(message)
    [row] = all_rows(store, spans)
    assert (row["span_id"], row["parent_span_id"]) == (7, 3)
    assert row["end_ns"] == START + 25 * MS
    assert json.loads(row["usage"])["input_tokens"] == 1
    [kind] = all_rows(store, span_signatures)
    assert kind["kind_key"] == row["kind_key"]
    assert (kind["name"], kind["type"], kind["status"]) == ("span 7", "LLM", "ERROR")
    [block] = all_rows(store, span_blocks)
    assert (block["block_key"], row["position"]) == (row["block_key"], 0)


def test_two_bodies_under_one_id_are_both_kept(store: Store) -> None:
    store.write(span(1, ms=None))
    assert store.write(span(1, ms=50)) == (1, 0)
    assert [row["end_ns"] > 0 for row in all_rows(store, spans)].count(True) == 1
    [trace] = all_rows(store, traces)
    assert (trace["span_count"], trace["execution_time_ms"]) == (2, 50)


def test_equal_resources_and_scopes_are_stored_once(store: Store) -> None:
    store.write(span(1), resource={"a": 1, "b": 2})
    store.write(span(2), resource={"b": 2, "a": 1})
    store.write(span(3), resource={"a": 1, "b": 2}, scope="other")
    assert len(all_rows(store, resources)) == 1
    assert len(all_rows(store, scopes)) == 2


def test_tags_and_metadata_are_indexed_and_follow_a_change(store: Store) -> None:
    child = {"mlflow.traceTag.env": "dev", "spanframe.metadata.m": "v" * 300}
    store.write(span(2, parent=1, start_ms=5, attributes=child))
    assert_index_follows_from_the_traces(store)
    store.write(span(1, attributes={"mlflow.traceTag.env": "prod"}))
    assert_index_follows_from_the_traces(store)
    found = {(r["key"], r["value"]): r for r in all_rows(store, attribute_index)}
    assert set(found) == {("env", "prod"), ("m", "v" * 256)}
    assert found["m", "v" * 256]["whole_value"] == "v" * 300
    assert found["env", "prod"]["whole_value"] is None


def test_unknown_experiments_are_made_and_numbers_are_not(store: Store) -> None:
    store.write(span(1), resource={"spanframe.experiment": "from the resource"})
    named = {"spanframe.experiment": "from the root"}
    store.write(
        span(2, trace_id=b"b" * 16, attributes=named),
        resource={"spanframe.experiment": "from the resource"},
    )
    store.write(span(3, trace_id=b"c" * 16))
    names = {r["experiment_id"]: r["name"] for r in all_rows(store, experiments)}
    assert names == {0: "Default", 1: "from the resource", 2: "from the root"}
    ids = {r["trace_id"][:1]: r["experiment_id"] for r in all_rows(store, traces)}
    assert ids == {b"\x01": 1, b"b": 2, b"c": 0}


def test_a_refused_batch_leaves_nothing_behind(store: Store) -> None:
    store.write(span(1))
    before = contents(store)
    with store.locked() as why, pytest.raises(StoreUnavailableError, match=why):
        store.write(span(2), resource={"new": 1}, scope="new")
    assert contents(store) == before
    assert store.write(span(2), resource={"new": 1}, scope="new") == (1, 0)


def test_another_process_may_write_in_between(store: Store) -> None:
    with Store(store.url) as other:
        store.write(span(1), resource={"a": 1})
        other.write(span(2), resource={"b": 1})
        store.write(span(3, trace_id=b"x" * 16), resource={"c": 1})
        other.write(span(4, trace_id=b"x" * 16), resource={"a": 1})
    assert len(all_rows(store, resources)) == 3
    assert [row["span_count"] for row in all_rows(store, traces)] == [2, 2]


def test_another_process_may_write_to_the_same_trace(store: Store) -> None:
    with Store(store.url) as other:
        store.write(span(1))
        assert other.write(span(2, parent=1)) == (1, 0)
        assert store.write(span(2, parent=1), span(3, parent=1)) == (1, 1)
        assert other.write(span(3, parent=1), span(4, parent=1)) == (1, 1)
    assert all_rows(store, traces)[0]["span_count"] == 4


@pytest.fixture
def two_stores(new_store: Callable[[], Store]) -> tuple[Store, Store]:
    return new_store(), new_store()


_messages = st.lists(
    st.builds(
        span,
        st.integers(1, 4),
        parent=st.sampled_from([None, 1, 2]),
        trace_id=st.sampled_from([b"a" * 16, b"b" * 16]),
        start_ms=st.integers(0, 2),
        attributes=st.dictionaries(
            st.sampled_from(
                ["mlflow.traceTag.t", "spanframe.metadata.m", "mlflow.spanInputs"]
            ),
            st.text(max_size=3),
            max_size=2,
        ),
    ),
    min_size=1,
    max_size=10,
)


@given(_messages, st.data())
@COSTLY
def test_any_delivery_of_the_same_spans_makes_the_same_store(
    two_stores: tuple[Store, Store], messages: list[Span], data: Any
) -> None:
    straight, crooked = two_stores
    for store in two_stores:
        store.empty()
    straight.write(*messages)
    deliveries = data.draw(st.permutations(messages + messages))
    while deliveries:
        size = data.draw(st.integers(1, len(deliveries)))
        crooked.write(*deliveries[:size])
        deliveries = deliveries[size:]
    assert contents(straight) == contents(crooked)
    assert_index_follows_from_the_traces(crooked)


def test_hostile_keys_and_values_are_data(store: Store) -> None:
    hostile = (
        "x'); DROP TABLE traces; --\" $.a[0] {0.__class__} \N{COMBINING ACUTE ACCENT}"
    )
    store.write(span(1, attributes={f"mlflow.traceTag.{hostile}": hostile}))
    [trace] = all_rows(store, traces)
    assert json.loads(trace["tags"]) == {hostile: hostile}
    assert_index_follows_from_the_traces(store)


_happenings = st.lists(
    st.tuples(st.sampled_from(["ours", "theirs", "tag", "delete", "old"]), _messages),
    max_size=8,
)


@given(_happenings)
@COSTLY
def test_a_writer_sees_whatever_happens_in_between(
    two_stores: tuple[Store, Store], happenings: list[tuple[str, list[Span]]]
) -> None:
    """What it remembers of the traces it wrote is what it would read of them."""
    remembering, forgetful = two_stores
    for store in two_stores:
        store.empty()
    for what, messages in happenings:
        forgetful.writer = SpanWriter(forgetful.engine)
        outcomes = [happen(store, what, messages) for store in two_stores]
        assert outcomes[0] == outcomes[1]
    assert without_stamps(remembering) == without_stamps(forgetful)
    assert_index_follows_from_the_traces(remembering)


def happen(store: Store, what: str, messages: list[Span]) -> object:
    first = messages[0].trace_id
    match what:
        case "ours":
            return store.write(*messages)
        case "theirs":
            return store.write_beside(*messages)
        case "delete":
            return delete_traces(store.engine, [first])
        case "old":
            return delete_traces_before(store.engine, START // MS + 1)
        case _:
            with suppress(NotFoundError):
                set_trace_tag(store.engine, first, "t", "edited")
            return None


def without_stamps(store: Store) -> Any:
    """Edits are stamped with their time, which is another in each store."""
    stored, found_by, headers = contents(store)
    for row in headers:
        del row["stamps"]
    return stored, found_by, headers


def test_what_was_rolled_back_is_not_remembered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(span(1))
    before = contents(store)
    with monkeypatch.context() as patched:
        # The last that is done in a transaction.
        patched.setattr(type(database_of(store.engine)), "mark", refuse)
        with pytest.raises(InterruptedError):
            store.write(span(2, parent=1), span(1, trace_id=b"x" * 16))
    assert contents(store) == before
    assert store.write(span(2, parent=1), span(1, trace_id=b"x" * 16)) == (2, 0)
    assert store.write(span(2, parent=1), span(1, trace_id=b"x" * 16)) == (0, 2)
    assert sorted(r["span_count"] for r in all_rows(store, traces)) == [1, 2]


def refuse(*_: object) -> None:
    raise InterruptedError


def test_of_many_or_large_traces_few_are_remembered(store: Store) -> None:
    many = [span(1, trace_id=n.to_bytes(16, "big")) for n in range(1, 3000)]
    large = [span(n, trace_id=b"x" * 16) for n in range(1, 200)]
    assert store.write(*many, *large) == (len(many) + len(large), 0)
    assert store.write(*many, *large) == (0, len(many) + len(large))
    recent = store.writer._recent
    assert recent._newer.keys() | recent._older.keys() <= {
        n.to_bytes(16, "big") for n in range(1, 3000)
    }
    # Of the transactions before the last one nothing is left.
    few = [span(n, trace_id=b"y" * 15 + bytes([n])) for n in range(1, 100)]
    for _ in range(2):
        store.write(*[span(2, trace_id=n.to_bytes(16, "big")) for n in range(1, 1100)])
        store.write(*few)
    assert len(recent._newer) + len(recent._older) <= 2 * 1200
