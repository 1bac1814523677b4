"""A process that writes for another one, which talks to it through two pipes.

    python -P -m spanframe_collector.second_process.worker SECONDS PARENT

The first line says which store. Then a question is a batch of packed requests: their
number, the size of each, all of them. Its answer is a line of JSON: what became of each
request, or null when they could not be written; then the other process tries itself,
and tells what is wrong. The first byte that comes says that questions are taken.

It ends when no question has come for so many seconds, and when the pipe is closed,
whoever closes it. Where the system can, it is killed when the collector is: by the time
that a new one starts, nobody else must be writing to the file.
"""

import ctypes
import json
import os
import select
import signal
import sys
from array import array
from collections.abc import Sequence
from typing import IO, Final

from spanframe_collector.memory import raise_gc_thresholds, return_freed_memory
from spanframe_collector.second_process.packing import unpack
from spanframe_store.contract.store import Writer, WriterOptions, Written
from spanframe_store.registry import backend_of

__all__ = ["READY", "ask", "introduce", "read_answer"]

READY: Final = b"\x01"

_NUMBERS: Final = "q"
_NUMBER_BYTES: Final = 8

_PR_SET_PDEATHSIG: Final = 1
"""Linux: the signal that comes when the thread ends that has started this process."""


def introduce(questions: IO[bytes], url: str, synchronous: str) -> None:
    """Say which store is written, and how its writer is opened."""
    line = json.dumps({"url": url, "synchronous": synchronous})
    questions.write(line.encode() + b"\n")
    questions.flush()


def ask(questions: IO[bytes], batch: Sequence[bytes]) -> None:
    """Have packed requests written in one transaction."""
    head = array(_NUMBERS, [len(batch), *map(len, batch)])
    # In one piece: after each a thread would wait for its turn.
    questions.write(b"".join((head.tobytes(), *batch)))
    questions.flush()


def read_answer(answers: IO[bytes]) -> list[Written] | None:
    """Wait for what became of each request; None: they could not be written.

    Raises:
        EOFError: when the process has ended.
    """
    line = answers.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    written = json.loads(line)
    return None if written is None else [Written(*each) for each in written]


def _read_question(questions: IO[bytes]) -> list[bytes] | None:
    """Return packed requests; None when the pipe is closed."""
    head = questions.read(_NUMBER_BYTES)
    if len(head) < _NUMBER_BYTES:
        return None
    [count] = array(_NUMBERS, head)
    sizes = array(_NUMBERS, questions.read(_NUMBER_BYTES * count))
    batch = [questions.read(size) for size in sizes]
    whole = len(sizes) == count and sum(map(len, batch)) == sum(sizes)
    return batch if whole else None


def _work(questions: IO[bytes], answers: IO[bytes], patience: float) -> None:
    store = json.loads(questions.readline())
    options = WriterOptions(store["synchronous"], busy=True)
    writer = backend_of(store["url"]).writer(store["url"], options)
    try:
        answers.write(READY)
        answers.flush()
        # Nothing is left in the buffer: a question waits for the answer before it.
        while select.select([questions], [], [], patience)[0]:
            batch = _read_question(questions)
            if batch is None:
                return
            written = _write(writer, batch)
            answers.write(json.dumps(written).encode() + b"\n")
            answers.flush()
    finally:
        writer.close()


def _write(writer: Writer, batch: list[bytes]) -> list[Written] | None:
    try:
        requests = [unpack(packed) for packed in batch]
        batch.clear()  # the rows hold everything
        return writer.write(requests)
    except Exception:  # noqa: BLE001 - whoever asked finds out what it is
        return None


def _end_with(parent: int) -> None:
    """Have the system kill this process when the one ends that has started it."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (AttributeError, OSError, TypeError):
        return  # it ends when the pipe does
    if os.getppid() != parent:
        sys.exit()


if __name__ == "__main__":
    _end_with(int(sys.argv[2]))
    return_freed_memory()
    raise_gc_thresholds()
    _work(sys.stdin.buffer, sys.stdout.buffer, float(sys.argv[1]))
