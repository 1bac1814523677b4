"""One sender for each way into a collector; what they are told, in the same words."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Protocol

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.plugins.collector import Collector
from tests.plugins.exports import export
from tests.plugins.http_exports import JSON, PROTOBUF, Answer, send
from tests.plugins.otlp_json import in_json

__all__ = ["EVERY_SENDER", "SENDERS", "Sender", "Told"]

Outcome = Literal["taken", "undecodable", "unauthenticated", "too large", "unavailable"]


class Told(NamedTuple):
    """What a sender is told."""

    outcome: Outcome
    text: str = ""
    rejected: int = 0
    retry_seconds: float | None = None
    """When to send it again; None: never."""


class Sender(Protocol):
    """One way to send a request to a collector."""

    def __call__(
        self,
        collector: Collector,
        message: ExportTraceServiceRequest | bytes,
        *,
        compressed: bool = False,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Told:
        """Send a request, or bytes that are none."""

    def serves(self, collector: Collector) -> bool:
        """Ask the listener whether it serves, as an engine does."""


_OF_CODES: Final[dict[grpc.StatusCode, Outcome]] = {
    grpc.StatusCode.INVALID_ARGUMENT: "undecodable",
    grpc.StatusCode.UNAUTHENTICATED: "unauthenticated",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "too large",
    grpc.StatusCode.UNAVAILABLE: "unavailable",
}
_OF_STATUSES: Final[dict[int, Outcome]] = {
    200: "taken",
    400: "undecodable",
    401: "unauthenticated",
    413: "too large",
    503: "unavailable",
}


class OverGrpc:
    """OTLP over gRPC."""

    def __call__(
        self,
        collector: Collector,
        message: ExportTraceServiceRequest | bytes,
        *,
        compressed: bool = False,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Told:
        body = message if isinstance(message, bytes) else message.SerializeToString()
        options: dict[str, Any] = {"metadata": [*headers.items()]}
        if compressed:
            options["compression"] = grpc.Compression.Gzip
        try:
            answer = export(collector.target, body, **options)
        except grpc.RpcError as error:
            trailers = dict(error.trailing_metadata() or ())
            hint = trailers.get("google.rpc.retryinfo-bin")
            retry = RetryInfo.FromString(hint).retry_delay if hint else None
            return Told(
                _OF_CODES[error.code()],
                str(error.details()),
                retry_seconds=retry and retry.ToTimedelta().total_seconds(),
            )
        told = answer.partial_success
        return Told("taken", told.error_message, told.rejected_spans)

    def serves(self, collector: Collector) -> bool:
        with grpc.insecure_channel(collector.target) as channel:
            asked = health_pb2.HealthCheckRequest()
            answer = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=20)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def __str__(self) -> str:
        return "gRPC"


@dataclass(frozen=True)
class OverHttp:
    """OTLP over HTTP, in one of its encodings."""

    media_type: str

    def __call__(
        self,
        collector: Collector,
        message: ExportTraceServiceRequest | bytes,
        *,
        compressed: bool = False,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Told:
        if isinstance(message, bytes):
            body = message
        elif self.media_type == JSON:
            body = in_json(message)
        else:
            body = message.SerializeToString()
        if compressed:
            body, headers = gzip.compress(body), {**headers, "content-encoding": "gzip"}
        answer = send(collector.http_endpoint, body, self.media_type, **headers)
        assert answer.headers["content-type"] == self.media_type
        if answer.status != 200:
            retry = answer.headers.get("retry-after")
            outcome, seconds = _OF_STATUSES[answer.status], retry and float(retry)
            return Told(outcome, answer.text, retry_seconds=seconds or None)
        return self._taken(answer)

    def _taken(self, answer: Answer) -> Told:
        if self.media_type == JSON:
            told = json.loads(answer.body).get("partialSuccess", {})
            rejected = told.get("rejectedSpans", "0")
            assert isinstance(rejected, str)  # as protobuf's JSON has 64 bits
            return Told("taken", told.get("errorMessage", ""), int(rejected))
        partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
        return Told("taken", partial.error_message, partial.rejected_spans)

    def serves(self, collector: Collector) -> bool:
        answer = send(collector.http_endpoint, method="GET", path="/readyz")
        return answer.status == 200

    def __str__(self) -> str:
        return self.media_type


SENDERS: Final[tuple[Sender, ...]] = (OverGrpc(), OverHttp(PROTOBUF), OverHttp(JSON))
EVERY_SENDER: Final = pytest.mark.parametrize("sender", SENDERS, ids=str)
"""Runs a test once for each way into a collector."""
