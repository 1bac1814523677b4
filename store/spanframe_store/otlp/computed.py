"""Tags and metadata that MLflow 3.17 shows and that follow from the trace."""

from typing import Final

from spanframe import keys
from spanframe_store.otlp.trace_state import TraceState, entries_of

__all__ = [
    "ARTIFACT_PREFIX",
    "COMPUTED_KEYS",
    "SCHEMA_VERSION",
    "SPANS_LOCATION",
    "shown_entries",
]

ARTIFACT_PREFIX: Final = "spanframe:/traces/"
"""What stands before the request id in the tag ``mlflow.artifactLocation``."""

SPANS_LOCATION: Final = "TRACKING_STORE"
SCHEMA_VERSION: Final = "3"


COMPUTED_KEYS: Final = (
    keys.DERIVED_TAGS | keys.DERIVED_METADATA | {keys.TAG_TRACE_NAME}
) - {keys.META_ENTRIES_DROPPED}
"""The keys that `shown_entries` adds."""


def shown_entries(
    trace_id: bytes, state: TraceState
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tags and the metadata of a trace, with those that follow from it.

    Args:
        trace_id: the 16 bytes of the trace id.
        state: of the trace.
    """
    own_tags, own_metadata = entries_of(state)
    tags = own_tags | {
        keys.TAG_TRACE_NAME: state.values["name"],
        keys.TAG_ARTIFACT_LOCATION: ARTIFACT_PREFIX + keys.request_id(trace_id),
        keys.TAG_SPANS_LOCATION: SPANS_LOCATION,
    }
    metadata = own_metadata | {
        keys.META_TRACE_INPUTS: state.values["trace_inputs"],
        keys.META_TRACE_OUTPUTS: state.values["trace_outputs"],
        keys.META_SCHEMA_VERSION: SCHEMA_VERSION,
        keys.META_SIZE_BYTES: str(state.size_bytes),
    }
    return _present(tags), _present(metadata)


def _present(entries: dict[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in entries.items() if value is not None}
