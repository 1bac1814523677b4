"""Threads: what joins the trace and what begins its own."""

import asyncio
import concurrent.futures
import threading
from collections import Counter
from typing import Any

import spanframe
from tests.plugins.otlp_sink import OtlpSink


@spanframe.trace
def work(x: int = 0) -> int:
    return x


def test_tasks_of_our_pool_join_the_trace(sink: OtlpSink) -> None:
    with spanframe.start_span("root") as root, spanframe.ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(work, range(10))) == list(range(10))
        assert pool.submit(work, x=3).result() == 3
    spanframe.flush()
    children = [s for s in sink.spans if s.name == "work"]
    assert len(children) == 11
    assert {s.parent_id for s in children} == {root.span_id}


def test_tasks_of_a_plain_pool_begin_their_own_traces(sink: OtlpSink) -> None:
    with (
        spanframe.start_span("root"),
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        pool.submit(work).result()
    spanframe.flush()
    assert sink.span("work").parent_id == ""


def test_asyncio_threads_join_the_trace(sink: OtlpSink) -> None:
    @spanframe.trace
    async def main() -> int:
        return await asyncio.to_thread(work, 4)

    assert asyncio.run(main()) == 4
    spanframe.flush()
    assert sink.span("work").parent_id == sink.span("main").span_id


def test_the_first_spans_of_many_threads_share_one_runtime(sink: OtlpSink) -> None:
    barrier = threading.Barrier(8)

    def run() -> None:
        barrier.wait()
        for i in range(50):
            with spanframe.start_span("outer"):
                work(i)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spanframe.flush()
    names = Counter(s.name for s in sink.spans)
    assert names == {"outer": 400, "work": 400}
    outer = {s.span_id: s.trace_id for s in sink.spans if s.name == "outer"}
    for span in sink.spans:
        if span.name == "work":
            assert outer[span.parent_id] == span.trace_id
    ours = [t for t in threading.enumerate() if t.name == "spanframe-delivery"]
    assert len(ours) == 1


def test_threads_and_tasks_choose_experiment_and_model_for_themselves(
    sink: OtlpSink,
) -> None:
    ready = threading.Barrier(2)

    def record(name: str) -> None:
        spanframe.set_experiment(name)
        with spanframe.set_active_model(f"model of {name}"):
            ready.wait(30)
            with spanframe.start_span(name):
                pass
        with spanframe.start_span(f"{name}, after"):
            pass

    async def task(name: str) -> None:
        spanframe.set_experiment(name)
        await asyncio.sleep(0)
        with spanframe.start_span(name):
            pass

    async def tasks() -> None:
        await asyncio.gather(task("c"), task("d"))

    def unchosen(name: str) -> None:
        with spanframe.start_span(name):
            pass

    def in_threads(function: Any, *names: str) -> None:
        threads = [threading.Thread(target=function, args=(n,)) for n in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    in_threads(record, "a", "b")
    unchosen("main before")
    spanframe.set_experiment("main")
    unchosen("main")
    in_threads(unchosen, "thread")
    asyncio.run(tasks())
    spanframe.flush()
    chosen = {s.name: s.attributes.get("spanframe.experiment") for s in sink.spans}
    assert chosen == {
        "a": "a",
        "a, after": "a",
        "b": "b",
        "b, after": "b",
        "main before": None,
        "main": "main",
        "thread": "main",
        "c": "c",
        "d": "d",
    }
    key = "spanframe.metadata.mlflow.modelId"
    models = {s.name: s.attributes.get(key) for s in sink.spans}
    assert (models["a"], models["b"]) == ("model of a", "model of b")
    assert (models["a, after"], models["main before"]) == (None, None)
