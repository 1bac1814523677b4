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

# Names that look like fields, and what to write instead.
NOT_FIELDS: Final = {
    "tags": "Write tags.<key>, for example tags.env",
    "metadata": "Write metadata.<key>, for example metadata.`mlflow.trace.user`",
    "span": "Write span.name, span.type, span.status or span.attributes.<key>",
    "duration": "Write execution_time_ms",
    "user": "Write metadata.`mlflow.trace.user`",
    "user_id": "Write metadata.`mlflow.trace.user`",
    "session": "Write metadata.`mlflow.trace.session`",
    "session_id": "Write metadata.`mlflow.trace.session`",
    "experiment_id": "Use the argument locations of the search",
    "experiment": "Use the argument locations of the search",
}
