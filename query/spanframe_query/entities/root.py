"""The inputs and outputs of a trace's root, read without decoding the rest of it.

A frame shows these two of every trace, and of most traces nothing else is looked at.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_store.contract.results import SpanBlock
from spanframe_store.otlp.anyvalue import NOT_JSON
from spanframe_store.otlp.anyvalue import loads as json_value
from spanframe_store.otlp.content import decode_body, loads
from spanframe_store.otlp.previews import MAX_METADATA_CHARS
from spanframe_store.otlp.stored_spans import StoredSpan, open_block

__all__ = ["NOTHING", "RootValues", "root_values", "short_values"]

_ABSENT: Final = "null"
_ZEROS: Final = bytes(8)
_PARENT: Final = b"\x22\x08"
"""Field 4 of an OTLP Span, eight bytes long."""


class RootValues(NamedTuple):
    """What the root says, decoded from JSON; None where it says nothing."""

    inputs: Any
    outputs: Any


NOTHING: Final = RootValues(None, None)


def short_values(metadata: Mapping[str, str]) -> RootValues | None:
    """Return what the root says when all of it is in the metadata; else None.

    The collector puts the beginning of inputs and outputs there, which of short ones is
    the whole.
    """
    inputs = metadata.get(keys.META_TRACE_INPUTS)
    outputs = metadata.get(keys.META_TRACE_OUTPUTS)
    if inputs is None or outputs is None:
        return None
    if len(inputs) >= MAX_METADATA_CHARS or len(outputs) >= MAX_METADATA_CHARS:
        return None
    return RootValues(loads(inputs or _ABSENT), loads(outputs or _ABSENT))


def root_values(blocks: Sequence[SpanBlock]) -> RootValues | None:
    """Return what the root of a trace says; None where it is unclear which span it is.

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
    values = json_value(inputs), json_value(outputs)
    if None in values or NOT_JSON in values:
        # What MLflow's keys leave open, other conventions may say.
        texts = decode_body(root).attributes
        return RootValues(
            loads(texts.get(keys.SPAN_INPUTS, _ABSENT)),
            loads(texts.get(keys.SPAN_OUTPUTS, _ABSENT)),
        )
    return RootValues(*values)


def _only_root(blocks: Sequence[SpanBlock]) -> StoredSpan | None:
    """Return the span without a parent, if one speaks for the trace beyond doubt."""
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
    # Another body under the same id would hold the id once more, and not as a parent's.
    # Counting bytes takes a tenth of asking each span.
    id_ = root.message.span_id
    uses = sum(body.count(id_) - body.count(_PARENT + id_) for body in bodies)
    return root if uses == 1 else None
