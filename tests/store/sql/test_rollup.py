"""The trace row is a fold: no order, batching or duplication can be told from it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp import decode_request
from spanframe_store.otlp.trace_state import EMPTY, TraceState, edit, fold, merge
from spanframe_store.sql.trace_columns import columns_of, state_of
from tests.plugins.otlp import REMOTE_PARENT, START, request, span


def rows(*spans: Any) -> list[SpanRow]:
    return decode_request(request(*spans).SerializeToString()).rows


def columns(*spans: Any) -> dict[str, Any]:
    return columns_of(fold(rows(*spans)))


def test_the_root_names_times_and_judges_the_trace() -> None:
    row = columns(
        span(2, parent=1, start_ms=-5, ms=2, status={"code": 2}),
        span(1, ms=120, name="answer", attributes={"mlflow.spanInputs": '"hi"'}),
    )
    assert row["name"] == "answer"
    assert row["timestamp_ms"] == START // 1_000_000
    assert row["execution_time_ms"] == 120
    assert row["status"] == "OK"
    assert (row["request_preview"], row["trace_inputs"]) == ('"hi"', None)
    assert (row["response_preview"], row["trace_outputs"]) == (None, "")
    assert row["span_count"] == 2


@pytest.mark.parametrize("length", [1, 250, 251, 1000, 1001])
def test_inputs_are_written_once_where_the_preview_says_the_same(length: int) -> None:
    text = json.dumps("x" * (length - 2))
    state = fold(rows(span(1, attributes={"mlflow.spanInputs": text})))
    assert columns_of(state)["trace_inputs"] is None
    assert state_of(columns_of(state)) == state
    chat = json.dumps({"messages": [{"role": "user", "content": text}]})
    state = fold(rows(span(1, attributes={"mlflow.spanInputs": chat})))
    assert columns_of(state)["trace_inputs"][:13] == '{"messages": '
    assert state_of(columns_of(state)) == state


def test_a_failed_root_is_a_failed_trace() -> None:
    assert columns(span(1, status={"code": 2}))["status"] == "ERROR"


def test_until_its_root_arrives_a_trace_is_in_progress_and_provisional() -> None:
    row = columns(
        span(3, parent=2, start_ms=7), span(2, parent=1, start_ms=5, name="earliest")
    )
    assert row["status"] == "IN_PROGRESS"
    assert row["execution_time_ms"] is None
    assert row["name"] == "earliest"
    assert row["timestamp_ms"] == START // 1_000_000 + 5


def _call(number: int, question: str, answer: str, **fields: Any) -> Any:
    said = {"mlflow.spanInputs": question, "mlflow.spanOutputs": answer}
    attributes = {"mlflow.spanType": "LLM", **said}
    return span(number, parent=1, attributes=attributes, **fields)


def test_the_model_calls_have_the_previews_that_a_root_does_not_state() -> None:
    """The first has the question, the last the answer, whenever the root arrives."""
    calls = [
        _call(3, '"what?"', '"look"', start_ms=2, ms=3),
        _call(4, '"what, found"', '"that"', start_ms=8, ms=3),
        _call(5, '"meanwhile"', '"beside"', start_ms=4, ms=2),
    ]
    step = span(2, parent=1, attributes={"mlflow.spanInputs": '"step"'})
    root = span(1, ms=20)
    expected = ('"what?"', '"that"', "OK")
    for arrived in ([root, step, *calls], [step, *calls, root], [*calls, root, step]):
        state = EMPTY
        for one in arrived:
            state = merge(state, fold(rows(one), known=state))
        for row in (columns_of(state), columns(*arrived)):
            assert _previews(row) == expected
    for said, previews in (
        ({"input.value": "hi"}, ("hi", '"that"', "OK")),
        ({"output.value": "ho"}, ('"what?"', "ho", "OK")),
        ({"output.value": "[ChatMessage(role='x')]"}, ('"what?"', '"that"', "OK")),
        ({"mlflow.spanInputs": "{}"}, ("{}", '"that"', "OK")),
        ({"mlflow.spanOutputs": "null"}, ('"what?"', "null", "OK")),
    ):
        assert _previews(columns(*calls, span(1, ms=20, attributes=said))) == previews
    failed = columns(*calls, span(1, ms=20, status={"code": 2}))
    assert _previews(failed) == ('"what?"', None, "ERROR")


def test_an_entry_with_content_has_the_previews_of_a_root_without() -> None:
    entry = _call(2, '"in"', '"out"', flags=REMOTE_PARENT, ms=9)
    row = columns(_call(3, '"call"', '"called"'), entry, span(1, ms=20, name="gateway"))
    assert (row["name"], _previews(row)) == ("gateway", ('"in"', '"out"', "OK"))


def _previews(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["request_preview"], row["response_preview"], row["status"]


def test_an_entry_from_another_process_stands_in_for_a_root_that_never_comes() -> None:
    row = columns(
        span(9, parent=8, start_ms=-50),
        span(2, parent=1, ms=30, flags=REMOTE_PARENT, name="handler"),
    )
    assert (row["status"], row["execution_time_ms"], row["name"]) == (
        "OK",
        30,
        "handler",
    )


def test_a_root_that_has_not_ended_is_in_progress() -> None:
    row = columns(span(1, ms=None))
    assert (row["status"], row["execution_time_ms"]) == ("IN_PROGRESS", None)


def test_a_clock_that_steps_back_makes_no_negative_duration() -> None:
    assert columns(span(1, ms=-3_600_000))["execution_time_ms"] == 0


def test_the_later_version_of_a_span_speaks() -> None:
    assert columns(span(1, ms=None), span(1, ms=50))["execution_time_ms"] == 50


def test_what_the_app_says_of_its_trace_wins_over_what_the_root_is() -> None:
    said = {"spanframe.trace.state": "ERROR", "spanframe.trace.name": "said"}
    row = columns(span(1, name="root"), span(2, parent=1, attributes=said))
    assert (row["status"], row["name"]) == ("ERROR", "said")


def test_a_name_in_other_words_wins_over_the_roots_and_not_over_ours() -> None:
    theirs = span(2, parent=1, attributes={"langfuse.trace.name": "theirs"})
    ours = span(3, parent=1, attributes={"spanframe.trace.name": "ours"})
    assert columns(span(1, name="root"), theirs)["name"] == "theirs"
    assert columns(span(1, name="root"), theirs, ours)["name"] == "ours"


def test_the_roots_tag_wins_then_the_latest() -> None:
    def tagged(number: int, value: str, **fields: Any) -> Any:
        return span(number, attributes={"mlflow.traceTag.t": value}, **fields)

    late = tagged(3, "late", parent=1, start_ms=500)
    early = tagged(2, "early", parent=1)
    assert columns(late, early)["tags"] == '{"t":"late"}'
    assert columns(late, early, tagged(1, "root"))["tags"] == '{"t":"root"}'


def test_an_edit_outlives_spans_that_arrive_later() -> None:
    before = fold(rows(span(2, parent=1, attributes={"mlflow.traceTag.t": "app"})))
    after = fold(rows(span(1, attributes={"mlflow.traceTag.t": "root"})))
    set_ = merge(before, edit("tags.t", "mine", 1))
    deleted = merge(before, edit("tags.t", None, 1))
    assert columns_of(merge(set_, after))["tags"] == '{"t":"mine"}'
    assert columns_of(merge(deleted, after))["tags"] == "{}"


_attributes = st.dictionaries(
    st.sampled_from(
        [
            "mlflow.traceTag.a",
            "mlflow.traceTag.b",
            "spanframe.metadata.a",
            "spanframe.trace.state",
            "spanframe.trace.name",
            "user.id",
            "mlflow.spanInputs",
            "mlflow.spanOutputs",
            "mlflow.spanType",
        ]
    ),
    st.sampled_from(["OK", "ERROR", "x", "LLM", '{"messages": [1]}']),
    max_size=4,
)
# Few ids, few times: collisions and ties are what could go wrong.
_spans = st.lists(
    st.builds(
        span,
        st.integers(1, 4),
        parent=st.sampled_from([None, 0, 1, 2, 3]),
        start_ms=st.integers(0, 2),
        ms=st.sampled_from([None, 0, 1, 2]),
        flags=st.sampled_from([0, REMOTE_PARENT]),
        status=st.sampled_from([{}, {"code": 1}, {"code": 2}]),
        attributes=_attributes,
    ),
    min_size=1,
    max_size=8,
)


def _distinct(spans: list[Any]) -> list[SpanRow]:
    return list({(row.span_id, row.digest): row for row in rows(*spans)}.values())


@given(_spans, st.data())
def test_order_and_batching_leave_no_trace(spans: list[Any], data: Any) -> None:
    distinct = _distinct(spans)
    expected = columns_of(fold(distinct))
    shuffled = data.draw(st.permutations(distinct))
    cuts = sorted([*data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)), 0])
    state = EMPTY
    for start, stop in zip(cuts, [*cuts[1:], len(shuffled)], strict=True):
        state = merge(state, fold(shuffled[start:stop]))
    assert columns_of(state) == expected


@given(_spans, _spans, _spans)
def test_merging_is_associative_and_commutative(
    one: list[Any], two: list[Any], three: list[Any]
) -> None:
    a, b, c = (fold(_distinct(spans)) for spans in (one, two, three))
    assert _comparable(merge(merge(a, b), c)) == _comparable(merge(a, merge(b, c)))
    assert _comparable(merge(a, b)) == _comparable(merge(b, a))


@given(_spans, st.sampled_from([None, "edited"]))
def test_a_stored_row_gives_its_state_back(spans: list[Any], edited: Any) -> None:
    state = merge(fold(_distinct(spans)), edit("tags.a", edited, 1))
    stored = columns_of(state)
    assert columns_of(state_of(stored)) == stored
    later = fold(rows(span(9, attributes={"mlflow.traceTag.a": "late"})))
    assert columns_of(merge(state_of(stored), later)) == columns_of(merge(state, later))


def _comparable(state: TraceState) -> Any:
    return dict(state.values), dict(state.stamps), state.span_count, state.size_bytes
