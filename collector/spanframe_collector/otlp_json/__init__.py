"""OTLP/JSON to OTLP protobuf, so that everything behind the receiver is shared."""

from spanframe_collector.otlp_json.translation import Translated, to_protobuf

__all__ = ["Translated", "to_protobuf"]
