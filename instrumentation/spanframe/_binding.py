"""Arguments of a call → a mapping by parameter name, prepared at decoration.

``inspect.Signature.bind`` costs several microseconds per call; the prepared binding
costs a loop over the parameters.
"""

import inspect
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

__all__ = ["Binding"]

# Python 3.14 evaluates annotations when they are asked for, and a name that is defined
# further down would raise. Parameters are wanted here, not their annotations.
_ANNOTATIONS: Final[dict[str, Any]] = (
    {"annotation_format": import_module("annotationlib").Format.FORWARDREF}
    if sys.version_info >= (3, 14)
    else {}
)

_NO_DEFAULT: Final = inspect.Parameter.empty
_Parameters = tuple[tuple[str, Any], ...]


class Binding:
    """Binding of one signature, prepared once.

    Args:
        function: the function; without a readable signature (some builtins) the
            arguments are recorded as ``args`` and ``kwargs``.
    """

    __slots__ = (
        "by_name",
        "first",
        "keyword_only",
        "positional",
        "positional_only",
        "simple",
        "var_keyword",
        "var_positional",
    )

    def __init__(self, function: Callable[..., Any]) -> None:
        kinds = inspect.Parameter
        parameters = _parameters(function)
        self.positional: _Parameters = _of_kind(
            parameters, kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD
        )
        self.positional_only = frozenset(
            name for name, _ in _of_kind(parameters, kinds.POSITIONAL_ONLY)
        )
        self.keyword_only: _Parameters = _of_kind(parameters, kinds.KEYWORD_ONLY)
        self.by_name = frozenset(n for n, _ in self.positional + self.keyword_only)
        self.by_name -= self.positional_only
        self.var_positional = _only(parameters, kinds.VAR_POSITIONAL)
        self.var_keyword = _only(parameters, kinds.VAR_KEYWORD)
        self.first = self.positional[0][0] if self.positional else None
        # Without defaults and stars, names and values are zipped.
        plain = len(parameters) == len(self.positional)
        required = all(default is _NO_DEFAULT for _, default in self.positional)
        self.simple: tuple[str, ...] | None = (
            tuple(name for name, _ in self.positional) if plain and required else None
        )

    def bind(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Return the arguments by name, defaults applied, without ``self``.

        Returns:
            None when the call does not fit the signature: Python raises TypeError.
        """
        if self.simple is not None and not kwargs and len(args) == len(self.simple):
            bound = dict(zip(self.simple, args, strict=True))
        else:
            slow = self._bind(args, kwargs)
            if slow is None:
                return None
            bound = slow
        if self.first == "self" or (
            self.first == "cls" and isinstance(bound[self.first], type)
        ):
            del bound[self.first]
        return bound

    def _bind(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        positional = self.positional
        given = len(args)
        if given > len(positional) and self.var_positional is None:
            return None
        bound = dict(zip((name for name, _ in positional), args, strict=False))
        left = dict(kwargs)
        for name, default in positional[given:] + self.keyword_only:
            value = default if name in self.positional_only else left.pop(name, default)
            if value is _NO_DEFAULT:
                return None
            bound[name] = value
        if self.var_keyword is None:
            return None if left else self._ordered(bound, args)
        if not self.by_name.isdisjoint(left):
            return None
        bound[self.var_keyword] = left
        return self._ordered(bound, args)

    def _ordered(self, bound: dict[str, Any], args: tuple[Any, ...]) -> dict[str, Any]:
        """Put ``*args`` where the signature has it: before keyword-only arguments."""
        if self.var_positional is None:
            return bound
        named = list(bound.items())
        middle = len(self.positional)
        rest = (self.var_positional, args[middle:])
        return dict([*named[:middle], rest, *named[middle:]])


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    kinds = inspect.Parameter
    try:
        signature = inspect.signature(function, **_ANNOTATIONS)
        return list(signature.parameters.values())
    except (TypeError, ValueError):
        return [
            kinds("args", kinds.VAR_POSITIONAL),
            kinds("kwargs", kinds.VAR_KEYWORD),
        ]


def _of_kind(parameters: list[inspect.Parameter], *kinds: Any) -> _Parameters:
    return tuple((p.name, p.default) for p in parameters if p.kind in kinds)


def _only(parameters: list[inspect.Parameter], kind: Any) -> str | None:
    names = [p.name for p in parameters if p.kind is kind]
    return names[0] if names else None
