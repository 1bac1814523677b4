"""What every receiver answers to a request that was taken, whatever its transport."""

import logging
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spanframe_collector.ingest import Consumed

__all__ = ["RETRY_SECONDS", "drop_traceback", "response"]

_log: Final = logging.getLogger(__name__)

RETRY_SECONDS: Final = (1, 2)
"""Never 0 (the sender would spend its tries at once), always below its deadline."""


def response(taken: Consumed) -> ExportTraceServiceResponse:
    """Return the answer to a request: empty, but for what its sender should know.

    Senders rarely show what they are told here, so it is logged as well.
    """
    sentences = []
    if taken.rejected:
        reasons = ", ".join(f"{r.spans} {r.reason}" for r in taken.rejected)
        _log.warning("Spans rejected: %s", reasons)
        sentences.append(f"Spans that cannot be stored: {reasons}.")
    if taken.warning:
        _log.warning("A request was odd: %s", taken.warning)
        sentences.append(taken.warning)
    if not sentences:
        return ExportTraceServiceResponse()
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(
            rejected_spans=sum(r.spans for r in taken.rejected),
            error_message=" ".join(sentences),
        )
    )


def drop_traceback(error: BaseException) -> None:
    """Forget where a refusal came from, and so the request that is refused.

    From Python 3.12 on an exception that has passed a context manager is part of a
    circle: it, the frames of its traceback, and all they hold would stay until the
    cyclic garbage collector comes by, which it seldom does here.
    """
    cause: BaseException | None = error
    while cause is not None:
        cause.__traceback__ = None
        cause = cause.__context__
