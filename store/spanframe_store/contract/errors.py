"""How a store says no to a batch: later, or never."""

from spanframe.errors import StoreError

__all__ = ["RowsRefusedError", "StoreUnavailableError"]


class StoreUnavailableError(StoreError):
    """The store does not take spans now; the same batch may be written later."""


class RowsRefusedError(StoreError):
    """The store can never hold one of the spans of a batch; nothing of it is stored."""
