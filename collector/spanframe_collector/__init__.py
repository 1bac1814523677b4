"""The collector: OTLP in, one committed store out."""
