"""Why a span failed, wherever its sender says so."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp import decode_request
from spanframe_store.otlp.failures import Outcome, outcome_of
from tests.plugins.otlp import pairs, request, span

UNSET, OK, ERROR = range(3)
BOOM = {"exception.type": "ValueError", "exception.message": "boom"}
LANGFUSE = {
    "langfuse.observation.level": "ERROR",
    "langfuse.observation.status_message": "boom",
}


def failed(
    code: int = ERROR,
    message: str = "",
    exceptions: tuple[dict[str, Any], ...] = (),
    **given: Any,
) -> Span:
    events = [Span.Event(name="exception", attributes=pairs(e)) for e in exceptions]
    status = Status(code=code, message=message)  # type: ignore[arg-type]
    return span(status=status, events=events, **given)


@pytest.mark.parametrize(
    ("message", "attributes", "outcome"),
    [
        (failed(), {}, Outcome(ERROR)),
        (failed(message="no"), {}, Outcome(ERROR, "no", "no")),
        (failed(exceptions=(BOOM,)), {}, Outcome(ERROR, *["ValueError: boom"] * 2)),
        (
            failed(exceptions=({"exception.type": "KeyError"}, BOOM)),
            {},
            Outcome(ERROR, *["ValueError: boom"] * 2),
        ),
        (
            failed(exceptions=({"exception.type": "KeyError"},)),
            {},
            Outcome(ERROR, "KeyError", "KeyError"),
        ),
        (
            failed(message="boom", exceptions=(BOOM,)),
            {},
            Outcome(ERROR, "boom", "ValueError: boom"),
        ),
        (failed(), {"error.type": "timeout"}, Outcome(ERROR, "timeout", "timeout")),
        (failed(), {"error.type": 504}, Outcome(ERROR)),
        (failed(UNSET), LANGFUSE, Outcome(ERROR, "boom", "boom")),
        (failed(OK), LANGFUSE, Outcome(OK)),
        (failed(OK, exceptions=(BOOM,)), {}, Outcome(OK)),
        (
            failed(OK, exceptions=(BOOM,)),
            {"langsmith.span.kind": "llm"},
            Outcome(ERROR, *["ValueError: boom"] * 2),
        ),
        (failed(OK), {"langsmith.span.kind": "llm"}, Outcome(OK)),
    ],
)
def test_an_outcome_says_why(
    message: Span, attributes: dict[str, Any], outcome: Outcome
) -> None:
    assert outcome_of(message, attributes) == outcome


def row_of(message: Span) -> SpanRow:
    [row] = decode_request(request(message).SerializeToString()).rows
    return row


def test_a_failed_span_says_of_its_trace_why() -> None:
    row = row_of(failed(exceptions=(BOOM,)))
    [fact] = row.own_facts
    assert (fact.field, fact.value) == ("metadata.spanframe.error", "ValueError: boom")
    assert row_of(failed(OK, exceptions=(BOOM,))).own_facts == ()


def test_a_level_of_langfuse_is_the_status_that_spans_are_found_by() -> None:
    row = row_of(failed(UNSET, attributes=LANGFUSE))
    assert row.signature.status == "ERROR"


def test_a_long_error_is_cut() -> None:
    [fact] = row_of(failed(message="x" * 5000)).own_facts
    assert len(fact.value) == 1000
