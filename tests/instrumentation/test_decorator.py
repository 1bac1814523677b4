"""`trace` on functions and coroutine functions, seen at the other end of the wire."""

import asyncio
import dataclasses
import functools
import inspect
import json
import math
import sys
from typing import Any

import pytest

import spanframe
from spanframe import SpanType
from spanframe.errors import InvalidArgumentError
from tests.plugins.otlp_sink import OtlpSink, ReceivedSpan


def inputs(span: ReceivedSpan) -> Any:
    return json.loads(span.attributes["mlflow.spanInputs"])


def outputs(span: ReceivedSpan) -> Any:
    return json.loads(span.attributes["mlflow.spanOutputs"])


def test_a_call_is_a_span_with_inputs_outputs_and_type(sink: OtlpSink) -> None:
    @spanframe.trace(span_type=SpanType.TOOL)
    def add(x: int, y: int = 2) -> int:
        return x + y

    assert add(1) == 3
    assert spanframe.flush()
    span = sink.span("add")
    assert inputs(span) == {"x": 1, "y": 2}
    assert outputs(span) == 3
    assert span.attributes["mlflow.spanType"] == '"TOOL"'
    assert span.attributes["mlflow.spanFunctionName"] == '"add"'
    assert span.status == "OK"
    assert span.parent_id == ""
    assert span.end >= span.start > 0
    assert span.scope == "spanframe"


def test_a_coroutine_function_stays_one_and_is_a_span(sink: OtlpSink) -> None:
    @spanframe.trace
    async def double(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    assert inspect.iscoroutinefunction(double)
    assert asyncio.run(double(4)) == 8
    spanframe.flush()
    assert inputs(sink.span("double")) == {"x": 4}
    assert outputs(sink.span("double")) == 8


def test_calls_inside_calls_are_children(sink: OtlpSink) -> None:
    @spanframe.trace
    def inner() -> None:
        pass

    @spanframe.trace
    def outer() -> None:
        inner()
        inner()

    outer()
    inner()
    spanframe.flush()
    root = sink.span("outer")
    first, second, alone = [s for s in sink.spans if s.name == "inner"]
    assert {first.parent_id, second.parent_id} == {root.span_id}
    assert {first.trace_id, second.trace_id} == {root.trace_id}
    assert alone.parent_id == ""
    assert alone.trace_id != root.trace_id


def test_concurrent_tasks_are_children_of_the_span_that_gathers(sink: OtlpSink) -> None:
    @spanframe.trace
    async def step(n: int) -> int:
        await asyncio.sleep(0.001 * n)
        return n

    @spanframe.trace
    async def run() -> list[int]:
        return await asyncio.gather(*(step(n) for n in range(5)))

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]
    spanframe.flush()
    root = sink.span("run")
    steps = [s for s in sink.spans if s.name == "step"]
    assert len(steps) == 5
    assert {s.parent_id for s in steps} == {root.span_id}


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no such city"),
        KeyboardInterrupt("stop"),
        SystemExit(3),
        asyncio.CancelledError("late"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_an_exception_is_recorded_and_raised_on(
    sink: OtlpSink, error: BaseException
) -> None:
    @spanframe.trace
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        fail()
    assert raised.value is error
    spanframe.flush()
    span = sink.span("fail")
    assert span.status == "ERROR"
    assert span.status_message == f"{type(error).__name__}: {error}"
    (event,) = span.events
    assert event.name == "exception"
    assert event.attributes["exception.type"] == type(error).__name__
    assert event.attributes["exception.message"] == str(error)
    assert "raise error" in event.attributes["exception.stacktrace"]


@pytest.mark.parametrize("wraps", [False, True], ids=["the same", "raised from"])
def test_an_exception_has_its_stack_once_and_a_reference_above(
    sink: OtlpSink, wraps: bool
) -> None:
    def spill() -> None:
        raise ValueError("spilled")

    @spanframe.trace
    def leave(depth: int) -> None:
        try:
            leave(depth - 1) if depth else spill()
        except ValueError as error:
            if not wraps:
                raise
            raise ValueError("again") from error

    @dataclasses.dataclass(frozen=True)
    class Frozen(Exception):  # noqa: N818 - the point is that it cannot be changed
        code: int

    with pytest.raises(ValueError, match=r"spilled|again"):
        leave(20)
    with pytest.raises(Frozen), spanframe.start_span("frozen"):
        raise Frozen(5)
    assert spanframe.flush()
    innermost, *above, frozen = sink.spans
    stacks = [span.events[0].attributes["exception.stacktrace"] for span in above]
    first = innermost.events[0].attributes["exception.stacktrace"]
    assert 'raise ValueError("spilled")' in first
    reference = f"[the stack is on the span 'leave', {innermost.span_id}]"
    if not wraps:
        assert stacks == [reference] * 20
    else:
        assert stacks[0].startswith(f"ValueError: {reference}\n\nThe above exception")
    assert max(map(len, stacks)) < 3000
    assert "raise Frozen(5)" in frozen.events[0].attributes["exception.stacktrace"]


def test_a_recorded_stack_has_the_frames_of_the_app_alone(sink: OtlpSink) -> None:
    @spanframe.trace
    def inner() -> None:
        raise ValueError("boom")

    @spanframe.trace
    def outer() -> None:
        try:
            inner()
        except ValueError as error:
            raise RuntimeError("outside") from error

    with pytest.raises(RuntimeError):
        outer()
    spanframe.flush()
    for name in ("inner", "outer"):
        [event] = sink.span(name).events
        stack = event.attributes["exception.stacktrace"]
        assert f"in {name}\n" in stack
        assert "_wrappers.py" not in stack
        assert "_call.py" not in stack


@pytest.mark.skipif(
    sys.version_info < (3, 14), reason="Python evaluates annotations at once"
)
def test_a_forward_reference_is_no_obstacle() -> None:
    """`inspect.signature` would look for the name, which is not defined yet."""
    names: dict[str, Any] = {"spanframe": spanframe}
    exec(  # noqa: S102 - no older Python compiles it
        "@spanframe.trace\ndef later(x: DefinedLater) -> DefinedLater: return x", names
    )
    later = names["later"]
    assert later(3) == 3


def test_an_exception_of_another_trace_has_its_stack_there(sink: OtlpSink) -> None:
    kept = ValueError("kept")

    @spanframe.trace
    def fail() -> None:
        raise kept

    for _ in range(2):
        with pytest.raises(ValueError, match="kept"):
            fail()
    assert spanframe.flush()
    for span in sink.spans:
        assert "raise kept" in span.events[0].attributes["exception.stacktrace"]


def test_a_cancelled_task_is_an_error(sink: OtlpSink) -> None:
    @spanframe.trace
    async def wait() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    spanframe.flush()
    assert sink.span("wait").status == "ERROR"
    assert sink.span("wait").events[0].attributes["exception.type"] == "CancelledError"


def test_a_handled_error_of_a_child_leaves_the_root_ok(sink: OtlpSink) -> None:
    @spanframe.trace
    def child() -> None:
        raise LookupError

    @spanframe.trace
    def root() -> str:
        try:
            child()
        except LookupError:
            return "handled"
        return "unreachable"

    root()
    spanframe.flush()
    assert sink.span("child").status == "ERROR"
    assert sink.span("root").status == "OK"


def test_name_attributes_and_outputs_set_by_hand_win(sink: OtlpSink) -> None:
    @spanframe.trace(name="search", attributes={"top_k": 3, "index": "shop"})
    def find() -> str:
        span = spanframe.get_current_active_span()
        assert span is not None
        span.set_outputs(["by hand"])
        return "the result"

    assert find() == "the result"
    spanframe.flush()
    span = sink.span("search")
    assert span.attributes["top_k"] == 3
    assert span.attributes["index"] == "shop"
    assert outputs(span) == ["by hand"]


def test_no_result_is_recorded_as_null(sink: OtlpSink) -> None:
    @spanframe.trace
    def nothing() -> None:
        return None

    nothing()
    spanframe.flush()
    assert sink.span("nothing").attributes["mlflow.spanOutputs"] == "null"
    assert inputs(sink.span("nothing")) == {}


class Shop:
    """Methods of every kind, the decorator on either side."""

    def __init__(self, name: str) -> None:
        self.name = name

    @spanframe.trace
    def method(self, item: str) -> str:
        return f"{self.name}: {item}"

    @classmethod
    @spanframe.trace
    def outside_class_method(cls, item: str) -> "Shop":
        return cls(item)

    @spanframe.trace
    @classmethod
    def inside_class_method(cls, item: str) -> "Shop":
        return cls(item)

    @staticmethod
    @spanframe.trace
    def outside_static_method(item: str) -> str:
        return item

    @spanframe.trace
    @staticmethod
    def inside_static_method(item: str) -> str:
        return item

    @spanframe.trace
    def __call__(self, item: str) -> str:
        return item

    def __bool__(self) -> bool:
        return False


@pytest.mark.parametrize(
    "call",
    [
        Shop("tents").method,
        Shop.outside_class_method,
        Shop.inside_class_method,
        Shop("tents").inside_class_method,
        Shop.outside_static_method,
        Shop.inside_static_method,
        Shop("tents").__call__,
    ],
)
def test_methods_record_their_arguments_without_self_or_cls(
    sink: OtlpSink, call: Any
) -> None:
    call("a tent")
    spanframe.flush()
    (span,) = sink.spans
    assert span.name == call.__name__
    assert inputs(span) == {"item": "a tent"}


class Doubler:
    """A callable object."""

    def __call__(self, x: int) -> int:
        return 2 * x


class AsyncDoubler:
    """A callable object whose call is a coroutine."""

    async def __call__(self, x: int) -> int:
        return 2 * x


class Tent:
    """A class, of which calls make objects."""

    def __init__(self, name: str) -> None:
        self.name = name


def power(base: int, exponent: int) -> int:
    return pow(base, exponent, 1000)


@pytest.mark.parametrize(
    ("function", "arguments", "name", "recorded", "result"),
    [
        (math.factorial, (5,), "factorial", {"n": 5}, 120),
        (functools.partial(power, 3), (2,), "power", {"exponent": 2}, 9),
        (Doubler(), (4,), "Doubler", {"x": 4}, 8),
        (Tent, ("blue",), "Tent", {"name": "blue"}, None),
    ],
    ids=["builtin", "partial", "callable object", "class"],
)
def test_other_callables_can_be_wrapped(
    sink: OtlpSink,
    function: Any,
    arguments: Any,
    name: str,
    recorded: Any,
    result: Any,
) -> None:
    returned = spanframe.trace(function)(*arguments)
    assert result is None or returned == result
    spanframe.flush()
    assert inputs(sink.span(name)) == recorded


def test_an_object_with_an_async_call_is_awaited(sink: OtlpSink) -> None:
    double = spanframe.trace(AsyncDoubler(), name="double")
    assert asyncio.run(double(4)) == 8
    spanframe.flush()
    assert outputs(sink.span("double")) == 8


def test_the_function_keeps_its_name_documentation_and_signature() -> None:
    def undecorated(x: int, *, y: str = "a") -> bool:
        """Say yes."""
        return True

    decorated = spanframe.trace(undecorated)
    assert decorated.__name__ == "undecorated"
    assert decorated.__doc__ == "Say yes."
    assert inspect.signature(decorated) == inspect.signature(undecorated)
    assert inspect.unwrap(decorated) is undecorated
    assert vars(decorated)["__mlflow_traced__"] is True


def test_a_call_that_does_not_fit_the_signature_fails_as_it_would(
    sink: OtlpSink,
) -> None:
    @spanframe.trace
    def one(x: int) -> int:
        return x

    with pytest.raises(TypeError, match="takes 1 positional argument"):
        one(1, 2)  # type: ignore[call-arg]  # the point of the test
    spanframe.flush()
    span = sink.span("one")
    assert "mlflow.spanInputs" not in span.attributes
    assert span.events[0].attributes["exception.type"] == "TypeError"


def test_inputs_are_recorded_before_the_body_changes_them(sink: OtlpSink) -> None:
    @spanframe.trace
    def clear(items: list[int]) -> list[int]:
        items.clear()
        return items

    clear([1, 2])
    spanframe.flush()
    assert inputs(sink.span("clear")) == {"items": [1, 2]}
    assert outputs(sink.span("clear")) == []


def test_capture_can_be_left_out_for_one_function(sink: OtlpSink) -> None:
    @spanframe.trace(capture_inputs=False, capture_outputs=False)
    def quiet(x: int) -> int:
        return x

    quiet(1)
    spanframe.flush()
    assert (
        sink.span("quiet")
        .attributes.keys()
        .isdisjoint({"mlflow.spanInputs", "mlflow.spanOutputs"})
    )


def test_capture_can_be_left_out_everywhere(sink: OtlpSink) -> None:
    spanframe.configure(capture=False)

    @spanframe.trace
    def quiet(x: int) -> int:
        span = spanframe.get_current_active_span()
        assert span is not None
        span.set_attribute("by hand", 1)
        return x

    quiet(1)
    spanframe.flush()
    attributes = sink.span("quiet").attributes
    assert attributes.keys().isdisjoint({"mlflow.spanInputs", "mlflow.spanOutputs"})
    assert attributes["by hand"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sampling_ratio_override": 1.5}, "from 0 to 1"),
        ({"log_level": "LOUD"}, "is not a log level"),
        ({"func": "a name"}, "write @trace"),
    ],
)
def test_bad_arguments_of_the_decorator_are_refused_at_decoration(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        spanframe.trace(**arguments)


def test_an_output_reducer_on_a_function_that_does_not_yield_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="does not yield"):
        spanframe.trace(power, output_reducer=sum)
