"""Translates OTLP/JSON to OTLP protobuf, which is all that is decoded."""

from spanframe_collector.otlp_json.translation import (
    OtherSignalError,
    Translated,
    logs_to_protobuf,
    to_protobuf,
)

__all__ = ["OtherSignalError", "Translated", "logs_to_protobuf", "to_protobuf"]
