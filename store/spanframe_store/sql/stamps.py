"""The stamps of a trace's fields as bytes.

A trace has a dozen to two dozen fields, and nearly all are stamped by one span. So the
spans are written once, then who speaks with which of them, then one number a field.
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


_Speaker = tuple[int, int, int, int, int]
"""Rank, start, end, span id and digest of a span; of an edit, its time as the end."""

_COUNTS: Final = struct.Struct("<III")
_SPEAKER: Final = struct.Struct("<bqqqq")
_OWNER: Final = struct.Struct("<BI")
_NOBODY: Final = 0
_WIDE: Final = 256
"""From so many owners on, a field takes four bytes instead of one."""


def dump_stamps(owned: Mapping[str, Stamp], fields: Sequence[str]) -> bytes:
    """Write who owns each field.

    Args:
        owned: the stamps by field.
        fields: fields that the reader can name by itself, in an order it knows.
    """
    # Few objects stamp many fields, and to compare these costs less.
    distinct = {id(stamp): stamp for stamp in owned.values()}
    # In order, so that equal stamps make equal bytes.
    owners: dict[Stamp, int] = {}
    speakers: dict[_Speaker, int] = {}
    of_owners: list[bytes] = []
    for stamp in sorted(distinct.values()):
        if stamp not in owners:
            owners[stamp] = len(owners) + 1
            number = speakers.setdefault(_speaker(stamp), len(speakers))
            of_owners.append(_OWNER.pack(stamp.source, number))
    numbers = {identity: owners[stamp] for identity, stamp in distinct.items()}
    known = [numbers[id(owned[f])] if f in owned else _NOBODY for f in fields]
    others: list[str] = []
    if len(known) - known.count(_NOBODY) < len(owned):
        others = sorted(owned.keys() - set(fields))
        known += [numbers[id(owned[field])] for field in others]
    return b"".join(
        [
            _COUNTS.pack(len(speakers), len(owners), len(known)),
            *[_SPEAKER.pack(*speaker) for speaker in speakers],
            *of_owners,
            bytes(known) if len(owners) < _WIDE else _wide(len(known)).pack(*known),
            json.dumps(others).encode() if others else b"",
        ]
    )


def load_stamps(stamps: bytes, fields: Sequence[str]) -> dict[str, Stamp]:
    """Read who owns each field; inverse of `dump_stamps`."""
    spoken, owned, named = _COUNTS.unpack_from(stamps)
    at = _COUNTS.size
    end = at + spoken * _SPEAKER.size
    speakers = list(_SPEAKER.iter_unpack(stamps[at:end]))
    at, end = end, end + owned * _OWNER.size
    owners = [
        _stamp(source, *speakers[number])
        for source, number in _OWNER.iter_unpack(stamps[at:end])
    ]
    width = 1 if owned < _WIDE else 4
    at, end = end, end + width * named
    numbers = stamps[at:end] if width == 1 else _wide(named).unpack(stamps[at:end])
    others = json.loads(stamps[end:]) if end < len(stamps) else ()
    return {
        field: owners[number - 1]
        for field, number in zip(chain(fields, others), numbers, strict=True)
        if number != _NOBODY
    }


def _wide(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")


def _speaker(stamp: Stamp) -> _Speaker:
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
