"""Values of every kind, as attributes, inputs and outputs."""

import datetime as dt
import decimal
import enum
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from tests.differential.seen import Seen


class Colour(enum.Enum):
    """A colour."""

    RED = "red"


@dataclass
class Point:
    """A point with a point in it."""

    x: int
    inner: Any = None


KINDS: dict[str, Any] = {
    "text": "x",
    "empty text": "",
    "integer": 1,
    "float": 1.5,
    "true": True,
    "none": None,
    "large integer": 1 << 70,
    "nan": float("nan"),
    "infinity": float("inf"),
    "dictionary": {"a": {"b": [1, 2.5, None]}},
    "empty dictionary": {},
    "integer keys": {1: "one"},
    "list of one type": [1, 2],
    "mixed list": [1, "a", {"b": 2}],
    "nested list": [[1], []],
    "empty list": [],
    "tuple": (1, "a"),
    "set": {7},
    "bytes": b"ab",
    "datetime": dt.datetime(2024, 1, 2, 3, 4, 5),  # noqa: DTZ001
    "decimal": decimal.Decimal("1.10"),
    "uuid": uuid.UUID(int=5),
    "path": PurePosixPath("a/b"),
    "enumeration": Colour.RED,
    "dataclass": Point(1, Point(2)),
    "class": Point,
    "JSON of an object": '{"a": 1}',
    "JSON of a text": '"quoted"',
    "JSON of a list": "[1, 2]",
    "JSON of a number": "5",
    "JSON of a word": "null",
    "not quite JSON": '{"a": ',
    "japanese": "東京 🏕",
}


def attributes(mlflow: Any, seen: Seen) -> None:
    """An attribute of each kind: of the stored span, and in its dictionary."""
    for kind, value in KINDS.items():
        with mlflow.start_span("s") as span:
            span.set_attribute("k", value)
        stored = seen.trace().data.spans[0]
        seen[f"read {kind}"] = [stored.get_attribute("k"), stored.attributes.get("k")]
        seen[f"dictionary of {kind}"] = stored.to_dict()["attributes"].get("k")


def inputs_and_outputs(mlflow: Any, seen: Seen) -> None:
    """Inputs and outputs of each kind, of the span and in the columns."""
    for kind, value in KINDS.items():
        with mlflow.start_span("s") as span:
            span.set_inputs(value)
            span.set_outputs(value)
        trace = seen.trace()
        stored = trace.data.spans[0]
        seen[f"inputs {kind}"] = stored.inputs
        seen[f"outputs {kind}"] = stored.outputs
        seen[f"texts {kind}"] = [trace.data.request, trace.data.response]


def keys(mlflow: Any, seen: Seen) -> None:
    """Keys of attributes, and attributes that are no dictionary."""
    with mlflow.start_span("s") as span:
        seen.attempt("number", lambda: span.set_attribute(5, "x"))
        seen.attempt("list", lambda: span.set_attributes([1]))
        span.set_attribute("with.dots and spaces", 1)
        span.set_attribute("user.id", "ada")
        span.set_attribute("東京", 1)
    stored = seen.trace().data.spans[0].attributes
    seen["stored"] = {k: v for k, v in stored.items() if not k.startswith("mlflow.")}
