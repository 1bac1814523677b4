"""The response to a consumed request, the same for every receiver."""

import logging
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spanframe_collector.ingest import Consumed

__all__ = ["RETRY_SECONDS", "drop_traceback", "response_to"]

_log: Final = logging.getLogger(__name__)

RETRY_SECONDS: Final = (1, 2)
"""Minimum and maximum seconds until a refused request is sent again: never 0, which
would use up a sender's retries at once, and below its deadline."""


def response_to(consumed: Consumed) -> ExportTraceServiceResponse:
    """Return the response to a request: empty, or a partial success.

    Few senders show a partial success, so it is logged as well.
    """
    sentences = []
    if consumed.rejected:
        reasons = ", ".join(f"{r.spans} {r.reason}" for r in consumed.rejected)
        _log.warning("Spans that can never be stored were left out: %s", reasons)
        sentences.append(f"Spans that cannot be stored: {reasons}.")
    if consumed.warning:
        _log.warning("A request was accepted with a warning: %s", consumed.warning)
        sentences.append(consumed.warning)
    if not sentences:
        return ExportTraceServiceResponse()
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(
            rejected_spans=sum(r.spans for r in consumed.rejected),
            error_message=" ".join(sentences),
        )
    )


def drop_traceback(error: BaseException) -> None:
    """Drop the traceback of a refusal, and with it the request that is refused.

    From Python 3.12 on an exception that has passed a context manager is part of a
    reference cycle: it, the frames of its traceback, and all they hold would stay in
    memory until the cyclic garbage collector runs, which it seldom does here.
    """
    cause: BaseException | None = error
    while cause is not None:
        cause.__traceback__ = None
        cause = cause.__context__
