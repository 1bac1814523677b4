"""A process that decodes for another one, which talks to it through two pipes.

    python -P -m spanframe_collector.decode.worker

A question is the size of what the request says of its traces, the size of the request,
and both of them. An answer is its kind and its size, and then a packed `Decoded` or
nothing. The first byte that comes says that questions are taken. It ends when the pipe
is closed, whoever closes it: no process outlives the collector.
"""

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


def _work(questions: BinaryIO, answers: BinaryIO) -> None:
    answers.write(READY)
    answers.flush()
    while head := questions.read(QUESTION.size):
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
    _work(sys.stdin.buffer, sys.stdout.buffer)
