"""Decodes OTLP into span rows: pure functions, no clock, no I/O."""

from spanframe_store.otlp.envelope import (
    EnvelopeError,
    TooManyPartsError,
    TooManyValuesError,
)
from spanframe_store.otlp.request import (
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
    "TooManyValuesError",
    "decode_request",
    "decode_stored",
    "previews_of",
    "span_digest",
]
