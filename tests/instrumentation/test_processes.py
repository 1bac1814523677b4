"""Processes: forks, their children, and the end of the interpreter."""

import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins import programs
from tests.plugins.at_rest import patience
from tests.plugins.otlp_sink import OtlpSink

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


@pytest.fixture
def receiver() -> Iterator[OtlpSink]:
    """A sink for programs of their own."""
    with OtlpSink.serving() as sink:
        yield sink


def counted(sink: OtlpSink) -> Counter[str]:
    return Counter(s.attributes["mlflow.spanInputs"] for s in sink.spans)


def expected(*numbers: int) -> Counter[str]:
    return Counter(f'{{"x": {n}}}' for n in numbers)


def test_the_end_of_the_program_sends_what_waits(receiver: OtlpSink) -> None:
    programs.run("work(1)", receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY="60000")
    assert counted(receiver) == expected(1)


def test_an_exit_in_the_middle_of_a_span_sends_it(receiver: OtlpSink) -> None:
    code = """
    with spanframe.start_span("last"):
        spanframe.update_current_span(inputs={"x": 1})
        sys.exit(0)
    """
    programs.run(code, receiver.endpoint)
    (span,) = receiver.spans
    assert span.status_message == "SystemExit: 0"


def test_a_call_at_the_very_end_does_no_harm(receiver: OtlpSink) -> None:
    # Registered before the runtime's own, so it runs after that has closed.
    code = """
    import atexit
    atexit.register(lambda: print(work(7)))
    work(1)
    """
    assert programs.run(code, receiver.endpoint) == "7\n"
    assert counted(receiver) == expected(1)


@pytest.mark.parametrize("before", [False, True], ids=["before", "after"])
def test_a_fork_around_the_first_span_sends_every_span_once(
    receiver: OtlpSink, before: bool
) -> None:
    code = f"""
    if {before}:
        work(1)
        spanframe.flush()
    work(2) if {before} else None
    children = []
    for n in (3, 4):
        pid = os.fork()
        if pid == 0:
            work(n)
            sys.exit(0)
        children.append(pid)
    work(5)
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    """
    programs.run(code, receiver.endpoint)
    first = (1, 2) if before else ()
    assert counted(receiver) == expected(*first, 3, 4, 5)


def test_a_child_leaves_the_open_spans_to_its_parent(receiver: OtlpSink) -> None:
    code = """
    with spanframe.start_span("parent") as span:
        span.set_inputs({"x": 0})
        pid = os.fork()
        if pid == 0:
            with spanframe.start_span("child") as child:
                child.set_inputs({"x": 1})
                spanframe.update_current_trace(tags={"from": "child"})
            assert spanframe.flush()
        else:
            assert os.waitpid(pid, 0)[1] == 0
    """
    programs.run(code, receiver.endpoint)
    assert counted(receiver) == expected(0, 1)
    parent, child = receiver.span("parent"), receiver.span("child")
    assert (child.trace_id, child.parent_id) == (parent.trace_id, parent.span_id)
    assert child.attributes["mlflow.traceTag.from"] == "child"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_send_their_spans(
    receiver: OtlpSink, method: str, tmp_path: Path
) -> None:
    script = tmp_path / "pool.py"
    script.write_text(f"""
import multiprocessing
import spanframe

@spanframe.trace
def work(x):
    return x

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    work(100)
    processes = [context.Process(target=work, args=(n,)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
""")
    environment = os.environ | {"SPANFRAME_ENDPOINT": receiver.endpoint}
    subprocess.run([sys.executable, script], env=environment, check=True)
    assert counted(receiver) == expected(0, 1, 2, 100)


def test_workers_of_a_pool_that_is_joined_send_their_spans(
    receiver: OtlpSink,
) -> None:
    code = """
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(work, range(6), 1) == list(range(6))
        pool.close()
        pool.join()
    """
    programs.run(code, receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY="60000")
    assert counted(receiver) == expected(*range(6))


@pytest.mark.alone
def test_a_dead_collector_does_not_keep_the_program_from_ending() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert seconds_to_end(endpoint) < 4 * patience()  # 5 by default


@pytest.mark.alone
def test_a_silent_collector_does_not_keep_the_program_from_ending() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert seconds_to_end(endpoint) < 4 * patience()


def seconds_to_end(endpoint: str) -> float:
    """Return how long a program takes to end that has a span to send."""
    code = "work(1); assert not spanframe.stats().lost; print(time.monotonic())"
    printed = programs.run(code, endpoint, SPANFRAME_EXIT_TIMEOUT="0.5")
    return time.monotonic() - float(printed)


def test_workers_of_a_preloaded_gunicorn_send_their_spans(
    receiver: OtlpSink, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text("""
import spanframe

@spanframe.trace
def work(x):
    return x

work(100)
spanframe.flush()

def app(environ, start_response):
    work(int(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]
""")
    code = f"""
    import signal, socket, subprocess, urllib.request
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [{sys.executable!r}, "-m", "gunicorn", "--preload", "-w", "2"]
    command += ["-b", f"127.0.0.1:{{port}}", "--chdir", {str(tmp_path)!r}, "shop:app"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    for attempt in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    for n in range(20):
        urllib.request.urlopen(f"http://127.0.0.1:{{port}}/?{{n}}").close()
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    """
    programs.run(code, receiver.endpoint)
    assert counted(receiver) == expected(100, *range(20))
