"""Every convention's span, in the shape its senders write, read as MLflow 3.17 does."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe_store.contract.spans import Source, SpanRow
from spanframe_store.otlp import decode_request, previews_of
from spanframe_store.otlp.conventions import EVENT_NAMES, Usage, derive, table
from spanframe_store.otlp.previews import shortened
from tests.plugins.convention_examples import EXAMPLES, Example
from tests.plugins.examples import COSTLY, some
from tests.plugins.otlp import pairs, request, span

USER = "metadata.mlflow.trace.user"
SESSION = "metadata.mlflow.trace.session"

NOTHING = Usage()


def decode(attributes: dict[str, Any], events: Any = (), **context: Any) -> SpanRow:
    messages = [Span.Event(name=n, attributes=pairs(a)) for n, a in events]
    message = span(attributes=attributes, events=messages)
    decoded = decode_request(request(message, **context).SerializeToString())
    assert decoded.rejected == []
    [row] = decoded.rows
    return row


def facts(attributes: dict[str, Any], **context: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for fact in decode(attributes, **context).facts:
        assert fact.source == Source.CONVENTION
        found.setdefault(fact.field, fact.value)
    return found


def inputs_of(row: SpanRow) -> str | None:
    return previews_of(row).trace_inputs or None


def loaded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.convention)
def test_a_span_is_read_by_its_convention(example: Example) -> None:
    row = decode(example.attributes, example.events)
    assert loaded(inputs_of(row)) == example.inputs
    assert loaded(previews_of(row).trace_outputs or None) == example.outputs
    assert row.signature.type == example.type
    derived = derive(example.attributes, example.events)
    texts = (derived.inputs, derived.outputs)
    parsed = (derived.parsed_inputs, derived.parsed_outputs)
    assert shortened(*texts, *parsed) == previews_of(row)
    assert derived.usage == example.usage
    assert derived.model == example.model
    assert derived.provider == example.provider
    found = {fact.field: fact.value for fact in row.facts}
    assert found.get(USER) == example.user
    assert found.get(SESSION) == example.session


def test_every_row_of_the_table_has_an_example() -> None:
    shown = {example.convention.partition(",")[0] for example in EXAMPLES}
    assert shown == {row.name for row in table}


TYPES = [
    (key, kind, span_type)
    for row in table
    if row.applies is None
    for key in row.type_keys
    for kind, span_type in row.types.items()
]


@pytest.mark.parametrize(("key", "kind", "span_type"), TYPES)
def test_every_kind_has_its_type(key: str, kind: str, span_type: str) -> None:
    assert decode({key: kind}).signature.type == span_type


@pytest.mark.parametrize(
    "attributes",
    [
        {"openinference.span.kind": "PROMPT"},
        {"openinference.span.kind": ["LLM"]},
        {"gen_ai.operation.name": "llm_call"},
        {"gen_ai.operation.name": {}},
        {"span.type": "web"},
    ],
)
def test_a_kind_that_no_convention_knows_says_nothing(
    attributes: dict[str, Any],
) -> None:
    assert decode(attributes).signature.type == "UNKNOWN"


def test_any_span_without_a_type_that_asks_a_model_is_an_llm() -> None:
    assert decode({"gen_ai.request.model": "m"}).signature.type == "LLM"
    typed = {"gen_ai.request.model": "m", "openinference.span.kind": "CHAIN"}
    assert decode(typed).signature.type == "CHAIN"


# --- precedence and emptiness -------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "inputs"),
    [
        ("3", 3),
        ('"x"', "x"),
        ("plain words", "plain words"),
        ({"a": 1}, {"a": 1}),
        ("{}", {}),
        ("null", "foreign"),
    ],
)
def test_the_keys_of_mlflow_win_when_they_say_something(own: Any, inputs: Any) -> None:
    row = decode({"input.value": "foreign", "mlflow.spanInputs": own})
    assert loaded(inputs_of(row)) == inputs


@pytest.mark.parametrize("own", ["TOOL", '"TOOL"'])
def test_the_type_of_mlflow_wins(own: str) -> None:
    attributes = {"mlflow.spanType": own, "openinference.span.kind": "LLM"}
    assert decode(attributes).signature.type == "TOOL"


def test_a_type_that_mlflow_did_not_know_is_taken_from_a_convention() -> None:
    attributes = {"mlflow.spanType": '"UNKNOWN"', "openinference.span.kind": "LLM"}
    assert decode(attributes).signature.type == "LLM"


@pytest.mark.parametrize("empty", ["", '""', "{}", "[]", "null", {}, [], None])
def test_an_empty_value_counts_as_absent(empty: Any) -> None:
    attributes = {"input.value": empty, "traceloop.entity.input": "later"}
    assert loaded(inputs_of(decode(attributes))) == "later"
    assert inputs_of(decode({"input.value": empty})) is None


def test_the_first_convention_of_the_table_wins() -> None:
    attributes = {
        "langfuse.observation.input": "last",
        "gen_ai.input.messages": "second",
        "input.value": "first",
    }
    assert loaded(inputs_of(decode(attributes))) == "first"


def test_attributes_win_over_events() -> None:
    events = [("gen_ai.user.message", {"content": "event"})]
    row = decode({"langfuse.observation.input": "attribute"}, events)
    assert loaded(inputs_of(row)) == "attribute"


def test_whole_values_win_over_flattened_ones() -> None:
    attributes = {
        "llm.input_messages.0.message.content": "part",
        "input.value": "whole",
    }
    assert loaded(inputs_of(decode(attributes))) == "whole"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('{"q": 1}', '{"q": 1}'),
        ('"words"', '"words"'),
        ("words", '"words"'),
        ("5", '"5"'),
        (5, "5"),
        ({"b": b"\0", "f": float("nan")}, '{"b": "AA==", "f": "NaN"}'),
    ],
)
def test_inputs_are_json_text_encoded_once(value: Any, text: str) -> None:
    assert inputs_of(decode({"input.value": value})) == text


def test_the_json_layer_of_the_mlflow_sdk_is_undone_before_conventions_look() -> None:
    attributes = {
        "openinference.span.kind": '"LLM"',
        "llm.token_count.prompt": '"26"',
        "gen_ai.request.model": '"m"',
    }
    row = decode(attributes, scope="mlflow.tracing.provider")
    assert row.signature.type == "LLM"


# --- tokens and models ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (7, 7),
        ("7", 7),
        (" 7 ", 7),
        (7.0, 7),
        (0, 0),
        ((1 << 63) - 1, (1 << 63) - 1),
        (1 << 63, None),
        ("9" * 19, None),
        ("9" * 5000, None),
        (-1, None),
        ("-1", None),
        ("seven", None),
        ("\u0667", None),
        ("", None),
        (7.5, None),
        (1e300, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ([7], None),
        ({"n": 7}, None),
        (b"7", None),
    ],
)
def test_a_count_of_tokens_is_a_whole_number_that_fits(
    value: Any, count: int | None
) -> None:
    derived = derive({"gen_ai.usage.input_tokens": value})
    assert derived.usage == (None if count is None else Usage(count, None, count))


def test_a_sum_that_does_not_fit_is_left_out() -> None:
    most = (1 << 63) - 1
    attributes = {"llm.token_count.prompt": most, "llm.token_count.completion": 1}
    assert derive(attributes).usage == Usage(most, 1, None)


def test_counts_of_the_cache_alone_are_no_usage() -> None:
    assert derive({"gen_ai.usage.cache_read.input_tokens": 5}).usage is None


def test_usage_comes_whole_from_one_convention() -> None:
    attributes = {"llm.token_count.prompt": 5, "gen_ai.usage.output_tokens": 6}
    assert derive(attributes).usage == Usage(5, None, 5)


@pytest.mark.parametrize(
    "text", ["[]", "words", '{"input_tokens": "many"}', "null", "[" * 5000]
)
def test_usage_of_mlflow_that_says_nothing_leaves_room_for_others(text: str) -> None:
    attributes = {"mlflow.chat.tokenUsage": text, "llm.token_count.prompt": 5}
    assert derive(attributes).usage == Usage(5, None, 5)


@pytest.mark.parametrize(
    ("attributes", "model"),
    [
        ({"mlflow.spanInputs": '{"model": "m"}'}, "m"),
        ({"mlflow.spanInputs": {"model": "m"}}, "m"),
        ({"mlflow.spanOutputs": '{"model": "m"}'}, "m"),
        ({"input.value": '{"model": "m"}'}, "m"),
        ({"mlflow.spanInputs": '{"model": "m"}', "gen_ai.request.model": "n"}, "n"),
        ({"mlflow.spanInputs": '{"model": {"id": 1}}'}, None),
        ({"mlflow.spanInputs": '["model"]'}, None),
        ({"gen_ai.request.model": 5}, None),
    ],
)
def test_the_model_is_a_name(attributes: dict[str, Any], model: str | None) -> None:
    assert derive(attributes).model == model


# --- facts of the trace ---------------------------------------------------------------


def test_langfuse_speaks_of_its_trace() -> None:
    assert facts(
        {
            "langfuse.trace.name": "checkout",
            "langfuse.trace.tags": ["vip", "beta", "", 7],
            "langfuse.trace.metadata": '{"plan": "gold"}',
            "langfuse.trace.metadata.shop": "bern",
            "langfuse.trace.metadata.mlflow.trace.tokenUsage": "forged",
        }
    ) == {
        "name": "checkout",
        "tags.vip": "true",
        "tags.beta": "true",
        "metadata.plan": "gold",
        "metadata.shop": "bern",
    }


def test_openinference_speaks_of_its_trace() -> None:
    assert facts(
        {
            "metadata": '{"plan": "gold", "seats": 3, "": "no name", "none": null}',
            "tag.tags": '["vip", "mlflow.artifactLocation"]',
        }
    ) == {"metadata.plan": "gold", "metadata.seats": "3", "tags.vip": "true"}


def test_associations_of_traceloop_are_metadata() -> None:
    assert facts(
        {
            "traceloop.association.properties.user_id": "ann",
            "traceloop.association.properties.shop": "bern",
        }
    ) == {USER: "ann", "metadata.shop": "bern"}


@pytest.mark.parametrize(
    "attributes",
    [
        {"metadata": "words", "tag.tags": "words"},
        {"metadata": [1], "tag.tags": {"a": 1}},
        {"metadata": "{" * 5000, "tag.tags": "[" * 100_000},
    ],
)
def test_facts_of_another_shape_are_none(attributes: dict[str, Any]) -> None:
    assert facts(attributes) == {}


def test_a_list_of_tags_is_bounded() -> None:
    assert len(facts({"tag.tags": [f"t{n}" for n in range(10_000)]})) == 100


def test_the_first_of_several_users_counts() -> None:
    attributes = {"langfuse.user.id": "later", "enduser.id": "ann", "user.id": ""}
    assert facts(attributes) == {USER: "ann"}


def test_numbers_as_users_are_written_as_text() -> None:
    assert facts({"user.id": 0, "session.id": 12}) == {USER: "0", SESSION: "12"}


# --- hostile values -------------------------------------------------------------------

JUNK: list[Any] = [
    "[" * 100_000,
    '{"a":' * 600 + "1" + "}" * 600,
    "[" * 600 + "]" * 600,
    '"\\ud800"',
    '["\\ud83d"]',
    "1" * 5000,
    '{"model": NaN, "contents": 1e999}',
    {"a": [None, b"\xff", float("-inf")]},
    -1,
    False,
    None,
    "\0",
]
SPEAKING = sorted(
    {key for example in EXAMPLES for key in example.attributes}
    | {"tag.tags", "metadata", "langfuse.trace.metadata", "langfuse.trace.metadata.x"}
)


@pytest.mark.parametrize("junk", JUNK, ids=lambda j: repr(j)[:20])
@pytest.mark.parametrize("scope", ["tests", "mlflow.tracing.provider"])
def test_junk_under_every_known_key_costs_nothing(junk: Any, scope: str) -> None:
    for key in some(SPEAKING):
        kept = {"ai.operationId": "ai.streamText.doStream", "span.type": "llm_request"}
        events = [
            (name, {key: junk, "content": junk, "output": junk})
            for name in sorted(EVENT_NAMES)
        ]
        row = decode(kept | {key: junk}, events, scope=scope)
        derived = derive(kept | {key: junk}, events)
        texts = [*previews_of(row), derived.inputs, derived.outputs]
        for text in [*texts, *(fact.value for fact in row.facts)]:
            # A store takes UTF-8 only: a lone surrogate would raise here.
            (text or "").encode()


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.prompt.",
        "gen_ai.prompt.x",
        "gen_ai.prompt.0",
        "gen_ai.prompt.-1.content",
        "gen_ai.prompt.²",
        "gen_ai.prompt." + "0." * 30_000,
        "llm.input_messages." + "0.message." * 30_000,
        "gen_ai.prompt." + "9" * 5000 + ".content",
    ],
)
def test_odd_flattened_keys_do_no_harm(key: str) -> None:
    attributes = {key: "x", key + ".content": "y"}
    decode(attributes)
    inputs = derive(attributes).inputs
    assert inputs is None or len(inputs) < 2 * len(key) + 200


def test_a_list_of_messages_is_as_long_as_its_messages() -> None:
    row = decode({"gen_ai.prompt.999999.content": "x", "gen_ai.prompt.7.content": "y"})
    assert loaded(inputs_of(row)) == [{"content": "y"}, {"content": "x"}]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(SPEAKING) | st.text(), PLAIN, max_size=12))
@COSTLY
def test_whatever_the_attributes_hold_they_are_read(attributes: dict[str, Any]) -> None:
    derived = derive(attributes, [(name, attributes) for name in EVENT_NAMES])
    assert loaded(derived.inputs) is not None or derived.inputs is None
    for count in derived.usage or NOTHING:
        assert count is None or 0 <= count < 1 << 63
