"""Stores of traces: what a store is, which engines exist, and how OTLP is kept."""
