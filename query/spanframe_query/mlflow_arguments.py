"""Arguments under their names in MLflow 2."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from spanframe.errors import InvalidArgumentError

__all__ = ["takes_request_id"]

_F = TypeVar("_F", bound=Callable[..., Any])


def takes_request_id(function: _F) -> _F:
    """Let a function take ``trace_id`` under the name ``request_id`` as well."""

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if "request_id" in kwargs:
            if "trace_id" in kwargs:
                raise InvalidArgumentError(
                    "trace_id and request_id are one argument: give trace_id"
                )
            kwargs["trace_id"] = kwargs.pop("request_id")
        return function(*args, **kwargs)

    return cast("_F", renamed)
