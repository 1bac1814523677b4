"""The client half of OTLP that the app's exporter and forwarding share."""

from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spanframe._otlp_client import (
    Rejection,
    bearer,
    error_text,
    is_retryable,
    rejection,
    requested_delay_s,
    target_of,
)

BARE = "google.rpc.retryinfo-bin"
DETAILS = "grpc-status-details-bin"


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        ("http://collector.example", ("collector.example:4317", False)),
        ("http://127.0.0.1:5", ("127.0.0.1:5", False)),
        ("https://collector.example:443", ("collector.example:443", True)),
        ("http://[::1]:5", ("[::1]:5", False)),
        ("https://[::1]", ("[::1]:4317", True)),
        ("unix:/run/otlp.sock", ("unix:/run/otlp.sock", False)),
    ],
)
def test_targets(endpoint: str, target: tuple[str, bool]) -> None:
    assert target_of(endpoint) == target


def retry_info(seconds: float) -> RetryInfo:
    delay = Duration()
    delay.FromMilliseconds(int(seconds * 1000))
    return RetryInfo(retry_delay=delay)


def details(*messages: Any) -> bytes:
    packed = []
    for message in messages:
        packed.append(AnyMessage())
        packed[-1].Pack(message)
    return bytes(Status(code=8, details=packed).SerializeToString())


@pytest.mark.parametrize(
    ("trailers", "delay_s"),
    [
        (None, 0),
        ([], 0),
        ([("x", "y")], 0),
        ([(BARE, retry_info(1.5).SerializeToString())], 1.5),
        ([(DETAILS, details(retry_info(2)))], 2),
        ([(DETAILS, details(ErrorInfo(reason="full"), retry_info(2)))], 2),
        ([(DETAILS, details(ErrorInfo(reason="full")))], 0),
        ([(BARE, retry_info(3600).SerializeToString())], 60),
        ([(BARE, retry_info(-1).SerializeToString())], 0),
        ([(BARE, b"\xff")], 0),
        ([(DETAILS, b"\xff")], 0),
    ],
)
def test_the_delay_that_a_server_asks_for(trailers: Any, delay_s: float) -> None:
    assert requested_delay_s(trailers) == delay_s


def test_a_full_server_is_retried_only_when_it_says_when() -> None:
    assert is_retryable("UNAVAILABLE", 0)
    assert is_retryable("RESOURCE_EXHAUSTED", 0.1)
    assert not is_retryable("RESOURCE_EXHAUSTED", 0)
    assert not is_retryable("INVALID_ARGUMENT", 5)


@pytest.mark.parametrize(("told", "counted"), [(2, 2), (9, 3), (-1, 0), (0, 0)])
def test_rejected_spans_are_at_most_those_of_the_request(
    told: int, counted: int
) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=told, error_message="why")
    response = ExportTraceServiceResponse(partial_success=partial)
    assert rejection(response.SerializeToString(), 3) == Rejection(counted, "why")


def test_a_response_that_cannot_be_read_rejects_nothing() -> None:
    assert rejection(b"\xff", 3) == Rejection(0, "")
    assert rejection(b"", 3) == Rejection(0, "")


def test_an_error_is_told_by_its_end_and_cannot_break_the_line() -> None:
    assert error_text("ABORTED", None) == "ABORTED"
    assert error_text("ABORTED", "a\nb") == "ABORTED: a b"
    assert error_text("ABORTED", "x" * 999 + "cause") == f"ABORTED: … {'x' * 195}cause"
    assert error_text("ABORTED", "x" * 999 + " a cause") == "ABORTED: … a cause"
    assert error_text("ABORTED", "x" * 200) == f"ABORTED: {'x' * 200}"


def test_without_a_token_there_is_no_authorization() -> None:
    assert bearer("") == {}
    assert bearer("t") == {"authorization": "Bearer t"}
