"""A page of results, and the token of the next page."""

from collections.abc import Iterable
from typing import TypeVar

__all__ = ["PagedList"]

T = TypeVar("T")


class PagedList(list[T]):
    """A page of results; ``token`` is that of the next page, None on the last page."""

    def __init__(self, items: Iterable[T], token: str | None = None) -> None:
        super().__init__(items)
        self.token = token

    def to_list(self) -> list[T]:
        """Return the page as a plain list."""
        return list(self)
