"""Exports over gRPC: what a sender calls, and what it is answered."""

import random
import time
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceResponse,
)

from tests.plugins.otlp import request, span

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
UNLIMITED = [("grpc.max_send_message_length", -1)]


def export(
    target: str, message: bytes, timeout: float = 20, **options: Any
) -> ExportTraceServiceResponse:
    """Send one request and return the answer; raise unless it is OK."""
    with grpc.insecure_channel(target, options=UNLIMITED) as channel:
        call = channel.unary_unary(
            EXPORT, response_deserializer=ExportTraceServiceResponse.FromString
        )
        answer: ExportTraceServiceResponse = call(message, timeout=timeout, **options)
        return answer


def export_at_last(target: str, message: bytes) -> None:
    """Send until it is taken, as a client does that is told to wait."""
    deadline = time.monotonic() + 20
    while True:
        try:
            export(target, message)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def refusal(target: str, message: bytes, **options: Any) -> grpc.RpcError:
    """Send one request that is refused and return how."""
    with pytest.raises(grpc.RpcError) as caught:
        export(target, message, **options)
    return caught.value


def code_of(target: str, body: bytes, timeout: float = 10) -> grpc.StatusCode:
    """Send one request and return the code of the answer."""
    try:
        export(target, body, timeout=timeout)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def message(number: int, filling: int = 0) -> bytes:
    """Make a request of one span in a trace of its own, with bytes that fill it."""
    # What can be compressed fills no disk.
    chance = random.Random(number)  # noqa: S311 - filling
    attributes = {"filling": chance.randbytes(filling)}
    trace_id = number.to_bytes(16, "big")
    return request(
        span(number, trace_id=trace_id, attributes=attributes)
    ).SerializeToString()
