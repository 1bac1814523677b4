"""The cyclic garbage collector pauses while rows become objects."""

import gc
import threading

import pytest

from spanframe_query.gc_pause import gc_paused


def test_nothing_is_collected_meanwhile() -> None:
    assert gc.isenabled()
    with gc_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_last_of_several_threads_switches_back() -> None:
    entered, leave = threading.Event(), threading.Event()

    def build() -> None:
        with gc_paused():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=build)
    with gc_paused():
        thread.start()
        assert entered.wait(10)
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_failure_switches_back() -> None:
    with pytest.raises(RuntimeError), gc_paused():
        raise RuntimeError
    assert gc.isenabled()
