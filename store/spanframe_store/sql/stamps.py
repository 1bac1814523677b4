"""The stamps of a trace's fields, and their encoding as bytes.

A trace has one to two dozen fields, and one span stamps nearly all of them. So the
bytes hold each stamping span once, then the distinct stamps, then one number per field.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

from spanframe_store.contract.spans import Source
from spanframe_store.otlp.precedence import UNSET_START
from spanframe_store.otlp.trace_state import Stamp

__all__ = ["dump_stamps", "load_stamps"]


_StampingSpan = tuple[int, int, int, int, int]
"""Rank, start, end, span id and digest of a span; an edit has its time as the end."""

_COUNTS: Final = struct.Struct("<III")
_SPAN: Final = struct.Struct("<bqqqq")
_STAMP: Final = struct.Struct("<BI")
_NO_STAMP: Final = 0
_MIN_WIDE_STAMPS: Final = 256
"""Minimum stamps with which the number of a field takes four bytes, not one."""


def dump_stamps(by_field: Mapping[str, Stamp], fields: Sequence[str]) -> bytes:
    """Encode the stamps of fields.

    Args:
        by_field: the stamps by field.
        fields: the fields whose names are not encoded, as the reader knows them, in
            this order.
    """
    # Few objects stamp many fields, and comparing objects by identity costs less.
    distinct = {id(stamp): stamp for stamp in by_field.values()}
    # Sorted, so that equal stamps make equal bytes.
    numbers: dict[Stamp, int] = {}
    spans: dict[_StampingSpan, int] = {}
    packed_stamps: list[bytes] = []
    for stamp in sorted(distinct.values()):
        if stamp not in numbers:
            numbers[stamp] = len(numbers) + 1
            span_number = spans.setdefault(_span_of(stamp), len(spans))
            packed_stamps.append(_STAMP.pack(stamp.source, span_number))
    by_identity = {identity: numbers[stamp] for identity, stamp in distinct.items()}
    of_fields = [
        by_identity[id(by_field[field])] if field in by_field else _NO_STAMP
        for field in fields
    ]
    others: list[str] = []
    if len(of_fields) - of_fields.count(_NO_STAMP) < len(by_field):
        others = sorted(by_field.keys() - set(fields))
        of_fields += [by_identity[id(by_field[field])] for field in others]
    return b"".join(
        [
            _COUNTS.pack(len(spans), len(numbers), len(of_fields)),
            *[_SPAN.pack(*span) for span in spans],
            *packed_stamps,
            bytes(of_fields)
            if len(numbers) < _MIN_WIDE_STAMPS
            else _wide(len(of_fields)).pack(*of_fields),
            json.dumps(others).encode() if others else b"",
        ]
    )


def load_stamps(stamps: bytes, fields: Sequence[str]) -> dict[str, Stamp]:
    """Decode the stamps of fields; the inverse of `dump_stamps`."""
    span_count, stamp_count, field_count = _COUNTS.unpack_from(stamps)
    at = _COUNTS.size
    end = at + span_count * _SPAN.size
    spans = list(_SPAN.iter_unpack(stamps[at:end]))
    at, end = end, end + stamp_count * _STAMP.size
    distinct = [
        _stamp(source, *spans[number])
        for source, number in _STAMP.iter_unpack(stamps[at:end])
    ]
    width = 1 if stamp_count < _MIN_WIDE_STAMPS else 4
    at, end = end, end + width * field_count
    packed = stamps[at:end]
    numbers = packed if width == 1 else _wide(field_count).unpack(packed)
    others = json.loads(stamps[end:]) if end < len(stamps) else ()
    return {
        field: distinct[number - 1]
        for field, number in zip(chain(fields, others), numbers, strict=True)
        if number != _NO_STAMP
    }


def _wide(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")


def _span_of(stamp: Stamp) -> _StampingSpan:
    _, rank, first, second, span_id, digest = stamp
    if stamp.source != Source.SPAN:
        return rank, second, first, span_id, digest
    return rank, 0 if first == UNSET_START else -first, second, span_id, digest


def _stamp(
    source: int, rank: int, start: int, end: int, span_id: int, digest: int
) -> Stamp:
    if source != Source.SPAN:
        return Stamp(source, rank, end, start, span_id, digest)
    return Stamp(source, rank, -start if start else UNSET_START, end, span_id, digest)
