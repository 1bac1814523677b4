"""Keys of attributes, tags and metadata, shared by all packages.

A real MLflow server and any OpenTelemetry backend read what spanframe sends.
"""

from collections.abc import Container
from typing import Final

# --- on any span: JSON text ---------------------------------------------------
SPAN_INPUTS: Final = "mlflow.spanInputs"
SPAN_OUTPUTS: Final = "mlflow.spanOutputs"
SPAN_TYPE: Final = "mlflow.spanType"
SPAN_FUNCTION_NAME: Final = "mlflow.spanFunctionName"
CHAT_USAGE: Final = "mlflow.chat.tokenUsage"
LLM_MODEL: Final = "mlflow.llm.model"
LLM_PROVIDER: Final = "mlflow.llm.provider"
LLM_COST: Final = "mlflow.llm.cost"
COST_SOURCE: Final = "spanframe.cost.source"

# --- trace-level facts, carried by any span of the trace: plain text ------------
TAG_PREFIX: Final = "mlflow.traceTag."
METADATA_PREFIX: Final = "spanframe.metadata."
TRACE_FIELD_PREFIX: Final = "spanframe.trace."
TRACE_NAME: Final = "spanframe.trace.name"
TRACE_STATE: Final = "spanframe.trace.state"
TRACE_REQUEST_PREVIEW: Final = "spanframe.trace.request_preview"
TRACE_RESPONSE_PREVIEW: Final = "spanframe.trace.response_preview"
TRACE_CLIENT_REQUEST_ID: Final = "spanframe.trace.client_request_id"
EXPERIMENT: Final = "spanframe.experiment"
EXPERIMENT_ID: Final = "spanframe.experiment_id"
USER_ID: Final = "user.id"
SESSION_ID: Final = "session.id"
TRACE_SAYS_PREFIX: Final = "spanframe.trace.says."
"""The start of the key that marks ``user.id`` or ``session.id``, which other senders
set on spans, as stated of the trace."""

SHARED_KEYS: Final = (USER_ID, SESSION_ID)
"""Keys of facts of a trace that are those of attributes of spans as well."""

# --- on the resource or the request -------------------------------------------
SERVICE_NAME: Final = "service.name"
MLFLOW_EXPERIMENT_HEADER: Final = "x-mlflow-experiment-id"
MLFLOW_RUN_HEADER: Final = "x-mlflow-run-id"

# --- trace tags ---------------------------------------------------------------
TAG_TRACE_NAME: Final = "mlflow.traceName"
TAG_ARTIFACT_LOCATION: Final = "mlflow.artifactLocation"
TAG_SPANS_LOCATION: Final = "mlflow.trace.spansLocation"

# --- trace metadata -------------------------------------------------------------
META_TRACE_INPUTS: Final = "mlflow.traceInputs"
META_TRACE_OUTPUTS: Final = "mlflow.traceOutputs"
META_USER: Final = "mlflow.trace.user"
META_SESSION: Final = "mlflow.trace.session"
META_MODEL_ID: Final = "mlflow.modelId"
META_SOURCE_RUN: Final = "mlflow.sourceRun"
META_SCHEMA_VERSION: Final = "mlflow.trace_schema.version"
META_SIZE_BYTES: Final = "mlflow.trace.sizeBytes"
META_ENTRIES_DROPPED: Final = "spanframe.entriesDropped"
META_TOKEN_USAGE: Final = "mlflow.trace.tokenUsage"  # noqa: S105 - tokens of a model

META_COST: Final = "mlflow.trace.cost"
META_COST_SOURCE: Final = "spanframe.cost.source"
META_ERROR: Final = "spanframe.error"
META_SERVICE_PREFIX: Final = "spanframe.service."

# --- tags and metadata that no app sets ------------------------------------------
DERIVED_TAGS: Final = frozenset({TAG_ARTIFACT_LOCATION, TAG_SPANS_LOCATION})
"""Tags that follow from the trace; a value that is sent for them is ignored."""

DERIVED_METADATA: Final = frozenset(
    {
        META_TRACE_INPUTS,
        META_TRACE_OUTPUTS,
        META_SCHEMA_VERSION,
        META_SIZE_BYTES,
        META_ENTRIES_DROPPED,
    }
)
"""Metadata that follow from the trace; a value that is sent for them is ignored."""

RESERVED_TAGS: Final = DERIVED_TAGS | {
    "mlflow.user",
    "mlflow.trace.archiveLocation",
    "mlflow.trace.archivalFailure",
}
"""Tags that no call sets or deletes: MLflow 3.17 refuses to change them."""

RESERVED_METADATA: Final = DERIVED_METADATA | {
    "mlflow.trace.sizeStats",
    "mlflow.trace.infoFinalized",
}
"""Metadata that no call sets."""

_TRACE_PREFIXES: Final = (TAG_PREFIX, METADATA_PREFIX, TRACE_FIELD_PREFIX, EXPERIMENT)


def carries_trace_fact(name: str, among: Container[str]) -> bool:
    """Return whether an attribute only carries a fact of its trace to the store.

    The app did not set it on the span, so readers of the span do not show it.

    Args:
        name: the name of the attribute.
        among: the names of all attributes of the span.
    """
    if name in SHARED_KEYS:
        return TRACE_SAYS_PREFIX + name in among
    return name.startswith(_TRACE_PREFIXES)


# --- events --------------------------------------------------------------------
EXCEPTION_EVENT: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

# --- the service -----------------------------------------------------------------
_NO_SERVICE: Final = "unknown_service"


def is_no_service(value: object) -> bool:
    """Return whether a ``service.name`` is what SDKs write when the app gives none."""
    return value == _NO_SERVICE or str(value).startswith(f"{_NO_SERVICE}:")


# --- request ids ----------------------------------------------------------------
REQUEST_ID_PREFIX: Final = "tr-"


def request_id(trace_id: int | bytes) -> str:
    """Write an OpenTelemetry trace id as a request id, ``tr-`` and 32 hex digits."""
    raw = trace_id if isinstance(trace_id, bytes) else trace_id.to_bytes(16, "big")
    return REQUEST_ID_PREFIX + raw.hex()
