"""OTLP bytes to rows: pure functions, no clock, no I/O."""

from spanframe_collector.decode.envelope import EnvelopeError
from spanframe_collector.decode.request import (
    Decoded,
    decode_request,
    decode_stored,
    span_digest,
)

__all__ = [
    "Decoded",
    "EnvelopeError",
    "decode_request",
    "decode_stored",
    "span_digest",
]
