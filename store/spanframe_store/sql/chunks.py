"""Splits values into lists that one statement can bind."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

__all__ = ["MAX_LOOKUP_VALUES", "chunks"]

MAX_LOOKUP_VALUES: Final = 500
"""Maximum values bound per lookup; every database takes as many."""

T = TypeVar("T")


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the values in lists of ``size``, the last one shorter."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
