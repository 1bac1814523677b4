"""Values → JSON text: never raises, is bounded, says what it left out."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import json
import math
import pathlib
import threading
import types
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanframe._capture import Capture
from spanframe._redaction import Redaction
from spanframe.settings import ClientSettings
from tests.plugins.examples import some

PATTERNS = ClientSettings.load(environ={}).secret_keys


def capture(limit: int = 262_144, patterns: tuple[str, ...] = PATTERNS) -> Capture:
    return Capture(limit, Redaction(patterns))


def rendered(value: object, limit: int = 262_144) -> Any:
    return json.loads(capture(limit).json_text(value))


class Colour(enum.Enum):
    RED = "red"


class Level(str, enum.Enum):  # noqa: UP042 - the older way, that json writes as text
    HIGH = "high"


class Bits(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Point:
    x: int
    tags: list[str]


class Order(pydantic.BaseModel):
    item: str
    count: int = 1
    internal: str = pydantic.Field(default="hidden", exclude=True)


Pair = collections.namedtuple("Pair", "left right")  # noqa: PYI024 - the untyped one


# The forms of MLflow 3.17.
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"x": 1, "y": [True, None, 1.5, "é"]}, {"x": 1, "y": [True, None, 1.5, "é"]}),
        ((1, (2, 3)), [1, [2, 3]]),
        ({1: "a", None: "b", 2.5: "c"}, {"1": "a", "null": "b", "2.5": "c"}),
        ({(1, 2): "a"}, {"(1, 2)": "a"}),
        (Colour.RED, "Colour.RED"),
        (Level.HIGH, "high"),
        (Bits.ONE, 1),
        (dt.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02 03:04:05"),  # noqa: DTZ001
        (dt.date(2024, 1, 2), "2024-01-02"),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (b"ab", "b'ab'"),
        ({"only"}, "{'only'}"),
        (Point(1, ["a"]), {"x": 1, "tags": ["a"]}),
        ([Point(1, [])], [{"x": 1, "tags": []}]),
        (Order(item="tent"), {"item": "tent", "count": 1}),
        (Pair(1, 2), [1, 2]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(int, a=1), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (np.float64(1.5), 1.5),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        ({"score": np.float32(0.5)}, {"score": 0.5}),
        (np.datetime64("2024-01-02"), "2024-01-02"),
        (np.array([1, 2]), "[1 2]"),
        (pd.DataFrame({"a": [1]}), "   a\n0  1"),
        (Point, "<class 'tests.instrumentation.test_capture.Point'>"),
        (range(3), "range(0, 3)"),
    ],
    ids=lambda v: type(v).__name__,
)
def test_values_are_rendered_as_mlflow_renders_them(
    value: object, expected: object
) -> None:
    assert rendered(value) == expected


def test_numbers_that_json_has_no_word_for_stay_bare_words() -> None:
    assert capture().json_text([math.nan, math.inf]) == "[NaN, Infinity]"


def test_a_cycle_is_marked_where_it_closes() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert rendered(loop) == [1, "[cycle: list]"]
    nested: dict[str, Any] = {"name": "a"}
    nested["children"] = [nested]
    assert rendered(nested) == {"name": "a", "children": ["[cycle: dict]"]}


def test_the_same_value_twice_is_no_cycle() -> None:
    shared = [1]
    assert rendered([shared, shared]) == [[1], [1]]


class Raises:
    """Everything about it raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Bag(pydantic.RootModel[list[int]]):
    """A model that is a list."""


class Price(pydantic.BaseModel):
    """A model with a serialiser of its own."""

    amount: int
    currency: str

    @pydantic.model_serializer
    def written(self) -> str:
        return f"{self.amount} {self.currency}"


class BadModel(pydantic.BaseModel):
    item: str = "tent"
    password: str = "hunter2"  # noqa: S105 - no password
    hidden: str = pydantic.Field(default="h", exclude=True)
    dumped: Any = pydantic.Field(default=None, exclude=True)

    def model_dump(self, **_: Any) -> Any:
        if self.dumped is RuntimeError:
            raise RuntimeError("no dump")
        return self if self.dumped is self else self.dumped


class BadField(pydantic.BaseModel):
    item: str = "tent"
    other: int = 1

    @pydantic.field_serializer("other")
    def fail(self, _: int) -> str:
        raise RuntimeError("no serialiser")


@dataclasses.dataclass
class HalfSet:
    x: int
    y: int = dataclasses.field(init=False)


@dataclasses.dataclass
class Computed:
    x: int = 1

    def __getattribute__(self, name: str) -> Any:
        if name == "y":
            raise RuntimeError
        return super().__getattribute__(name)


class BadItems(dict[str, str]):
    """A dict whose own items raise."""

    def items(self) -> Any:
        raise RuntimeError


def models() -> dict[str, tuple[Any, Any]]:
    shown = {"item": "tent", "password": "[redacted]"}
    itself = BadModel()
    itself.dumped = itself
    cycle = BadModel.model_construct(item="tent")
    cycle.__dict__ = {"item": cycle}
    return {
        "root": (Bag([1, 2]), [1, 2]),
        "inside": ({"bag": Bag([1])}, {"bag": [1]}),
        "serialiser": (Price(amount=5, currency="EUR"), "5 EUR"),
        "raises": (BadModel(dumped=RuntimeError), shown),
        "none": (BadModel(), shown),
        "itself": (itself, shown),
        "a list": (BadModel(dumped=[1]), [1]),
        "a field": (BadField(), {"item": "tent", "other": 1}),
        "half-set model": (Order.model_construct(count=2), {"count": 2}),
        "half-set dataclass": (HalfSet(1), {"x": 1}),
        "items": (BadItems(a="b", password="c"), {"a": "b", "password": "[redacted]"}),  # noqa: S106
    }


@pytest.mark.parametrize("case", models())
def test_a_value_that_surprises_loses_a_detail_at_most(case: str) -> None:
    value, expected = models()[case]
    assert rendered(value) == expected


def test_what_raises_is_named_and_its_neighbours_stay() -> None:
    assert rendered([1, Raises(), 2]) == [
        1,
        "[Raises could not be rendered: RuntimeError]",
        2,
    ]
    assert rendered({Raises(): 1}) == {
        "[Raises could not be rendered: RuntimeError]": 1
    }


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert rendered("x" * 1000, limit=64) == "x" * 64 + (
        "… [truncated from 1000 characters]"
    )


def test_a_long_list_is_cut_and_says_how_long_it_was() -> None:
    items = rendered(list(range(10_000)), limit=64)
    assert items[:3] == [0, 1, 2]
    assert items[-1] == "… [truncated from 10000 items]"
    assert len(items) < 20


def test_a_long_mapping_is_cut_and_says_how_long_it_was() -> None:
    keys = rendered({f"key {i}": i for i in range(10_000)}, limit=64)
    assert keys["…"] == "[truncated from 10000 keys]"
    assert len(keys) < 20


def test_a_deep_value_is_cut() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    text = capture().json_text(deep)
    assert "deeper than 64 levels" in text


@pytest.mark.parametrize(
    ("value", "marker"),
    [
        (b"x" * 1_000_000, "truncated from 1000000 bytes"),
        (set(range(100_000)), "truncated from 100000 items"),
    ],
    ids=["bytes", "set"],
)
def test_other_large_values_are_cut(value: object, marker: str) -> None:
    text = capture(limit=1000).json_text(value)
    assert marker in text
    assert len(text) < 20_000


def test_an_integer_too_long_to_write_is_described() -> None:
    assert rendered([1, 10**5000]) == [1, "[integer of 16610 bits]"]
    assert rendered(-(10**30)) == -(10**30)


def test_text_that_utf8_cannot_carry_is_escaped() -> None:
    text = capture().json_text({"a": "\ud800"})
    assert text.encode()
    assert "\\ud800" in text
    assert capture().text("b\udcff").encode() == b"b\\udcff"


def test_a_mapping_that_changes_meanwhile_is_still_rendered() -> None:
    shared = {str(i): i for i in range(1000)}
    stop = threading.Event()

    def change() -> None:
        i = 0
        while not stop.is_set():
            i += 1
            shared[f"new {i % 100}"] = i
            shared.pop(f"new {(i + 50) % 100}", None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in some(range(200)):
            assert rendered(shared)["0"] == 0
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        (1, 1),
        (True, True),
        (1.5, 1.5),
        (["a", "b"], ["a", "b"]),
        ((1, 2), [1, 2]),
        ([True], [True]),
        ([1, "a"], '[1, "a"]'),
        ([1, True], "[1, true]"),
        ([], "[]"),
        ({"a": 1}, '{"a": 1}'),
        (2**63, str(2**63)),
        ([2**63], f"[{2**63}]"),
        (-(2**63), -(2**63)),
        (None, "null"),
        (Colour.RED, "Colour.RED"),
        (Level.HIGH, "high"),
        (Bits.ONE, 1),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64(1.5), 1.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.datetime64("2024-01-02"), "2024-01-02"),
        (np.array(7), 7),
        ([np.int64(1), 2], [1, 2]),
        ([np.float64(1.5)], [1.5]),
        (dt.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02 03:04:05"),  # noqa: DTZ001
        (dt.timedelta(seconds=5), "0:00:05"),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
    ],
    ids=repr,
)
def test_attributes_are_typed_where_opentelemetry_has_the_type(
    value: object, expected: object
) -> None:
    assert capture().attribute("key", value) == expected
    assert type(capture().attribute("key", value)) is type(expected)


@pytest.mark.parametrize(
    "value", ["x" * 100, ["x" * 60, "y" * 60]], ids=["text", "list"]
)
def test_attributes_are_bounded_as_well(value: object) -> None:
    assert "truncated from" in str(capture(limit=64).attribute("key", value))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.builds(Raises)
    | st.dates()
    | st.uuids(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.booleans(), inner)
        | st.frozensets(st.integers())
    ),
    max_leaves=20,
)


@given(anything, st.integers(64, 500))
def test_any_value_becomes_json_of_bounded_length(value: object, limit: int) -> None:
    text = capture(limit).json_text(value)
    json.loads(text)
    text.encode()
    # A control character is written with six, a marker stands for each thing left out.
    assert len(text) < 12 * limit + 2000


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text("abcé\n"),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("abc"), inner),
    max_leaves=30,
)


@given(plain)
def test_plain_values_come_back_as_they_were(value: object) -> None:
    assert rendered(value) == value
