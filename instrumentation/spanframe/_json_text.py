"""Plain JSON types → JSON text, and whether a value has only such types."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from spanframe._walk import MAX_DEPTH, PAIR, SCALAR_COST, SCALARS

__all__ = ["budget_after", "encode", "fits_64_bits", "without_huge_integers"]

_NAMES: Final = frozenset({str, bytes})
_INT64: Final = 1 << 63


def _encoder() -> Callable[[Any], str]:
    """Return ``json.dumps`` with its C encoder made once instead of for each value.

    That halves the cost of a small value. The C encoder is not a public name of
    ``json``, so it is used only where it exists and writes what ``json`` writes.
    """
    portable = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
    sample = {"é": ["a\n", 1, 1.5, True, None, {}]}
    try:
        chunks = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
            None,
            portable,
            json.encoder.encode_basestring,
            None,
            ": ",
            ", ",
            False,
            False,
            True,
        )
        same = "".join(chunks(sample, 0)) == portable(sample)
    except (AttributeError, TypeError):
        return portable
    return (lambda value: "".join(chunks(value, 0))) if same else portable


encode: Final = _encoder()


def budget_after(value: Any, left: int, known: dict[str, bool], depth: int) -> int:
    """Return the budget of characters that is left after ``value``.

    It is negative for a value that cannot be written as it is: too long or too deep, of
    other types, or with keys that are secret or unknown. Most values can be, and this
    costs a third of the walk that copies them.
    """
    kind = type(value)
    if kind is str:
        return left - len(value)
    if kind in SCALARS:
        return left - SCALAR_COST
    inside = _INSIDE.get(kind) if depth <= MAX_DEPTH else None
    return -1 if inside is None else inside(value, left, known, depth + 1)


def _after_mapping(
    value: dict[Any, Any], left: int, known: dict[str, bool], depth: int
) -> int:
    for key, inner in value.items():
        if type(key) is not str or known.get(key) is not False:
            return -1
        left = budget_after(inner, left - len(key), known, depth)
        if left < 0:
            return -1
    return left


def _after_sequence(
    value: Sequence[Any], left: int, known: dict[str, bool], depth: int
) -> int:
    if len(value) == PAIR and type(value[0]) in _NAMES:
        return -1
    for inner in value:
        left = budget_after(inner, left - 1, known, depth)
        if left < 0:
            return -1
    return left


_INSIDE: Final[dict[type, Callable[[Any, int, dict[str, bool], int], int]]] = {
    dict: _after_mapping,
    list: _after_sequence,
    tuple: _after_sequence,
}


def fits_64_bits(value: object) -> bool:
    """Return whether an integer fits OTLP's 64 bits; other values always do."""
    return type(value) is not int or -_INT64 <= value < _INT64


def without_huge_integers(plain: Any) -> Any:
    """Replace integers that Python does not write, those over 4300 digits."""
    if type(plain) is int and not fits_64_bits(plain):
        return f"[integer of {plain.bit_length()} bits]"
    if type(plain) is list:
        return [without_huge_integers(item) for item in plain]
    if type(plain) is dict:
        return {
            without_huge_integers(key): without_huge_integers(item)
            for key, item in plain.items()
        }
    return plain
