"""Constants of MLflow: ``from spanframe.tracing.constant import SpanAttributeKey``."""

from typing import Final

from spanframe import keys
from spanframe._recorded import (
    SPAN_CHAT_TOOLS,
    SPAN_DESCRIPTION,
    SPAN_INTERMEDIATE_OUTPUTS,
    SPAN_LOG_LEVEL,
)

__all__ = [
    "STREAM_CHUNK_EVENT_NAME_FORMAT",
    "STREAM_CHUNK_EVENT_VALUE_KEY",
    "TRACE_REQUEST_ID_PREFIX",
    "TRACE_SCHEMA_VERSION",
    "TRACE_SCHEMA_VERSION_KEY",
    "CostKey",
    "SpanAttributeKey",
    "TokenUsageKey",
    "TraceMetadataKey",
    "TraceTagKey",
]

TRACE_REQUEST_ID_PREFIX: Final = keys.REQUEST_ID_PREFIX
TRACE_SCHEMA_VERSION: Final = 3
TRACE_SCHEMA_VERSION_KEY: Final = keys.META_SCHEMA_VERSION
STREAM_CHUNK_EVENT_NAME_FORMAT: Final = "mlflow.chunk.item.{index}"
STREAM_CHUNK_EVENT_VALUE_KEY: Final = "mlflow.chunk.value"


class SpanAttributeKey:
    """Keys of attributes of a span."""

    REQUEST_ID: Final = "mlflow.traceRequestId"
    INPUTS: Final = keys.SPAN_INPUTS
    OUTPUTS: Final = keys.SPAN_OUTPUTS
    SPAN_TYPE: Final = keys.SPAN_TYPE
    LOG_LEVEL: Final = SPAN_LOG_LEVEL
    FUNCTION_NAME: Final = keys.SPAN_FUNCTION_NAME
    DESCRIPTION: Final = SPAN_DESCRIPTION
    CHAT_TOOLS: Final = SPAN_CHAT_TOOLS
    CHAT_USAGE: Final = keys.CHAT_USAGE
    LLM_COST: Final = keys.LLM_COST
    MODEL: Final = keys.LLM_MODEL
    MODEL_PROVIDER: Final = keys.LLM_PROVIDER
    MESSAGE_FORMAT: Final = "mlflow.message.format"
    INTERMEDIATE_OUTPUTS: Final = SPAN_INTERMEDIATE_OUTPUTS
    USER_ID: Final = keys.USER_ID
    SESSION_ID: Final = keys.SESSION_ID
    TRACE_TAG_PREFIX: Final = keys.TAG_PREFIX


class TraceMetadataKey:
    """Keys of metadata of a trace."""

    INPUTS: Final = keys.META_TRACE_INPUTS
    OUTPUTS: Final = keys.META_TRACE_OUTPUTS
    SOURCE_RUN: Final = keys.META_SOURCE_RUN
    MODEL_ID: Final = keys.META_MODEL_ID
    TOKEN_USAGE: Final = keys.META_TOKEN_USAGE
    COST: Final = keys.META_COST
    TRACE_USER: Final = keys.META_USER
    TRACE_SESSION: Final = keys.META_SESSION
    SIZE_BYTES: Final = keys.META_SIZE_BYTES


class TraceTagKey:
    """Keys of tags of a trace."""

    TRACE_NAME: Final = keys.TAG_TRACE_NAME
    SPANS_LOCATION: Final = keys.TAG_SPANS_LOCATION


class TokenUsageKey:
    """Keys of the value of `SpanAttributeKey.CHAT_USAGE`."""

    INPUT_TOKENS: Final = "input_tokens"
    OUTPUT_TOKENS: Final = "output_tokens"
    TOTAL_TOKENS: Final = "total_tokens"
    CACHE_READ_INPUT_TOKENS: Final = "cache_read_input_tokens"
    CACHE_CREATION_INPUT_TOKENS: Final = "cache_creation_input_tokens"


class CostKey:
    """Keys of the value of `SpanAttributeKey.LLM_COST`."""

    INPUT_COST: Final = "input_cost"
    OUTPUT_COST: Final = "output_cost"
    TOTAL_COST: Final = "total_cost"
