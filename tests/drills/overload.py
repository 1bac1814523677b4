"""Drills by senders that send too much, or everything again and again."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.acknowledged import (
    SPANS_IN_A_REQUEST,
    Book,
    Request,
    Sender,
    lost_and_doubled,
)
from tests.drills.promises import DOUBLED, LOST, Promise, Result, Scale, drill
from tests.drills.proxy import cutting
from tests.drills.traffic import OWN_CONNECTION, Traffic
from tests.drills.watch import is_ready, memory_of, timed
from tests.plugins.collector import Collector
from tests.plugins.observed import metrics, total
from tests.plugins.threads import set_at_the_end

ACCOUNTS: Final = Promise("spans received but not accounted for", 0)


@drill(
    "retry-storm",
    "a proxy cuts connections as answers come, and all is sent again",
    *(LOST, DOUBLED, ACCOUNTS),
)
def retry_storm(scale: Scale, folder: Path) -> Result:
    count = scale.pick(60, 4000)
    book = Book()
    with Collector.running(folder) as collector:
        with cutting(collector.target, scale.pick(4, 10)) as proxy:
            left = [Request.new() for _ in range(count)]
            until_taken = time.monotonic() + scale.pick(30, 240)
            while left and time.monotonic() < until_taken:
                sender = Sender(proxy.address, book, OWN_CONNECTION)
                for each in left:
                    sender.send(each)
                sender.close()
                left = book.unanswered
        figures = lost_and_doubled(collector.store, book)
        accounts = unaccounted(collector)
    assert not left, f"{len(left)} requests were never answered OK"
    spans = count * SPANS_IN_A_REQUEST
    done = f"{spans:,} spans, {len(book.answers) - count} requests sent again, "
    return Result(done + f"{proxy.cuts} cuts", (*figures, accounts))


def unaccounted(collector: Collector) -> float:
    """Return how many spans were received, and neither stored nor otherwise counted."""
    found = metrics(collector)
    parts = ("stored", "duplicate", "rejected", "refused")
    known = sum(total(found, f"spanframe_{part}_spans") for part in parts)
    return abs(total(found, "spanframe_received_spans") - known)


@drill(
    "saturation",
    "three times the requests that can be stored, whatever is answered",
    *(LOST, DOUBLED, ACCOUNTS),
    Promise("answers other than OK and UNAVAILABLE", 0),
    Promise("longest answer of health", 2.0, "s"),
    Promise("more memory", 256, "MiB"),
)
def saturation(scale: Scale, folder: Path) -> Result:
    seconds = scale.pick(1.0, 20.0)
    with Collector.running(folder) as collector:
        traffic, health = Traffic(collector.target), []
        answers = traffic.book.answers
        with traffic.running():
            traffic.wait_for(scale.pick(20, 400))
            seen = len(answers)
            time.sleep(seconds)
            rate = (len(answers) - seen) / seconds
        seen, overload = len(answers), overloaded(collector, traffic.book, 3 * rate)
        with memory_of(collector) as more, overload:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                health.append(timed(lambda: is_ready(collector)))
                time.sleep(0.1)
        answers = answers[seen:]
        figures = (
            *traffic.lost_and_doubled(collector.store),
            unaccounted(collector),
            sum(a.code not in {"OK", "UNAVAILABLE"} for a in answers),
            max(health),
            more(),
        )
    oks = sum(a.is_ok for a in answers)
    before, sent, stored = (
        f"{count * SPANS_IN_A_REQUEST:,.0f}"
        for count in (rate, len(answers) / seconds, oks / seconds)
    )
    done = f"{seconds:.0f} s, {before} spans/s before, {sent} sent and {stored} stored"
    return Result(done, figures)


@contextmanager
def overloaded(
    collector: Collector, book: Book, requests_a_second: float
) -> Iterator[None]:
    """Send at a rate, whatever is answered; at most 1 600 requests wait for it."""
    stop = threading.Event()
    senders = [Sender(collector.target, book, OWN_CONNECTION) for _ in range(100)]

    def work(place: int) -> None:
        pause = len(senders) / requests_a_second
        due = time.monotonic() + pause * place / len(senders)
        while not stop.wait(max(0.0, due - time.monotonic())):
            due += pause
            senders[place].send(Request.new())

    with ThreadPoolExecutor(len(senders)) as threads, set_at_the_end(stop):
        for place in range(len(senders)):
            threads.submit(work, place)
        yield
    for sender in senders:
        sender.close()
