"""OTLP bytes to rows: pure functions, no clock, no I/O."""

from spanframe_store.otlp.envelope import EnvelopeError, TooManyPartsError
from spanframe_store.otlp.request import (
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
