"""Run a long steady load: memory, files and threads stay flat, every span is counted.

    python benchmarks/soak.py [--minutes 10] [--rate 10000]

A collector in a process of its own takes spans over gRPC at a steady rate, sixteen
requests in flight. Some requests are delivered twice, some carry spans that can never
be stored. At the end the collector's own counts are compared with those of the senders
and with the rows in the file. The exit code is 1 when a bound is broken.
"""

import argparse
import json
import re
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.acknowledged import SPANS_IN_A_REQUEST, Book, Request, Sender
from benchmarks.report import machine
from benchmarks.servers import resident_mib
from tests.plugins.collector import StartedCollector
from tests.plugins.otlp import request, span

MOST_RSS_GROWTH: Final = 0.05
MOST_MORE: Final = 2
"""File descriptors, or threads, that may come and go."""

TWICE_EVERY: Final = 20
BAD_EVERY: Final = 50
BAD: Final = request(span(0), span(1, trace_id=b"short")).SerializeToString()
BAD_SPANS: Final = 2


class Sample(NamedTuple):
    """What the collector's process holds at one moment."""

    seconds: float
    rss_mib: float
    fds: int
    threads: int

    @classmethod
    def take(cls, pid: int, seconds: float) -> "Sample":
        status = Path(f"/proc/{pid}/status").read_text()
        [threads] = re.findall(r"^Threads:\s+(\d+)", status, re.MULTILINE)
        fds = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        return cls(seconds, resident_mib(pid), fds, int(threads))


class Sent(NamedTuple):
    """How many spans went out, and how many of them for the second time."""

    spans: int
    twice: int
    bad: int


def drive(
    collector: StartedCollector, pid: int, seconds: float, rate: int, book: Book
) -> tuple[Sent, list[Sample]]:
    """Send at a steady rate; look at the process every second."""
    sender = Sender(collector.target, book)
    samples: list[Sample] = []
    twice = bad = number = 0
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < seconds:
        if now >= len(samples):
            samples.append(Sample.take(pid, now))
        ahead = number * SPANS_IN_A_REQUEST / rate - now
        if ahead > 0:
            time.sleep(min(ahead, 0.05))
            continue
        each = Request.new()
        number += 1
        is_bad = number % BAD_EVERY == 0
        bad += BAD_SPANS * is_bad
        sender.send(each, BAD if is_bad else b"")
        if number % TWICE_EVERY == 0:
            sender.send(each)
            twice += 1
    sender.close()
    samples.append(Sample.take(pid, time.monotonic() - begun))
    return Sent((number + twice) * SPANS_IN_A_REQUEST, twice, bad), samples


def counts(collector: StartedCollector) -> dict[str, int]:
    """Return the collector's own counts of spans, over all reasons."""
    with urllib.request.urlopen(f"{collector.http_endpoint}/metrics") as page:  # noqa: S310
        text = page.read().decode()
    found: dict[str, int] = {}
    pattern = r"^spanframe_(\w+)_spans_total(?:\{.*\})? (\S+)$"
    for name, value in re.findall(pattern, text, re.MULTILINE):
        found[name] = found.get(name, 0) + int(float(value))
    return {n: found.get(n, 0) for n in ("received", *PARTS)}


PARTS: Final = ("stored", "duplicate", "rejected", "refused")


def broken_bounds(samples: Sequence[Sample], settled: float) -> list[str]:
    """Compare what the process held when it had settled with what it holds at last."""
    after = [s for s in samples if s.seconds >= settled]
    window = max(1, len(after) // 5)
    first, last = after[:window], after[-window:]
    before, now = (statistics.median(s.rss_mib for s in w) for w in (first, last))
    print(f"RSS {before:.1f} MiB after {settled:.0f} s, {now:.1f} MiB at the end")
    broken = []
    if now > before * (1 + MOST_RSS_GROWTH):
        broken.append(f"RSS grew by {now / before - 1:.1%}")
    for name in ("fds", "threads"):
        before, now = (max(getattr(s, name) for s in w) for w in (first, last))
        print(f"{name}: {before:.0f} then, {now:.0f} at the end")
        if now > before + MOST_MORE:
            broken.append(f"{name} grew from {before:.0f} to {now:.0f}")
    return broken


def broken_accounts(
    sent: Sent, told: dict[str, int], rows: int, book: Book
) -> list[str]:
    """Hold the counts against what was sent, and against the rows in the file."""
    parts = " + ".join(f"{part} {told[part]:,}" for part in PARTS)
    print(f"received {told['received']:,} = {parts}")
    new = sent.spans - sent.twice * SPANS_IN_A_REQUEST
    facts = {
        "received = the sum of its parts": (
            told["received"],
            sum(told[part] for part in PARTS),
        ),
        "received = sent": (told["received"], sent.spans + sent.bad),
        "stored = sent for the first time": (told["stored"], new),
        "duplicate = sent for the second time": (told["duplicate"], sent.spans - new),
        "rejected = bad": (told["rejected"], sent.bad),
        "rejected = what senders were told": (told["rejected"], book.rejected_spans),
        "rows = stored": (rows, told["stored"]),
        "requests that were not answered OK": (len(book.unanswered), 0),
    }
    for text, (left, right) in facts.items():
        print(f"  {'ok ' if left == right else 'NOT'}  {text}: {left:,} and {right:,}")
    return [text for text, (left, right) in facts.items() if left != right]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=10_000, help="spans a second")
    options = parser.parse_args()
    seconds = options.minutes * 60
    print("\n".join(machine()))
    book = Book()
    with (
        tempfile.TemporaryDirectory() as folder,
        StartedCollector.running(Path(folder)) as collector,
    ):
        pid = json.loads((Path(folder) / "ready.json").read_text())["pid"]
        sent, samples = drive(collector, pid, seconds, options.rate, book)
        told = counts(collector)
        path = collector.store.removeprefix("sqlite:///")
        with sqlite3.connect(path) as connection:
            [[rows]] = connection.execute("SELECT count(*) FROM spans")
        connection.close()
    print("\n  seconds   RSS MiB   fds   threads")
    for sample in samples[:: max(1, len(samples) // 20)]:
        print("  {:7.0f} {:9.1f} {:5} {:9}".format(*sample))
    reached = sent.spans / samples[-1].seconds
    print(f"{reached:,.0f} spans/s over {samples[-1].seconds:.0f} s")
    broken = broken_bounds(samples, min(120, seconds / 3))
    broken += broken_accounts(sent, told, rows, book)
    if reached < options.rate * 0.95:
        broken.append(f"only {reached:,.0f} spans/s")
    print("BROKEN: " + "; ".join(broken) if broken else "All bounds hold.")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
