"""A span of a search: what the message says, read as MLflow reads it."""

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from spanframe.entities import SpanStatusCode
from spanframe.errors import InvalidArgumentError, StoreError
from spanframe_query.entities import Span, TraceData
from spanframe_store.otlp.anyvalue import decoded_text
from spanframe_store.residual.span_body import attribute_text, content
from spanframe_store.sql.blocks import Codec
from tests.plugins.convention_examples import EXAMPLES, Example
from tests.plugins.otlp import pairs
from tests.plugins.sample_spans import (
    START_MS,
    otlp_span,
    request_id,
    stored_block,
    stored_span,
    trace_bytes,
)

MLFLOW_SCOPE = "mlflow.tracing.provider"


def span_with(attributes: dict[str, Any], scope: str = "") -> Span:
    return Span(stored_span(otlp_span(attributes=attributes), scope))


def test_a_span_says_what_the_message_says() -> None:
    message = otlp_span(trace=10, span=2, parent=1, name="call", status="ERROR")
    message.status.message = "it broke"
    span = Span(stored_span(message))
    assert span.trace_id == span.request_id == request_id(10)
    assert span.span_id == "0000000000000002"
    assert span.parent_id == "0000000000000001"
    assert span.name == "call"
    assert span.start_time_ns == START_MS * 1_000_000
    assert span.end_time_ns == (START_MS + 10) * 1_000_000
    assert span.status.status_code is SpanStatusCode.ERROR
    assert span.status.status_code == "ERROR"
    assert span.status.description == "it broke"


def test_a_span_that_has_not_ended_has_no_end() -> None:
    assert Span(stored_span(otlp_span(duration_ms=None))).end_time_ns is None


def test_a_parent_id_of_zeros_is_no_parent() -> None:
    message = otlp_span()
    message.parent_span_id = bytes(8)
    assert Span(stored_span(message)).parent_id is None


def test_mlflow_attributes_lose_one_json_layer_in_any_scope() -> None:
    span = span_with(
        {
            "mlflow.spanInputs": '{"x": "1"}',
            "mlflow.spanOutputs": '"text"',
            "mlflow.spanType": '"LLM"',
        }
    )
    assert span.inputs == {"x": "1"}
    assert span.outputs == "text"
    assert span.span_type == "LLM"


def test_other_text_stays_text_outside_the_mlflow_scope() -> None:
    assert span_with({"user.id": "42"}).get_attribute("user.id") == "42"


def test_other_text_loses_one_json_layer_in_the_mlflow_scope() -> None:
    span = span_with({"number": "42", "text": '"42"'}, MLFLOW_SCOPE)
    assert span.get_attribute("number") == 42
    assert span.get_attribute("text") == "42"


@pytest.mark.parametrize("scope", ["", MLFLOW_SCOPE])
def test_facts_of_the_trace_are_no_attributes_of_the_span(scope: str) -> None:
    facts = {
        "mlflow.traceTag.version": "1.0",
        "spanframe.metadata.release": "7",
        "spanframe.trace.name": "n",
        "spanframe.trace.request_preview": "p",
        "spanframe.experiment": "shop",
        "user.id": "ada",
        "spanframe.trace.says.user.id": "true",
    }
    span = span_with({**facts, "session.id": "s", "own": "x"}, scope)
    assert facts.keys().isdisjoint(span.attributes)
    assert facts.keys().isdisjoint(span.to_dict()["attributes"])
    assert [span.get_attribute(key) for key in facts] == [None] * len(facts)
    assert span.get_attribute("own") == "x"


def test_the_user_that_another_sender_sets_on_a_span_is_its_attribute() -> None:
    span = span_with({"user.id": "ada", "session.id": "s"})
    assert span.get_attribute("user.id") == "ada"
    assert span.get_attribute("session.id") == "s"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ('{"a": [1, {"b": null}]}', {"a": [1, {"b": None}]}),
        ('[1, "a", {"b": 2}]', [1, "a", {"b": 2}]),
        (' {"a":1}', {"a": 1}),
        ('"quoted"', "quoted"),
        ('{"a": ', '{"a": '),
        ("5", "5"),
        ("true", "true"),
        ("null", "null"),
        ("", ""),
        ("[" * 200 + "]" * 200, "[" * 200 + "]" * 200),
        (r'"\ud800"', "\ufffd"),
        ({"a": {"b": [1, 2.5]}}, {"a": {"b": [1, 2.5]}}),
        ({"text": '{"a": 1}'}, {"text": '{"a": 1}'}),
        (['{"a": 1}', "x"], ['{"a": 1}', "x"]),
        (b"\0\xff", "AP8="),
        (True, True),
        (7, 7),
    ],
)
def test_an_attribute_reads_the_same_for_entity_dictionary_and_filter(
    value: Any, read: Any
) -> None:
    message = otlp_span(attributes={"k": value})
    span = Span(stored_span(message))
    assert span.get_attribute("k") == span.attributes["k"] == read
    assert Span.from_dict(span.to_dict()).get_attribute("k") == read
    text = read if isinstance(read, str) else json.dumps(read)
    assert attribute_text(message, "k") == text
    assert json.loads(content(message))["attributes"]["k"] == read


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.convention)
def test_a_filter_finds_every_attribute_that_a_span_shows(example: Example) -> None:
    message = otlp_span(attributes=example.attributes)
    for name, attributes in example.events:
        message.events.add(name=name).attributes.extend(pairs(attributes))
    for key, value in Span(stored_span(message)).attributes.items():
        text = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        )
        assert attribute_text(message, key) == text


def test_events_and_links_read_as_attributes_do() -> None:
    message = otlp_span()
    values = {"d": '{"a": 1}', "n": "5", "mlflow.chunk.value": '{"a": 1}'}
    pairs = otlp_span(attributes=values).attributes
    message.events.add(name="e").attributes.extend(pairs)
    message.links.add(trace_id=bytes(16), span_id=bytes(8)).attributes.extend(pairs)
    span = Span(stored_span(message))
    # MLflow keeps the items of a stream as JSON text.
    read = values | {"d": {"a": 1}}
    assert span.events[0].attributes == span.links[0].attributes == read


def test_typed_values_keep_their_types() -> None:
    values = {"i": 7, "f": 0.5, "b": True, "l": [1, "two"], "d": {"k": None}}
    attributes = span_with(values).attributes
    assert {key: attributes[key] for key in values} == values


def test_bytes_are_base64_text() -> None:
    assert span_with({"raw": b"\x00\xff"}).get_attribute("raw") == "AP8="


def test_inputs_that_are_no_json_are_the_text() -> None:
    span = span_with({"mlflow.spanInputs": "{broken", "mlflow.spanOutputs": "null"})
    assert span.inputs == "{broken"
    assert span.outputs is None


def test_a_bare_nan_is_read_and_written_back_as_it_came() -> None:
    span = span_with({"mlflow.spanInputs": '{"x": NaN}'})
    assert math.isnan(span.inputs["x"])
    assert span.attribute_json("mlflow.spanInputs") == '{"x": NaN}'


def test_json_nested_too_deep_is_the_text() -> None:
    deep = "[" * 100_000
    assert span_with({"mlflow.spanInputs": deep}).inputs == deep


@pytest.mark.parametrize(
    ("attributes", "inputs", "outputs", "span_type"),
    [
        (
            {
                "input.value": "question",
                "output.value": '{"a": 1}',
                "openinference.span.kind": "CHAIN",
            },
            "question",
            {"a": 1},
            "CHAIN",
        ),
        (
            {
                "gen_ai.input.messages": '[{"role": "user"}]',
                "gen_ai.operation.name": "chat",
            },
            [{"role": "user"}],
            None,
            "CHAT_MODEL",
        ),
        (
            {"traceloop.entity.input": '{"q": 1}', "traceloop.span.kind": "task"},
            {"q": 1},
            None,
            "TASK",
        ),
        ({"http.method": "GET"}, None, None, "UNKNOWN"),
    ],
)
def test_foreign_conventions_are_read(
    attributes: dict[str, Any], inputs: object, outputs: object, span_type: str
) -> None:
    span = span_with(attributes)
    assert (span.inputs, span.outputs, span.span_type) == (inputs, outputs, span_type)
    for key, value in attributes.items():
        assert span.get_attribute(key) == decoded_text(value)


def test_model_provider_and_tokens_of_a_convention_are_mlflow_s() -> None:
    span = span_with(
        {
            "gen_ai.request.model": "small-1",
            "gen_ai.provider.name": "acme",
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 4,
        }
    )
    assert span.model_name == "small-1"
    assert span.get_attribute("mlflow.llm.provider") == "acme"
    assert span.get_attribute("mlflow.chat.tokenUsage") == {
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
    }


def test_messages_in_events_are_inputs_and_outputs() -> None:
    events = [
        OtlpSpan.Event(
            name="gen_ai.user.message", attributes=pairs({"content": "why?"})
        ),
        OtlpSpan.Event(name="gen_ai.choice", attributes=pairs({"content": "because"})),
    ]
    span = Span(stored_span(otlp_span(events=events)))
    assert span.inputs == [{"role": "user", "content": "why?"}]
    assert "because" in json.dumps(span.outputs)


def test_half_a_surrogate_pair_is_replaced() -> None:
    span = span_with({"mlflow.spanInputs": '"cut \\ud83d"'})
    assert span.inputs.encode() == "cut \N{REPLACEMENT CHARACTER}".encode()


def test_events_and_links_are_read() -> None:
    event = OtlpSpan.Event(
        name="exception", time_unix_nano=5, attributes=pairs({"exception.type": "E"})
    )
    link = OtlpSpan.Link(
        trace_id=trace_bytes(9), span_id=(3).to_bytes(8), attributes=pairs({"k": 1})
    )
    span = Span(stored_span(otlp_span(events=[event], links=[link])))
    assert [(e.name, e.timestamp, e.attributes) for e in span.events] == [
        ("exception", 5, {"exception.type": "E"})
    ]
    assert [(each.trace_id, each.span_id, each.attributes) for each in span.links] == [
        (request_id(9), "0000000000000003", {"k": 1})
    ]


def test_model_cost_level_and_description_are_properties() -> None:
    span = span_with(
        {
            "gen_ai.request.model": "small-1",
            "mlflow.llm.cost": '{"total_cost": 0.5}',
            "mlflow.spanLogLevel": "20",
            "mlflow.spanDescription": '"asks"',
        }
    )
    assert span.model_name == "small-1"
    assert span.llm_cost == {"total_cost": 0.5}
    assert span.log_level == 20
    assert span.description == "asks"
    bare = span_with({})
    assert (bare.model_name, bare.llm_cost, bare.log_level, bare.description) == (
        None,
        None,
        None,
        None,
    )


def test_a_dictionary_has_mlflow_keys_base64_ids_and_json_texts() -> None:
    message = otlp_span(
        trace=1,
        span=2,
        parent=1,
        status="OK",
        attributes={"mlflow.spanInputs": '{"x": 1}', "plain": "text"},
    )
    assert Span(stored_span(message)).to_dict() == {
        "trace_id": "AAAAAAAAAAAAAAAAAAAAAQ==",
        "span_id": "AAAAAAAAAAI=",
        "parent_span_id": "AAAAAAAAAAE=",
        "name": "work",
        "start_time_unix_nano": START_MS * 1_000_000,
        "end_time_unix_nano": (START_MS + 10) * 1_000_000,
        "events": [],
        "status": {"code": "STATUS_CODE_OK", "message": ""},
        "attributes": {
            "mlflow.spanInputs": '{"x": 1}',
            "plain": '"text"',
            "mlflow.spanType": '"UNKNOWN"',
            "mlflow.traceRequestId": f'"{request_id(1)}"',
        },
        "links": [],
    }


def test_the_real_mlflow_reads_our_dictionary() -> None:
    from mlflow.entities import Span as MlflowSpan  # noqa: PLC0415 - slow to load

    span = span_with({"mlflow.spanInputs": '{"x": 1}', "n": 5, "t": "text"})
    theirs = MlflowSpan.from_dict(span.to_dict())
    assert theirs.inputs == {"x": 1}
    assert theirs.attributes == span.attributes
    assert (theirs.trace_id, theirs.span_id) == (span.trace_id, span.span_id)


def test_hex_ids_are_read() -> None:
    data = span_with({}).to_dict()
    data |= {"trace_id": request_id(1), "span_id": "0" * 15 + "1"}
    assert Span.from_dict(data) == span_with({})


def test_the_shape_of_mlflow_2_is_read() -> None:
    span = Span.from_dict(
        {
            "name": "predict",
            "context": {"trace_id": "0x1f", "span_id": "0x2"},
            "parent_id": "0x1",
            "start_time": 100,
            "end_time": 200,
            "status_code": "OK",
            "status_message": "",
            "attributes": {
                "mlflow.traceRequestId": '"an-uuid"',
                "mlflow.spanInputs": '{"x": 1}',
            },
            "events": [{"name": "e", "timestamp": 150, "attributes": {"k": 1}}],
        }
    )
    assert (span.trace_id, span.span_id, span.parent_id) == (
        "an-uuid",
        "0000000000000002",
        "0000000000000001",
    )
    assert (span.start_time_ns, span.end_time_ns) == (100, 200)
    assert span.inputs == {"x": 1}
    assert span.events[0].timestamp == 150


@pytest.mark.parametrize(
    "damage",
    [
        {"trace_id": "!!"},
        {"span_id": "AAAA"},
        {"name": None, "status": None},
        {"status": {"code": "STATUS_CODE_FINE"}},
        {"start_time_unix_nano": "soon"},
    ],
)
def test_a_dictionary_that_is_no_span_is_refused(damage: dict[str, Any]) -> None:
    data = span_with({}).to_dict() | damage
    with pytest.raises(InvalidArgumentError, match="not a span of MLflow"):
        Span.from_dict(data)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    attributes=st.dictionaries(st.text(min_size=1), JSON_VALUES, max_size=5),
    name=st.text(),
    scope=st.sampled_from(["", MLFLOW_SCOPE]),
)
def test_a_span_survives_its_dictionary_and_json(
    attributes: dict[str, Any], name: str, scope: str
) -> None:
    span = Span(stored_span(otlp_span(name=name, attributes=attributes), scope))
    again = Span.from_dict(json.loads(json.dumps(span.to_dict())))
    assert again == span
    assert again.attributes == span.attributes


def test_a_span_is_decoded_only_when_it_is_touched() -> None:
    codec = Codec()
    for body in (b"\xff", *codec.pack([[b"\xff"]])):
        data = TraceData(stored=[stored_block(otlp_span())._replace(body=body)])
        with pytest.raises(StoreError, match="spanframe db check"):
            _ = data.spans
    damaged_scope = stored_span(otlp_span())._replace(scope=b"\xff")
    with pytest.raises(StoreError, match="spanframe db check"):
        _ = Span(damaged_scope).inputs


def test_a_changed_attribute_dictionary_changes_no_span() -> None:
    span = span_with({"k": "v"})
    span.attributes.clear()
    assert span.get_attribute("k") == "v"


def test_a_span_is_no_dictionary_and_says_what_to_write() -> None:
    span = span_with({})
    with pytest.raises(TypeError, match=r"span\.get_attribute\('inputs'\)"):
        span["inputs"]
    with pytest.raises(TypeError):
        iter(span)


def test_a_span_can_be_copied_and_shown() -> None:
    span = span_with({"k": "v"})
    assert copy.deepcopy(span) == span
    assert hash(copy.copy(span)) == hash(span)
    assert repr(span) == (
        f"Span(name='work', trace_id='{request_id(1)}', "
        "span_id='0000000000000001', parent_id=None)"
    )
