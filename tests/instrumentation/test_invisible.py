"""What is decorated stays what it was, for everyone who looks.

The table is that of the peers: a fact that `functools.wraps`, wrapt or `mlflow.trace`
keeps of an object, spanframe keeps too.
"""

import asyncio
import contextlib
import copy
import dataclasses
import functools
import inspect
import operator
import pickle
import types
import typing
from collections.abc import AsyncIterator, Iterator
from typing import Any

import mlflow
import pytest
import wrapt

import spanframe
from spanframe.testing import capture_spans


def with_functools(function: Any) -> Any:
    """Wrap as most decorators do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@wrapt.decorator
def with_wrapt(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


def function(x: "int", *, y: str = "a") -> bool:
    """Say yes."""
    return True


async def coroutine(x: int) -> int:
    return x


def generator(n: int) -> Iterator[int]:
    yield n


async def async_generator(n: int) -> AsyncIterator[int]:
    yield n


@functools.lru_cache(maxsize=7)
def cached(x: int) -> int:
    return x


@functools.singledispatch
def dispatched(x: object) -> str:
    return "object"


class Callable_:  # noqa: N801 - a callable object
    """A callable object with a state."""

    limit = 5

    def __call__(self, x: int) -> int:
        return x

    def __len__(self) -> int:
        return self.limit

    def __getitem__(self, item: int) -> int:
        return item

    async def later(self) -> int:
        return self.limit


class AsyncCallable:
    """A callable object whose call is a coroutine."""

    async def __call__(self, x: int) -> int:
        return x


class GeneratorCallable:
    """A callable object that yields."""

    def __call__(self, x: int) -> Iterator[int]:
        yield x


OBJECTS: dict[str, Any] = {
    "function": function,
    "coroutine": coroutine,
    "generator": generator,
    "async_generator": async_generator,
    "cached": cached,
    "dispatched": dispatched,
    "builtin": operator.index,
    "partial": functools.partial(function, 1),
    "callable": Callable_(),
    "async callable": AsyncCallable(),
    "generator callable": GeneratorCallable(),
    "bound method": Callable_().later,
}

FACTS: dict[str, Any] = {
    "name": lambda f: f.__name__,
    "qualname": lambda f: f.__qualname__,
    "module": lambda f: f.__module__,
    "doc": lambda f: f.__doc__,
    "annotations": lambda f: f.__annotations__,
    "signature": inspect.signature,
    "argspec": inspect.getfullargspec,
    "signature, evaluated": lambda f: inspect.signature(f, eval_str=True),
    "type hints": typing.get_type_hints,
    "unwrapped": inspect.unwrap,
    "isfunction": inspect.isfunction,
    "isroutine": inspect.isroutine,
    "isclass": inspect.isclass,
    "iscoroutinefunction": inspect.iscoroutinefunction,
    "isgeneratorfunction": inspect.isgeneratorfunction,
    "isasyncgenfunction": inspect.isasyncgenfunction,
    "call is a coroutine function": lambda f: inspect.iscoroutinefunction(f.__call__),
    "call is a generator function": lambda f: inspect.isgeneratorfunction(f.__call__),
    "source": inspect.getsource,
    "cache_info": lambda f: f.cache_info(),
    "cache_parameters": lambda f: f.cache_parameters(),
    "dispatch": lambda f: f.dispatch(int),
    "registry": lambda f: dict(f.registry),
    "partial": lambda f: (f.func, f.args, f.keywords, isinstance(f, functools.partial)),
    "an attribute": lambda f: f.limit,
    "len": len,
    "an item": lambda f: f[3],
    "isinstance": lambda f: isinstance(f, Callable_),
    "binds": lambda f: type("C", (), {"m": f})().m is not f,
    "callable": callable,
}


def fact_of(name: str, thing: Any) -> Any:
    try:
        return FACTS[name](thing)
    except (AttributeError, TypeError, OSError, ValueError, FutureWarning) as error:
        return type(error)


# A wrapper has a signature of its own for the old `getfullargspec`, as those of
# `functools.wraps` have; with `__signature__` it would have none with evaluated types.
NOT_KEPT = {"argspec"}

PEERS: dict[str, Any] = {
    "functools": with_functools,
    "wrapt": with_wrapt,
    "mlflow": mlflow.trace,
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_what_any_peer_keeps_of_an_object_is_kept(kind: str) -> None:
    plain = OBJECTS[kind]
    ours = spanframe.trace(plain)
    theirs = {}
    for peer, decorate in PEERS.items():
        with contextlib.suppress(AttributeError):  # mlflow.trace wants a name
            theirs[peer] = decorate(plain)
    lost = {
        (fact, peer)
        for fact in FACTS.keys() - NOT_KEPT
        if fact_of(fact, ours) != (expected := fact_of(fact, plain))
        for peer, wrapped in theirs.items()
        if fact_of(fact, wrapped) == expected
    }
    assert lost == set()


def test_what_is_decorated_is_pickled_and_copied_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("function", "coroutine", "generator", "cached"):
        plain = OBJECTS[name]
        ours = spanframe.trace(plain)
        with monkeypatch.context() as patched:
            patched.setattr(f"{__name__}.{name}", ours)  # as @spanframe.trace does
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                assert pickle.loads(pickle.dumps(ours, protocol)) is ours  # noqa: S301
        assert copy.deepcopy(ours) is ours
    doubled = spanframe.trace(Callable_())
    assert pickle.loads(pickle.dumps(doubled)).limit == 5  # noqa: S301


def test_an_object_that_is_called_goes_on_as_it_was() -> None:
    with capture_spans() as spans:
        ours = spanframe.trace(Callable_(), name="object")
        ours.limit = 9
        assert (ours(4), len(ours), asyncio.run(ours.later())) == (4, 9, 9)
        del ours.limit
        assert ours.limit == 5
        remembered = spanframe.trace(functools.cache(abs), name="cached")
        assert (remembered(-3), remembered(-3)) == (3, 3)
        assert remembered.cache_info().hits == 1
        assert spanframe.trace("a".upper)() == "A"
    assert spans.names == ["object", "cached", "cached", "upper"]
    assert spans[1].inputs == {"x": -3} or spans[1].outputs == 3


class Shop:
    """Members of every kind."""

    prices: typing.ClassVar[dict[str, int]] = {}

    @spanframe.trace  # type: ignore[prop-decorator]
    @property
    def name(self) -> str:
        """The name."""
        return "shop"

    @spanframe.trace  # type: ignore[prop-decorator]
    @functools.cached_property
    def stock(self) -> list[str]:
        return ["tent"]

    @spanframe.trace
    @functools.lru_cache  # noqa: B019 - one object
    def price(self, item: str) -> int:
        return len(item)

    def _sell(self, item: str, count: int) -> int:
        return len(item) * count

    _two = functools.partialmethod(_sell, count=2)
    sell_two = spanframe.trace(_two, name="sell")  # type: ignore[call-overload]


def test_members_of_a_class_stay_what_they_were() -> None:
    shop = Shop()
    with capture_spans() as spans:
        assert (shop.name, shop.stock, shop.stock) == ("shop", ["tent"], ["tent"])
        assert (shop.price("tent"), shop.price("tent")) == (4, 4)
        assert shop.sell_two("tent") == 8
    assert spans.names == ["name", "stock", "price", "price", "sell"]
    assert spans[2].inputs == {"item": "tent"}
    assert isinstance(Shop.__dict__["name"], property)
    assert Shop.name.__doc__ == "The name."
    assert Shop.price.cache_info().hits == 1


def test_a_class_stays_a_class_and_records_its_constructor() -> None:
    class Base:
        def __init__(self, x: int) -> None:
            self.x = x

    @spanframe.trace(span_type="AGENT")
    class Agent(Base):
        """An agent."""

    @spanframe.trace
    @dataclasses.dataclass
    class Point:
        x: int
        y: int = 2

    @dataclasses.dataclass
    @spanframe.trace
    class Later(Base):
        y: int

    class Special(Agent):
        pass

    assert inspect.isclass(Agent)
    assert issubclass(Special, Agent)
    assert str(inspect.signature(Point)) == "(x: int, y: int = 2) -> None"
    with capture_spans() as spans:
        assert Agent(1).x == Special(1).x == 1
        assert Point(1) == Point(1, 2)
        assert Later(y=3).y == 3
        assert spanframe.trace(int)("7") == 7
    assert spans.names == ["Agent", "Agent", "Point", "Point", "int"]
    assert (spans[0].inputs, spans[0].span_type) == ({"x": 1}, "AGENT")
    assert spans[2].inputs == {"x": 1, "y": 2}


@types.coroutine
def older() -> Any:
    """Be a coroutine function of the older kind."""
    yield


def test_a_coroutine_function_of_the_older_kind_is_awaited() -> None:
    async def main() -> None:
        await spanframe.trace(older)()

    asyncio.run(main())


def test_a_decorated_generator_is_a_real_one() -> None:
    with capture_spans() as spans:
        stream = spanframe.trace(generator)(1)
        assert inspect.isgenerator(stream)
        assert isinstance(stream, types.GeneratorType)
        assert inspect.isasyncgen(spanframe.trace(async_generator)(1))
        with pytest.raises(TypeError, match="positional argument"):
            spanframe.trace(generator)()  # type: ignore[call-arg]
        assert list(stream) == [1]
    assert spans.names.count("generator") == 1
