"""A thread pool whose tasks belong to the trace that submitted them."""

import concurrent.futures
from collections.abc import Callable
from contextvars import copy_context
from typing import ParamSpec, TypeVar

__all__ = ["ThreadPoolExecutor"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """The standard library's pool; spans of its tasks are children of the caller's."""

    def submit(
        self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> "concurrent.futures.Future[_R]":
        """Run ``fn`` in a thread of the pool, in a copy of the caller's context."""
        context = copy_context()
        return super().submit(lambda: context.run(fn, *args, **kwargs))
