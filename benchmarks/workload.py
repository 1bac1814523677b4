"""Make the traces that every benchmark sends: seeded, random, one at a time.

A trace is drawn from the seed and its number alone, so any one of a million can be
made again to compare it with what was stored. Its spans are put together from parts
that protobuf has encoded once, about 3 µs a span, so that making the load does not
compete with what it is meant to load.
"""

import json
import random
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Final, NamedTuple, TypeVar

from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanframe import keys

__all__ = [
    "CUSTOMERS",
    "ENVIRONMENTS",
    "FIRST_START_MS",
    "INTERVAL_MS",
    "REQUEST_SPANS",
    "ROOT_NAMES",
    "SHAPE",
    "USERS",
    "VERSIONS",
    "Facts",
    "Request",
    "as_request",
    "draw",
    "requests",
    "spans_of",
]

T = TypeVar("T")

SEED: Final = 20_260_101
REQUEST_SPANS: Final = 512
FIRST_START_MS: Final = 1_767_225_600_000  # 2026-01-01
INTERVAL_MS: Final = 2592
"""Between the starts of two traces: a million of them take 30 days."""

ENVIRONMENTS: Final = ("production", "staging", "development")
CUSTOMERS: Final = 1000
USERS: Final = 5000
VERSIONS: Final = ("1.8.2", "1.9.0")
ONE_IN_SESSION: Final = 6
SESSION_TRACES: Final = 36
"""Traces that start while a session lasts; one in six of them belongs to it."""

ROOT_NAMES: Final = tuple(
    f"{verb}_{noun}"
    for verb in ("answer", "recommend", "compare", "summarise")
    for noun in ("question", "product", "order")
)
ERROR_SHARE: Final = 0.05
LATE_SHARE: Final = 0.01
DUPLICATE_SHARE: Final = 0.01
WINDOW_TRACES: Final = 256
"""Spans arrive in random order within this many traces, which fill four requests."""


class Kind(NamedTuple):
    """One of the eight spans: its parent, and its place within the root's duration."""

    name: str
    type: str
    parent: int
    start: float
    end: float


SHAPE: Final = (
    Kind("root", "CHAIN", -1, 0.0, 1.0),
    Kind("retrieve", "RETRIEVER", 0, 0.01, 0.22),
    Kind("embed", "EMBEDDING", 1, 0.02, 0.08),
    Kind("rerank", "RERANKER", 1, 0.15, 0.21),
    Kind("chat", "CHAT_MODEL", 0, 0.23, 0.7),
    Kind("search_catalogue", "TOOL", 4, 0.3, 0.45),
    Kind("check_stock", "TOOL", 4, 0.46, 0.55),
    Kind("write_reply", "CHAT_MODEL", 0, 0.71, 0.99),
)
FAILING: Final = 6
"""The child that fails where a trace does."""


class Facts(NamedTuple):
    """What is drawn of a trace, apart from its texts."""

    number: int
    trace_id: bytes
    start_ns: int
    duration_ns: int
    failed: bool
    name: str
    environment: str
    customer: str
    version: str
    user: str
    session: str | None


class Request(NamedTuple):
    """An ExportTraceServiceRequest and how many spans are in it."""

    body: bytes
    spans: int


# --- one trace ----------------------------------------------------------------------


def draw(number: int, seed: int = SEED) -> tuple[Facts, random.Random]:
    """Draw a trace; the generator is left where its spans' texts begin."""
    rng = random.Random(seed << 40 | number)
    facts = Facts(
        number=number,
        trace_id=rng.randbytes(16),
        start_ns=(FIRST_START_MS + number * INTERVAL_MS) * 1_000_000
        + rng.randrange(INTERVAL_MS * 1_000_000),
        # Median 1.2 s; one in eighteen is longer than 5 s.
        duration_ns=int(rng.lognormvariate(0.18, 0.9) * 1e9),
        failed=rng.random() < ERROR_SHARE,
        name=_one_of(ROOT_NAMES, rng),
        environment=_one_of(ENVIRONMENTS, rng),
        customer=f"customer-{int(rng.random() * CUSTOMERS)}",
        version=_one_of(VERSIONS, rng),
        user=f"user-{int(rng.random() * USERS)}",
        session=f"session-{number // SESSION_TRACES}"
        if rng.random() * ONE_IN_SESSION < 1
        else None,
    )
    return facts, rng


def spans_of(number: int, seed: int = SEED) -> list[bytes]:
    """Make the spans of a trace as protobuf, root first."""
    facts, rng = draw(number, seed)
    ids = rng.randbytes(8 * len(SHAPE))
    texts = _texts()
    spans = []
    for position, kind in enumerate(SHAPE):
        failed = facts.failed and position in {0, FAILING}
        span_id = ids[8 * position : 8 * position + 8]
        parts = [_IDS.pack(b"\x0a\x10", facts.trace_id, b"\x12\x08", span_id)]
        if position:
            parts += b"\x22\x08", ids[8 * kind.parent : 8 * kind.parent + 8]
        parts += (
            _named(kind.name if position else facts.name),
            _TIMES.pack(
                0x39,
                facts.start_ns + int(kind.start * facts.duration_ns),
                0x41,
                facts.start_ns + int(kind.end * facts.duration_ns),
            ),
            _attribute(keys.SPAN_TYPE, json.dumps(kind.type)),
            _one_of(texts.inputs, rng),
            _one_of(texts.outputs, rng),
        )
        if not position:
            parts += _trace_attributes(facts)
        elif kind.type == "CHAT_MODEL":
            parts.append(_one_of(texts.usages, rng))
        if failed and position == FAILING:
            parts.append(_exception(facts))
        parts.append(_ending(failed=failed))
        spans.append(b"".join(parts))
    return spans


def _trace_attributes(facts: Facts) -> Iterator[bytes]:
    yield _attribute(keys.TAG_PREFIX + "environment", facts.environment)
    yield _attribute(keys.TAG_PREFIX + "customer_id", facts.customer)
    yield _attribute(keys.TAG_PREFIX + "app_version", facts.version)
    yield _attribute(keys.USER_ID, facts.user)
    if facts.session:
        yield _encode_attribute(keys.SESSION_ID, facts.session)


def _exception(facts: Facts) -> bytes:
    trace = "Traceback (most recent call last):\n" + "".join(
        f'  File "shop/{name}.py", line {line}, in {name}\n    return call()\n'
        for name, line in (("answer", 41), ("tools", 113), ("stock", 17))
    )
    event = Span.Event(
        name=keys.EXCEPTION_EVENT,
        time_unix_nano=facts.start_ns + facts.duration_ns // 2,
        attributes=[
            _pair(keys.EXCEPTION_TYPE, "TimeoutError"),
            _pair(keys.EXCEPTION_MESSAGE, f"no answer for {facts.customer}"),
            _pair(keys.EXCEPTION_STACKTRACE, trace),
        ],
    )
    return Span(events=[event]).SerializeToString()


# --- parts that are encoded once ----------------------------------------------------

_IDS: Final = struct.Struct("<2s16s2s8s")
_TIMES: Final = struct.Struct("<BQBQ")


class _Texts(NamedTuple):
    inputs: Sequence[bytes]
    outputs: Sequence[bytes]
    usages: Sequence[bytes]


@cache
def _texts(count: int = 8192) -> _Texts:
    """Make the texts to choose from: far more than any dictionary can hold."""
    rng = random.Random(SEED)
    letters = "etaoinshrdlcumwfgypbvk"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 11))) for _ in range(8000)]
    # Zipf's law, as words in a language have it.
    weights = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))

    def text() -> str:
        return " ".join(rng.choices(words, cum_weights=weights, k=rng.randint(8, 58)))

    def inputs() -> str:
        return json.dumps({"question": text(), "top_k": rng.randint(1, 20)})

    def outputs() -> str:
        return json.dumps({"text": text(), "score": round(rng.random(), 6)})

    def usage() -> str:
        read, written = rng.randint(50, 4000), rng.randint(5, 900)
        names = ("input_tokens", "output_tokens", "total_tokens")
        return json.dumps(
            dict(zip(names, (read, written, read + written), strict=True))
        )

    return _Texts(
        [_encode_attribute(keys.SPAN_INPUTS, inputs()) for _ in range(count)],
        [_encode_attribute(keys.SPAN_OUTPUTS, outputs()) for _ in range(count)],
        [_encode_attribute(keys.CHAT_USAGE, usage()) for _ in range(count)],
    )


def _pair(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _encode_attribute(key: str, value: str) -> bytes:
    return Span(attributes=[_pair(key, value)]).SerializeToString()


_attribute = cache(_encode_attribute)


@cache
def _named(name: str) -> bytes:
    return Span(name=name, kind=Span.SPAN_KIND_INTERNAL).SerializeToString()


@cache
def _ending(*, failed: bool) -> bytes:
    status = (
        Status(code=Status.STATUS_CODE_ERROR, message="TimeoutError: no answer")
        if failed
        else Status(code=Status.STATUS_CODE_OK)
    )
    return Span(status=status, flags=0x101).SerializeToString()


@cache
def _resource_and_scope() -> tuple[bytes, bytes]:
    attributes = {
        keys.SERVICE_NAME: "shop-assistant",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.37.0",
    }
    pairs = [_pair(key, value) for key, value in attributes.items()]
    scope = InstrumentationScope(name="spanframe", version="1.0")
    resource = Resource(attributes=pairs).SerializeToString()
    return _field(1, resource), _field(1, scope.SerializeToString())


def _one_of(values: Sequence[T], rng: random.Random) -> T:
    return values[int(rng.random() * len(values))]


# --- requests -------------------------------------------------------------------------


def requests(first: int, count: int, seed: int = SEED) -> Iterator[Request]:
    """Yield traces ``first`` to ``first + count`` as export requests of 512 spans.

    Spans arrive in random order within a window; one child in a hundred comes two
    windows late, and one span in a hundred comes again two windows later.
    """
    rng = random.Random(seed ^ first)
    waiting: list[bytes] = []
    late: list[bytes] = []
    very_late: list[bytes] = []
    for start in range(first, first + count, WINDOW_TRACES):
        end = min(start + WINDOW_TRACES, first + count)
        arriving, late, very_late = late, very_late, []
        for number in range(start, end):
            root, *children = spans_of(number, seed)
            arriving.append(root)
            for child in children:
                (very_late if rng.random() < LATE_SHARE else arriving).append(child)
            again = [s for s in (root, *children) if rng.random() < DUPLICATE_SHARE]
            very_late += again
        rng.shuffle(arriving)
        waiting += arriving
        whole = len(waiting) - len(waiting) % REQUEST_SPANS
        for at in range(0, whole, REQUEST_SPANS):
            yield as_request(waiting[at : at + REQUEST_SPANS])
        waiting = waiting[whole:]
    waiting += late + very_late
    for at in range(0, len(waiting), REQUEST_SPANS):
        yield as_request(waiting[at : at + REQUEST_SPANS])


def as_request(spans: Iterable[bytes]) -> Request:
    """Put spans into a request of one resource and one scope."""
    resource, scope = _resource_and_scope()
    fields = [_field(2, span) for span in spans]
    scope_spans = _field(2, scope + b"".join(fields))
    return Request(_field(1, resource + scope_spans), len(fields))


def _field(number: int, body: bytes) -> bytes:
    """Encode a length-delimited protobuf field."""
    size = len(body)
    head = bytearray((number << 3 | 2,))
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + body
