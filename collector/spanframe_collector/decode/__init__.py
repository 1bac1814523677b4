"""OTLP bytes to rows: pure functions, no clock, no I/O."""

from spanframe_collector.decode.envelope import EnvelopeError, TooManyPartsError
from spanframe_collector.decode.request import (
    Decoded,
    contents,
    decode_request,
    decode_stored,
    span_digest,
)

__all__ = [
    "Decoded",
    "EnvelopeError",
    "TooManyPartsError",
    "contents",
    "decode_request",
    "decode_stored",
    "span_digest",
]
