"""The inputs and outputs of a trace's root, read without decoding the other spans.

A DataFrame shows both for every trace, and no other span content for most traces.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_store.contract.results import SpanBlock
from spanframe_store.otlp.anyvalue import NOT_JSON, loads_shallow
from spanframe_store.otlp.content import decode_body, loads
from spanframe_store.otlp.previews import MAX_METADATA_CHARS
from spanframe_store.otlp.stored_spans import StoredSpan, open_block

__all__ = ["NOTHING", "RootValues", "root_values", "short_values"]

_ABSENT: Final = "null"
_ZEROS: Final = bytes(8)
_PARENT: Final = b"\x22\x08"
"""Field 4 of an OTLP Span, eight bytes long."""


class RootValues(NamedTuple):
    """Inputs and outputs of a root, decoded from JSON; None where it has none."""

    inputs: Any
    outputs: Any


NOTHING: Final = RootValues(None, None)


def short_values(metadata: Mapping[str, str]) -> RootValues | None:
    """Return inputs and outputs from the metadata; None when these are cut or absent.

    The collector stores the beginning of both there; short ones are stored whole.
    """
    inputs = metadata.get(keys.META_TRACE_INPUTS)
    outputs = metadata.get(keys.META_TRACE_OUTPUTS)
    if inputs is None or outputs is None:
        return None
    if len(inputs) >= MAX_METADATA_CHARS or len(outputs) >= MAX_METADATA_CHARS:
        return None
    return RootValues(loads(inputs or _ABSENT), loads(outputs or _ABSENT))


def root_values(blocks: Sequence[SpanBlock]) -> RootValues | None:
    """Return inputs and outputs of the root; None where the root is not obvious.

    Raises:
        StoreError: when the stored bytes are not spans.
    """
    root = _only_root(blocks)
    if root is None:
        return None
    inputs = outputs = ""
    for pair in root.message.attributes:
        key = pair.key
        if key == keys.SPAN_INPUTS:
            inputs = pair.value.string_value
        elif key == keys.SPAN_OUTPUTS:
            outputs = pair.value.string_value
    values = loads_shallow(inputs), loads_shallow(outputs)
    if None in values or NOT_JSON in values:
        # Other conventions may state what MLflow's keys do not.
        texts = decode_body(root).attributes
        return RootValues(
            loads(texts.get(keys.SPAN_INPUTS, _ABSENT)),
            loads(texts.get(keys.SPAN_OUTPUTS, _ABSENT)),
        )
    return RootValues(*values)


def _only_root(blocks: Sequence[SpanBlock]) -> StoredSpan | None:
    """Return the root when the bytes prove that it is the only one; else None."""
    root = None
    bodies: list[bytes] = []
    for block in blocks:
        body, messages = open_block(block)
        bodies.append(body)
        parents = [message.parent_span_id for message in messages]
        roots = parents.count(b"")
        if roots > 1 or (roots and root is not None) or _ZEROS in parents:
            return None
        if roots:
            position = parents.index(b"")
            root = StoredSpan(
                messages[position], block.scope, block.origin, body, position
            )
    if root is None:
        return None
    # Another body under the same id would contain it once more, and not as a parent's.
    # Counting bytes takes a tenth of the time of comparing each span.
    id_ = root.message.span_id
    uses = sum(body.count(id_) - body.count(_PARENT + id_) for body in bodies)
    return root if uses == 1 else None
