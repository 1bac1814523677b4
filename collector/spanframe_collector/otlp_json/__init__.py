"""Translates OTLP/JSON to OTLP protobuf, which is all that is decoded."""

from spanframe_collector.otlp_json.translation import (
    MAX_OBJECTS,
    MAX_VALUES,
    OtherSignalError,
    TooManyObjectsError,
    Translated,
    logs_to_protobuf,
    to_protobuf,
)

__all__ = [
    "MAX_OBJECTS",
    "MAX_VALUES",
    "OtherSignalError",
    "TooManyObjectsError",
    "Translated",
    "logs_to_protobuf",
    "to_protobuf",
]
