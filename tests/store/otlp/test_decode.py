"""OTLP bytes to rows: what is read, what is kept, what a bad span costs."""

import json
from functools import partial
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanframe_store.contract.spans import Fact, Rank, Source, SpanRow
from spanframe_store.otlp import (
    TooManyPartsError,
    TooManyValuesError,
    decode_request,
    previews_of,
)
from spanframe_store.otlp.envelope import RawScope, _field, rebuild
from tests.plugins.otlp import REMOTE_PARENT, START, TRACE, pairs, request, span


def decode(*spans: Span, **context: Any) -> list[SpanRow]:
    decoded = decode_request(request(*spans, **context).SerializeToString())
    assert decoded.rejected == []
    return decoded.rows


def facts(attributes: dict[str, Any], **context: Any) -> set[Fact]:
    [row] = decode(span(attributes=attributes), **context)
    return set(row.facts)


def test_a_row_says_what_its_span_says() -> None:
    message = span(
        7,
        parent=3,
        ms=25,
        attributes={"mlflow.spanType": '"LLM"', "mlflow.spanInputs": '{"q": 1}'},
        status=Status(code=Status.STATUS_CODE_ERROR),
    )
    [row] = decode(message)
    assert row.trace_id == message.trace_id
    assert (row.span_id, row.parent_span_id) == (7, 3)
    assert row.signature[1:] == ("span 7", "LLM", "ERROR")
    assert (row.start_ns, row.end_ns) == (START, START + 25_000_000)
    assert previews_of(row) == ('{"q": 1}', None, '{"q": 1}', "")


def test_the_body_is_kept_to_the_byte() -> None:
    message = span(1, attributes={"a": [1, 1.0, True, None, b"\0", {}, []]})
    unknown_field = b"\xfa\x3f\x03new"
    body = message.SerializeToString() + unknown_field
    whole = request()
    scope = whole.resource_spans[0].scope_spans[0]
    scope.spans.append(Span.FromString(body))
    [row] = decode_request(whole.SerializeToString()).rows
    assert row.body == body


@pytest.mark.parametrize(
    ("fields", "rank"),
    [
        ({}, Rank.ROOT),
        ({"parent": 0}, Rank.ROOT),
        ({"parent": 2}, Rank.INNER),
        ({"parent": 2, "flags": 0x100}, Rank.INNER),
        ({"parent": 2, "flags": REMOTE_PARENT}, Rank.ENTRY),
    ],
)
def test_the_parent_decides_how_much_a_span_speaks_for_its_trace(
    fields: dict[str, Any], rank: Rank
) -> None:
    [row] = decode(span(1, **fields))
    assert row.rank == rank


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (span(trace_id=b""), "invalid_trace_id"),
        (span(trace_id=bytes(16)), "invalid_trace_id"),
        (span(trace_id=b"x" * 15), "invalid_trace_id"),
        (span(trace_id=b"x" * 32), "invalid_trace_id"),
        (span(0), "invalid_span_id"),
        (span(span_id=b"x" * 7), "invalid_span_id"),
        (span(parent_span_id=b"x" * 9), "invalid_parent_span_id"),
        (span(start_time_unix_nano=1 << 63), "timestamp_out_of_range"),
        (span(end_time_unix_nano=(1 << 64) - 1), "timestamp_out_of_range"),
    ],
)
def test_a_bad_span_costs_that_span_alone(bad: Span, reason: str) -> None:
    good = [span(n) for n in range(2, 12)]
    message = request(*good[:5], bad, *good[5:])
    decoded = decode_request(message.SerializeToString())
    assert [tuple(r) for r in decoded.rejected] == [(reason, 1)]
    assert [row.span_id for row in decoded.rows] == list(range(2, 12))


def test_bad_utf8_costs_that_span_alone() -> None:
    broken = request(span(1), span(2), span(3)).SerializeToString()
    broken = broken.replace(b"span 2", b"span \xff")
    decoded = decode_request(broken)
    assert [tuple(r) for r in decoded.rejected] == [("undecodable_span", 1)]
    assert [row.span_id for row in decoded.rows] == [1, 3]


def test_trace_level_keys_are_facts_of_the_trace() -> None:
    assert facts(
        {
            "mlflow.traceTag.environment": "production",
            "mlflow.traceTag.mlflow.traceName": "renamed",
            "spanframe.metadata.app_version": "1.2",
            "spanframe.trace.state": "ERROR",
            "spanframe.trace.client_request_id": "r-1",
            "spanframe.experiment": "shop",
            "user.id": "ann",
            "gen_ai.conversation.id": "later",
            "session.id": "s-1",
            "anything.else": "stays on the span",
        }
    ) == {
        ("tags.environment", Source.EXPLICIT, "production"),
        ("name", Source.EXPLICIT, "renamed"),
        ("metadata.app_version", Source.EXPLICIT, "1.2"),
        ("status", Source.EXPLICIT, "ERROR"),
        ("client_request_id", Source.EXPLICIT, "r-1"),
        ("experiment", Source.EXPLICIT, "shop"),
        ("metadata.mlflow.trace.user", Source.CONVENTION, "ann"),
        ("metadata.mlflow.trace.session", Source.CONVENTION, "s-1"),
    }


@pytest.mark.parametrize(
    "attributes",
    [
        {"mlflow.traceTag.": "no key"},
        {"mlflow.traceTag.mlflow.artifactLocation": "s3://elsewhere"},
        {"spanframe.metadata.mlflow.traceInputs": "forged"},
        {"spanframe.trace.state": "DONE"},
        {"user.id": ""},
    ],
)
def test_reserved_and_empty_keys_are_no_facts(attributes: dict[str, Any]) -> None:
    assert facts(attributes) == set()


def test_resource_attributes_are_tags_but_those_of_the_sdk() -> None:
    resource = {
        "service.name": "shop",
        "telemetry.sdk.name": "opentelemetry",
        "service.instance.id": "9c1b6f3e",
        "spanframe.experiment": "e",
        "spanframe.metadata.mlflow.user": "root",
        "spanframe.metadata.mlflow.traceInputs": "forged",
        "replicas": 3,
    }
    assert facts({}, resource=resource) == {
        ("tags.service.name", Source.RESOURCE, "shop"),
        ("tags.replicas", Source.RESOURCE, "3"),
        ("experiment", Source.RESOURCE, "e"),
        ("metadata.mlflow.user", Source.RESOURCE, "root"),
    }


@pytest.mark.parametrize(
    ("service", "is_named"),
    [
        ("unknown_service", False),
        ("unknown_service:python", False),
        ("unknown_services", True),
        ("my unknown_service", True),
        (7, True),
    ],
)
def test_the_name_of_a_service_without_one_is_no_tag(
    service: str | int, is_named: bool
) -> None:
    stated = facts({}, resource={"service.name": service})
    assert stated == (
        {("tags.service.name", Source.RESOURCE, str(service))} if is_named else set()
    )


def test_the_json_around_every_value_of_the_mlflow_sdk_is_undone() -> None:
    attributes = {"user.id": '"ann"', "mlflow.traceTag.t": '"quoted"'}
    assert facts(attributes, scope="mlflow.tracing.provider") == {
        ("metadata.mlflow.trace.user", Source.CONVENTION, "ann"),
        ("tags.t", Source.EXPLICIT, '"quoted"'),
    }


def test_equal_resources_in_another_order_are_one_resource() -> None:
    [one] = decode(span(), resource={"a": 1, "b": 2})
    [two] = decode(span(), resource={"b": 2, "a": 1})
    [other] = decode(span(), resource={"a": 1, "b": "2"})
    assert one.resource.digest == two.resource.digest != other.resource.digest
    assert one.digest == two.digest != other.digest


def test_headers_speak_for_spans_that_say_nothing() -> None:
    header = Fact("experiment_id", Source.RESOURCE, "5")
    decoded = decode_request(request(span()).SerializeToString(), (header,))
    assert decoded.rows[0].facts == (header,)


def test_of_two_equal_keys_the_last_wins() -> None:
    message = span()
    message.attributes.extend(pairs({"mlflow.traceTag.t": "first"}))
    message.attributes.extend(pairs({"mlflow.traceTag.t": "last"}))
    [row] = decode(message)
    assert [fact.value for fact in row.facts] == ["last"]


def test_values_nested_too_deep_do_not_stop_the_span() -> None:
    value: Any = "leaf"
    for _ in range(45):
        value = [value]
    [row] = decode(span(attributes={"input.value": value}))
    assert previews_of(row).trace_inputs.count("[") == 32


CHAT = json.dumps(
    {
        "messages": [
            {"role": "system", "content": "x" * 100_000},
            {"role": "user", "content": "how long is it?"},
        ]
    }
)


@pytest.mark.parametrize("fields", [{}, {"parent": 2, "flags": REMOTE_PARENT}])
def test_of_a_large_root_only_short_texts_are_kept_beside_the_body(
    fields: dict[str, Any],
) -> None:
    attributes = {"mlflow.spanInputs": CHAT, "mlflow.spanOutputs": "\u2603" * 9000}
    [row] = decode(span(1, attributes=attributes, **fields))
    assert row.previews is not None
    assert row.previews.request_preview == "how long is it?"
    assert [len(text or "") for text in row.previews] == [15, 1000, 250, 250]


def test_of_many_large_roots_some_are_parsed_when_they_speak_for_their_traces() -> None:
    attributes = {"mlflow.spanInputs": CHAT}
    rows = decode(*[span(n, attributes=attributes) for n in range(1, 31)], span(31))
    at_hand = [row.previews is not None for row in rows]
    assert at_hand == [True] * 20 + [False] * 10 + [True]
    assert len({previews_of(row) for row in rows[:30]}) == 1


def test_a_span_inside_has_the_previews_that_it_would_have_as_root() -> None:
    attributes = {"mlflow.spanInputs": CHAT, "output.value": "words"}
    [root, inner] = decode(
        span(1, attributes=attributes), span(2, parent=1, attributes=attributes)
    )
    assert inner.previews is None
    assert previews_of(inner) == root.previews


def test_line_breaks_are_no_elements() -> None:
    """However many: a text is one value."""
    poem = span(1, attributes={"a": "a\n" * 1_900_000, "b": [1] * 1000})
    [row] = decode_request(request(poem).SerializeToString()).rows
    assert row.body == poem.SerializeToString()


def test_a_resource_of_countless_values_costs_its_spans_alone() -> None:
    bad = request(span(1), resource={"a": [None] * 700_000})
    both = bad.SerializeToString() + request(span(2)).SerializeToString()
    decoded = decode_request(both)
    assert [tuple(r) for r in decoded.rejected] == [("resource_too_large", 1)]
    assert [row.span_id for row in decoded.rows] == [2]


@pytest.fixture(scope="module")
def countless() -> list[KeyValue]:
    return pairs({"a": {"b": [None] * 700_000}})


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"attributes": {"a": "x" * (4 << 20)}}, "span_too_large"),
        ({"links": [{}] * 50_000}, "span_too_many_parts"),
    ],
    ids=["bytes", "links"],
)
def test_a_span_that_would_fill_the_memory_costs_that_span_alone(
    fields: dict[str, Any], reason: str
) -> None:
    decoded = decode_request(request(span(1, **fields), span(2)).SerializeToString())
    assert [tuple(r) for r in decoded.rejected] == [(reason, 1)]
    assert [row.span_id for row in decoded.rows] == [2]


@pytest.mark.parametrize("place", ["span", "links", "events"])
def test_a_span_of_countless_values_costs_that_span_alone(
    countless: list[KeyValue], place: str
) -> None:
    bad = span(1)
    holder = bad if place == "span" else getattr(bad, place).add()
    holder.attributes.extend(countless)
    decoded = decode_request(request(bad, span(2)).SerializeToString())
    assert [tuple(r) for r in decoded.rejected] == [("span_too_many_parts", 1)]
    assert [row.span_id for row in decoded.rows] == [2]


@pytest.mark.parametrize("scopes", [1, 3])
def test_a_request_of_countless_spans_is_refused(scopes: int) -> None:
    """Catalogue 49: two bytes a span must not become hundreds each."""
    scope = rebuild(RawScope(b"", b"", b"", b"", [b""] * (100_001 // scopes + 1)))
    with pytest.raises(TooManyPartsError):
        decode_request(scope * scopes)


NUMBERS = [7] * 150_000
DEEP = partial(pytest.param, marks=pytest.mark.deep)


@pytest.mark.parametrize(
    ("attributes", "spans"),
    [
        ({f"k{n}": "v" for n in range(10_000)}, 41),
        DEEP({f"k{n}": "v" for n in range(100)}, 4001),
        ({"numbers": NUMBERS}, 3),
        DEEP({"numbers": {"inside": [NUMBERS]}}, 3),
        DEEP({"numbers": {f"k{n}": n for n in range(15_000)}}, 28),
        ({f"mlflow.traceTag.{n}": "v" for n in range(10_000)}, 5),
    ],
    ids=["attributes", "of many spans", "numbers", "deep", "maps", "tags"],
)
def test_a_request_of_countless_attributes_is_refused(
    attributes: dict[str, Any], spans: int
) -> None:
    """Catalogue 49: any of these takes its senders a second, and no more."""
    first = span(attributes=attributes)
    messages = []
    for number in range(1, spans + 1):
        messages.append(Span())
        messages[-1].CopyFrom(first)
        messages[-1].span_id = number.to_bytes(8, "big")
    with pytest.raises(TooManyValuesError):
        decode_request(request(*messages).SerializeToString())
    fewer = request(*messages[: spans * 9 // 10]).SerializeToString()
    assert len(decode_request(fewer).rows) == spans * 9 // 10


def test_large_resources_are_counted() -> None:
    one = request(span(1), resource={"numbers": [7] * 600_000}).SerializeToString()
    assert len(decode_request(one).rows) == 1
    with pytest.raises(TooManyValuesError):
        decode_request(one * 3)


def test_large_but_legal_spans_are_taken() -> None:
    """Catalogue 22: 10 000 attributes, events or links; a value of 1 MiB."""
    many = {f"key {n}": n for n in range(10_000)}
    rows = decode(
        span(1, attributes=many),
        span(2, events=[{"name": "e"}] * 10_000),
        span(3, links=[{"trace_id": b"x" * 16, "span_id": b"y" * 8}] * 10_000),
        span(4, attributes={"long": "x" * (1 << 20)}),
    )
    assert len(rows) == 4


def test_nul_is_replaced_in_what_is_derived_and_kept_in_the_body() -> None:
    message = span(1, name="a\0b", attributes={"mlflow.traceTag.k\0": "v\0"})
    [row] = decode(message)
    assert row.signature.name == "a\N{REPLACEMENT CHARACTER}b"
    [fact] = row.facts
    assert (fact.field[-1], fact.value[-1]) == ("\N{REPLACEMENT CHARACTER}",) * 2
    assert Span.FromString(row.body) == message


# --- what a sender is told ------------------------------------------------------------


def _attribute(key: bytes, value: bytes) -> bytes:
    return _field(9, _field(1, key) + _field(2, value))


def _nested(levels: int) -> bytes:
    value = b""
    for _ in range(levels):
        value = _field(5, _field(1, value))
    return value


WRONG: list[tuple[dict[str, Any], bytes, str]] = [
    ({"trace_id": b""}, b"", "trace_id of span 0000000000000007 is absent"),
    ({"trace_id": bytes(16)}, b"", "trace_id of span 0000000000000007 is all zeros"),
    (
        {"trace_id": b"abc"},
        b"",
        "trace_id of span 0000000000000007 has 3 bytes, not 16",
    ),
    ({"span_id": b""}, b"", "span_id of span 1 of the request is absent"),
    (
        {"parent_span_id": b"12"},
        b"",
        "parent_span_id of span 0000000000000007 has 2 bytes, not 8",
    ),
    (
        {"end_time_unix_nano": 1 << 63},
        b"",
        "span 0000000000000007 starts or ends after the year 2262",
    ),
    ({}, b"\x2a\x01\xff", "name (not UTF-8) of span 0000000000000007 is unreadable"),
    ({}, b"\x1a\x01\xff", "trace_state (not UTF-8) of span 0000000000000007 is"),
    (
        {},
        _attribute(b"k", _field(1, b"\xff")),
        "the attribute k (text that is not UTF-8, or",
    ),
    ({}, _attribute(b"k\xff", b"v"), "the attribute k\ufffd (key not UTF-8) of span"),
    (
        {},
        _attribute(b"deep", _nested(60)),
        "the attribute deep (text that is not UTF-8, or",
    ),
    ({}, b"\x5a\x03\x12\x01\xff", "an event of span 0000000000000007 is unreadable"),
    ({}, b"\x6a\x01\xff", "a link of span 0000000000000007 is unreadable"),
    ({}, b"\x7a\x03\x12\x01\xff", "status of span 0000000000000007 is unreadable"),
]


@pytest.mark.parametrize(("fields", "tail", "why"), WRONG, ids=range(len(WRONG)))
def test_a_sender_is_told_which_field_of_a_rejected_span_is_wrong(
    fields: dict[str, Any], tail: bytes, why: str
) -> None:
    whole: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": (7).to_bytes(8, "big"),
        "name": "step",
    }
    body = Span(**(whole | fields)).SerializeToString() + tail
    decoded = decode_request(rebuild(RawScope(b"", b"", b"", b"", [body])))
    assert (decoded.rows, sum(each.spans for each in decoded.rejected)) == ([], 1)
    assert decoded.why.startswith("Rejected: ")
    assert why in decoded.why


def test_a_few_rejected_spans_are_explained_and_the_others_counted() -> None:
    bad = Span(name="\n" + "n" * 5000).SerializeToString()
    decoded = decode_request(rebuild(RawScope(b"", b"", b"", b"", [bad] * 1000)))
    assert decoded.why.endswith("; 992 more were rejected.")
    assert len(decoded.why) < 1000
    resource = b"\x0a\x03\x0a\x01\xff"
    decoded = decode_request(rebuild(RawScope(resource, b"", b"", b"", [bad] * 3)))
    assert "all 3 spans of a resource, as it or its scope is unreadable" in decoded.why
    assert decode_request(rebuild(RawScope(b"", b"", b"", b"", []))).why == ""
