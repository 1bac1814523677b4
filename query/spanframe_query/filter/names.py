"""Names of the text language: prefixes, aliases, and names that look like fields."""

from enum import Enum
from typing import Final

from spanframe import keys
from spanframe_store.contract.fields import FIELDS
from spanframe_store.contract.filter import Field, FieldKind

__all__ = ["ATTRIBUTES", "NOT_FIELDS", "SCOPES", "Scope"]


class Scope(Enum):
    """The kind of fields under a prefix."""

    ATTRIBUTE = "attributes"
    TAG = "tags"
    METADATA = "metadata"
    SPAN = "span"
    ASSESSMENT = "feedback"
    ISSUE = "issue"


SCOPES: Final = {
    "attribute": Scope.ATTRIBUTE,
    "attributes": Scope.ATTRIBUTE,
    "trace": Scope.ATTRIBUTE,
    "tag": Scope.TAG,
    "tags": Scope.TAG,
    "metadata": Scope.METADATA,
    "request_metadata": Scope.METADATA,
    "span": Scope.SPAN,
    "feedback": Scope.ASSESSMENT,
    "expectation": Scope.ASSESSMENT,
    "issue": Scope.ISSUE,
}

# The names that need no prefix, and their fields.
ATTRIBUTES: Final = {
    name: Field(row.kind) for row in FIELDS for name in row.names if "." not in name
} | {
    "run_id": Field(FieldKind.METADATA, keys.META_SOURCE_RUN),
    "error": Field(FieldKind.METADATA, keys.META_ERROR),
}

_TIME: Final = "Write timestamp_ms, for example timestamp_ms > '2026-01-31T00:00:00Z'"
_DURATION: Final = "Write execution_time_ms"
_REQUEST: Final = (
    "Write trace.text LIKE '%…%', or span.attributes.mlflow.spanInputs for the inputs "
    "of a span"
)
_RESPONSE: Final = (
    "Write trace.text LIKE '%…%', or span.attributes.mlflow.spanOutputs for the "
    "outputs of a span"
)
_METADATA: Final = "Write metadata.<key>, for example metadata.`mlflow.trace.user`"
_SPAN: Final = "Write span.name, span.type, span.status or span.attributes.<key>"
_USER: Final = "Write metadata.`mlflow.trace.user`"
_SESSION: Final = "Write metadata.`mlflow.trace.session`"
_EXPERIMENT: Final = "Use the argument locations of the search"
_COMPUTED: Final = "No filter compares it; select the rows of the result by its column"

# Names that look like fields, and what to write instead.
NOT_FIELDS: Final = {
    "tags": "Write tags.<key>, for example tags.env",
    "metadata": _METADATA,
    "request_metadata": _METADATA,
    "trace_metadata": _METADATA,
    "span": _SPAN,
    "spans": _SPAN,
    "type": "Write span.type",
    "span_type": "Write span.type",
    "span_name": "Write span.name",
    "span_id": "Write trace_id; no filter compares the ids of spans",
    "parent_id": "Write trace_id; no filter compares the ids of spans",
    "start": _TIME,
    "start_time": _TIME,
    "start_time_ms": _TIME,
    "time": _TIME,
    "end": "Write end_time_ms, a number of milliseconds",
    "duration": _DURATION,
    "duration_ms": _DURATION,
    "request": _REQUEST,
    "input": _REQUEST,
    "inputs": _REQUEST,
    "response": _RESPONSE,
    "output": _RESPONSE,
    "outputs": _RESPONSE,
    "error_type": "Write span.exception.type",
    "error_message": "Write span.exception.message, or error for why a trace failed",
    "model": "Write span.attributes.gen_ai.request.model",
    "provider": "Write span.attributes.gen_ai.provider.name",
    "input_tokens": "Write span.attributes.gen_ai.usage.input_tokens, of a span",
    "output_tokens": "Write span.attributes.gen_ai.usage.output_tokens, of a span",
    "total_tokens": _COMPUTED,
    "cost_usd": _COMPUTED,
    "assessments": "The store keeps no assessments",
    "user": _USER,
    "user_id": _USER,
    "session": _SESSION,
    "session_id": _SESSION,
    "experiment_id": _EXPERIMENT,
    "experiment": _EXPERIMENT,
}
