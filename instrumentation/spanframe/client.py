"""`spanframe.client`: the client class, from the query room on first use."""

from typing import TYPE_CHECKING, Final

from spanframe import _lazy

if TYPE_CHECKING:
    from spanframe_query.client import MlflowClient, SpanframeClient

__all__ = ["MlflowClient", "SpanframeClient"]

_CLIENT: Final = "spanframe_query.client"

if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(
        __name__, __all__, dict.fromkeys(__all__, _CLIENT)
    )
