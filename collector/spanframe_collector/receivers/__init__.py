"""The receivers: each turns requests of one transport into calls of `Ingest`."""
