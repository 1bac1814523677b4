"""spanframe: OpenTelemetry traces in, pandas DataFrames out."""
