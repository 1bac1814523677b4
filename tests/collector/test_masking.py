"""Values under named keys are masked wherever they hide; nothing else changes."""

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from spanframe._key_patterns import key_patterns
from spanframe_collector.masking import Masker
from spanframe_store.otlp import EnvelopeError, decode_request
from spanframe_store.otlp.anyvalue import plain
from tests.plugins.otlp import pairs, request, span

MASKER = Masker(key_patterns("*password*, api[-_]?key, client_id"))

MASKED = '{"apikey": "[redacted]"}'
DEEP = "[" * 600 + "%s" + "]" * 600


def masked(message: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(
        MASKER.request(message.SerializeToString())
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"password": "hunter2"}, {"password": "[redacted]"}),
        ({"db.PASSWORD.old": 5}, {"db.PASSWORD.old": "[redacted]"}),
        ({"a": {"api-key": "k", "b": 1}}, {"a": {"api-key": "[redacted]", "b": 1}}),
        ({"a": [{"apikey": "k"}]}, {"a": [{"apikey": "[redacted]"}]}),
        (
            {"mlflow.spanInputs": '{"user": "ann", "login": [{"password": "x"}]}'},
            {
                "mlflow.spanInputs": '{"user": "ann", "login": '
                '[{"password": "[redacted]"}]}'
            },
        ),
        ({"cut": '{"password": "hun...'}, {"cut": "[redacted]"}),
        ({"cut": '{"a": {"api\\u006bey": "k"}, "b...'}, {"cut": "[redacted]"}),
        ({"twice": '{"a": {"apikey": 1}, "a": 2}'}, {"twice": '{"a": 2}'}),
        ({"twice": '{"apikey": 1, "apikey": "[redacted]"}'}, {"twice": MASKED}),
        ({"masked": '{"apikey":"[redacted]"}'}, {"masked": '{"apikey":"[redacted]"}'}),
        ({"escaped": '{"api\\u006bey": 1}'}, {"escaped": MASKED}),
        ({"deep": DEEP % '{"apikey": 1}'}, {"deep": DEEP % MASKED}),
        ({"cut": '{"userPassword": "hun...'}, {"cut": "[redacted]"}),
        ({"cut": '{"a": "{\\"client-id\\": 5'}, {"cut": "[redacted]"}),
        ({"cut": '{"client_idea": "kept...'}, {"cut": '{"client_idea": "kept...'}),
        ({"cut": '{"my.API-key": "hun...'}, {"cut": "[redacted]"}),
        ({"app.clientId": 5}, {"app.clientId": "[redacted]"}),
        ({"clientId": 5, "client_ids": 5}, {"clientId": "[redacted]", "client_ids": 5}),
        ({"text": "my password is long"}, {"text": "my password is long"}),
        ({"json": '["the password"]'}, {"json": '["the password"]'}),
        ({"json": '{"a":1}'}, {"json": '{"a":1}'}),
    ],
)
def test_attributes(before: dict[str, Any], after: dict[str, Any]) -> None:
    message = masked(request(span(attributes=before)))
    [found] = message.resource_spans[0].scope_spans[0].spans
    assert {kv.key: plain(kv.value) for kv in found.attributes} == after


@pytest.mark.parametrize("depth", range(900, 1020, 7))
def test_text_as_deep_as_python_goes_is_masked(depth: int) -> None:
    text = "[" * depth + '{"apikey": "hunter2"}' + "]" * depth
    message = request(span(attributes={"deep": text}))
    found = MASKER.request(message.SerializeToString())
    assert b"hunter2" not in found
    assert b"[redacted]" in found


def test_events_links_scopes_and_resources() -> None:
    secret = {"password": "hunter2", "open": "kept"}
    message = request(span(), resource=secret)
    scope = message.resource_spans[0].scope_spans[0]
    scope.scope.attributes.extend(pairs(secret))
    scope.spans[0].events.add().attributes.extend(pairs(secret))
    scope.spans[0].links.add().attributes.extend(pairs(secret))
    found = MASKER.request(message.SerializeToString())
    assert b"hunter2" not in found
    assert found.count(b"kept") == 4
    assert found.count(b"[redacted]") == 4


def test_without_a_named_key_every_span_stays_as_it_was() -> None:
    message = request(span(1), span(2), resource={"a": 1}, scope="s")
    message.MergeFrom(request(span(3), resource={"b": 1}, scope="t"))
    message.resource_spans[1].schema_url = "r"
    message.resource_spans[1].scope_spans[0].schema_url = "s"
    assert masked(message) == message


def test_a_span_that_cannot_be_read_is_rejected_and_not_passed_on() -> None:
    broken = request(span(1), span(2, name="secret-name")).SerializeToString()
    broken = broken.replace(b"secret-name", b"secret-nam\xff")
    found = MASKER.request(broken)
    assert b"secret" not in found
    decoded = decode_request(found)
    assert [tuple(r) for r in decoded.rejected] == [("undecodable_span", 1)]
    assert [row.span_id for row in decoded.rows] == [1]


def test_what_is_no_request_is_refused() -> None:
    with pytest.raises(EnvelopeError):
        MASKER.request(b"garbage")
