"""Threads: what joins the trace and what begins its own."""

import asyncio
import concurrent.futures
import threading
from collections import Counter

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
