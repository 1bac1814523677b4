"""Decodes OTLP into span rows: pure functions, no clock, no I/O."""

from spanframe_collector.decode.envelope import EnvelopeError, TooManyPartsError
from spanframe_collector.decode.request import (
    Decoded,
    decode_request,
    decode_stored,
    previews_of,
    span_digest,
)

__all__ = [
    "Decoded",
    "EnvelopeError",
    "TooManyPartsError",
    "decode_request",
    "decode_stored",
    "previews_of",
    "span_digest",
]
