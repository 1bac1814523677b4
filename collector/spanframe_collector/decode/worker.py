"""A process that decodes for another one, which talks to it through two pipes.

    python -P -m spanframe_collector.decode.worker SECONDS

A question is the size of what the request says of its traces, the size of the request,
and both of them. An answer is its kind and its size, and then a packed `Decoded` or
nothing. The first byte that comes says that questions are taken. It ends when none has
come for so many seconds, and when the pipe is closed, whoever closes it: no process
outlives the collector.
"""

import select
import struct
import sys
from typing import BinaryIO, Final

from spanframe_collector.decode.envelope import EnvelopeError
from spanframe_collector.decode.packing import load_facts, pack
from spanframe_collector.decode.request import decode_request

__all__ = ["ANSWER", "DECODED", "QUESTION", "READY", "UNDECODABLE"]

READY: Final = b"\x01"
QUESTION: Final = struct.Struct("<QQ")
ANSWER: Final = struct.Struct("<BQ")
DECODED: Final = 0
UNDECODABLE: Final = 1


def _work(questions: BinaryIO, answers: BinaryIO, patience: float) -> None:
    answers.write(READY)
    answers.flush()
    # Nothing is left in the buffer: a question waits for the answer to the one before.
    while select.select([questions], [], [], patience)[0]:
        head = questions.read(QUESTION.size)
        if not head:
            return
        facts_size, size = QUESTION.unpack(head)
        facts = load_facts(questions.read(facts_size))
        try:
            packed = pack(decode_request(questions.read(size), facts))
        except EnvelopeError:
            answers.write(ANSWER.pack(UNDECODABLE, 0))
        else:
            answers.write(ANSWER.pack(DECODED, len(packed)))
            answers.write(packed)
        answers.flush()


if __name__ == "__main__":
    _work(sys.stdin.buffer, sys.stdout.buffer, float(sys.argv[1]))
