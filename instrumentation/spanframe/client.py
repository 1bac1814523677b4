"""`spanframe.client`: the client class, resolved on first use."""

from typing import TYPE_CHECKING

from spanframe import _lazy

if TYPE_CHECKING:
    from spanframe_query.client import MlflowClient, SpanframeClient

__all__ = ["MlflowClient", "SpanframeClient"]

__path__: list[str] = []  # so that Python asks `_modules` for a name that is missing

if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(__name__, __all__, _lazy.CLIENT)
