"""Proxies: an object with a few methods of our own, in everything else the object.

``isinstance``, attributes and operators see the object. Python looks operators up on
the type, so a type is made for each type of objects.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["Proxy", "proxy_type"]

# The proxy's own, and what belongs to the life of one object.
_OWN: Final = frozenset(
    {
        "__class__",
        "__class_getitem__",
        "__copy__",
        "__deepcopy__",
        "__del__",
        "__delattr__",
        "__dict__",
        "__getattr__",
        "__getattribute__",
        "__getstate__",
        "__init__",
        "__init_subclass__",
        "__new__",
        "__reduce__",
        "__reduce_ex__",
        "__setattr__",
        "__slots__",
        "__subclasshook__",
        "__weakref__",
    }
)


class Proxy:
    """Base of all proxies; made with `wrap`.

    Attributes:
        __wrapped__: the object.
        __spanframe__: what the methods of the proxy need.
    """

    # Without annotations, which would pass for those of the object.
    __slots__ = ("__spanframe__", "__weakref__", "__wrapped__")

    # Copied as they are pickled.
    __copy__ = None
    __deepcopy__ = None

    @classmethod
    def wrap(cls, wrapped: Any, state: Any = None) -> Any:
        """Make the proxy of an object."""
        proxy = object.__new__(cls)
        object.__setattr__(proxy, "__wrapped__", wrapped)
        object.__setattr__(proxy, "__spanframe__", state)
        return proxy

    @property  # type: ignore[misc]  # what isinstance asks after type()
    def __class__(self) -> type:
        return type(self.__wrapped__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__wrapped__, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__wrapped__, name)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __dir__(self) -> list[str]:
        return dir(self.__wrapped__)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # By its name where it has one, as functions are pickled, else as the object.
        name = getattr(self.__wrapped__, "__qualname__", None)
        return name or self.__wrapped__.__reduce_ex__(protocol)


def proxy_type(kind: type, methods: Mapping[str, Any], like: Any) -> type[Proxy]:
    """Make the type of proxies for objects of a type.

    Args:
        kind: the type of the objects.
        methods: the methods that differ, by name.
        like: what has the docstring and the module to show.
    """
    forwarded = {
        name: _forwarding(name)
        for name in dir(kind)
        if name.startswith("__")
        and name.endswith("__")
        and name not in _OWN
        and callable(getattr(kind, name, None))
        and getattr(kind, name) is not getattr(object, name, None)
    }
    namespace = {
        "__slots__": (),
        "__doc__": like.__doc__,
        "__module__": like.__module__,
        **forwarded,
        **methods,
    }
    return type(kind.__name__, (Proxy,), namespace)


def _forwarding(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.__wrapped__, name)(*args, **kwargs)

    return method
