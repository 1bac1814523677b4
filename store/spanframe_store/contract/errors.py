"""How a store says no to a batch: later, never, or not before somebody mends it."""

from spanframe.errors import StoreError

__all__ = ["RowsRefusedError", "StoreUnavailableError", "StoreUnusableError"]


class StoreUnavailableError(StoreError):
    """The store does not take spans now; the same batch may be written later."""


class StoreUnusableError(StoreUnavailableError):
    """The store is damaged, or is not the one that was opened.

    A writer that has raised it writes nothing any more: what it does to a damaged file
    makes it worse, and what it writes to a deleted one is lost. A program that starts
    anew opens what is there then.
    """


class RowsRefusedError(StoreError):
    """The store can never hold one of the spans of a batch; nothing of it is stored."""
