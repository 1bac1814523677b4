"""Measure the rate of spans into a SQLite store, beside MLflow, Phoenix and rotel.

    python -m benchmarks.ingest [--quick] [--traces N] [--no-peers] [--store ENGINE]

A collector with its default settings (synchronous=FULL, the answer after COMMIT) takes
the workload from sixteen senders. Requests are made before each portion is sent, so
only the sending is timed. The peers take a part of the same workload from the same
senders, in turns with a collector, each time from an empty store: the speed of a shared
machine changes from minute to minute, and a ratio is worth something only between
neighbours. At the end the store is compared with what was sent; it stays for
`benchmarks.search`.
"""

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import postgresql, workload
from benchmarks.load import over_grpc, send
from benchmarks.peers import PEERS, Peer, install
from benchmarks.plot import plot
from benchmarks.report import RESULTS, Claim, at_least, at_most, write
from benchmarks.servers import WORK, collector
from benchmarks.stores import Growth, fill, store_of
from benchmarks.verify import differences
from benchmarks.workload import Request

FULL_TRACES: Final = 1_000_000
QUICK_TRACES: Final = 100_000
SINGLE_SPANS: Final = 300
QUICK_PEER_TRACES: Final = {"mlflow": 1000, "phoenix": 400, "rotel": 20_000}
ROUNDS: Final = 3
OUR_TRACES: Final = 8_000
"""Sent to a collector beside each part that a peer gets."""

WARMING_TRACES: Final = 64
STORED_SECONDS: Final = 60
"""How long a peer may store nothing before it has stored all that it will."""


class Beside(NamedTuple):
    """What a peer and a collector took in turns: medians of spans a second."""

    peer: float
    ours: float
    ratio: float


def single_span_ms(folder: Path) -> float:
    """Return the median of a lone span's way to the answer, in milliseconds."""
    spans = [workload.spans_of(number)[0] for number in range(SINGLE_SPANS)]
    bodies = [workload.as_request([span]).body for span in spans]
    times = []
    with collector(folder / "single.db") as (target, _), over_grpc(target) as export:
        for body in bodies:
            start = time.perf_counter()
            export(body)
            times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def our_rate(folder: Path, requests: list[Request]) -> float:
    """Return how many spans a second a collector takes into a new store."""
    warming = list(workload.requests(OUR_TRACES, WARMING_TRACES))
    folder.mkdir()
    with collector(folder / "ours.db") as (target, _), over_grpc(target) as export:
        send(export, warming)
        return send(export, requests).rate


def peer_rate(peer: Peer, folder: Path, traces: int) -> float:
    """Return how many spans a second a peer takes; stores, where it stores any."""
    requests = list(workload.requests(0, traces))
    warming = list(workload.requests(traces, WARMING_TRACES))
    folder.mkdir()
    with peer.start(folder) as running:
        # A server loads much of itself with its first request.
        send(running.export, warming)
        if running.stored is None:
            return send(running.export, requests).rate
        before, _ = settled(running.stored, WARMING_TRACES * len(workload.SHAPE))
        start = time.perf_counter()
        send(running.export, requests)
        spans = traces * len(workload.SHAPE)
        stored, end = settled(running.stored, before + spans)
    if stored < before + spans:
        print(f"{peer.name} has stored {stored - before:,} of {spans:,} spans")
    return (stored - before) / (end - start)


def settled(count: Callable[[], int], expected: int) -> tuple[int, float]:
    """Wait until a count is reached, or changes no more; return it and since when.

    What a peer has accepted may be stored later, or never.
    """
    stored, since = count(), time.perf_counter()
    while stored < expected and time.perf_counter() - since < STORED_SECONDS:
        time.sleep(0.1)
        before, stored = stored, count()
        if stored != before:
            since = time.perf_counter()
    return stored, since


def beside_peers(folder: Path, times: int) -> dict[str, Beside]:
    """Measure every peer that can be installed here, in turns with a collector.

    Args:
        folder: for their data.
        times: how much more to send than is needed for a quick look.
    """
    found = {}
    ours = list(workload.requests(0, OUR_TRACES))
    for peer in PEERS:
        if not install(peer.name, peer.requirement):
            continue
        traces = times * QUICK_PEER_TRACES[peer.name] // ROUNDS
        print(f"Sending {ROUNDS} times {traces:,} traces to {peer.requirement}")
        pairs = []
        for number in range(ROUNDS):
            place = folder / f"{peer.name}-{number}"
            pairs.append(
                (our_rate(place, ours), peer_rate(peer, place / "peer", traces))
            )
            shutil.rmtree(place)
        found[peer.requirement] = Beside(
            statistics.median(theirs for _, theirs in pairs),
            statistics.median(mine for mine, _ in pairs),
            statistics.median(mine / theirs for mine, theirs in pairs),
        )
    return found


def claims(growth: Growth, single_ms: float, peers: dict[str, Beside]) -> list[Claim]:
    ratios = {name.partition("==")[0]: beside.ratio for name, beside in peers.items()}
    targets = {"mlflow": (30, 60), "arize-phoenix": (80, 150), "rotel": (0.12, 0.3)}
    spans = sum(sent.spans for sent in growth.portions)
    found = [
        at_least(f"spans/s against {name}", ratio, "x", *targets[name])
        for name, ratio in ratios.items()
    ]
    return [
        *found,
        at_least(
            f"rate at {spans / 1e6:.1f} M spans in the file / on an empty file",
            growth.last_rate / growth.first_rate,
            "",
            0.7,
            0.9,
        ),
        at_most("collector RSS, the most", growth.peak_mib, " MiB", 250, 150),
        at_most("file bytes / OTLP bytes received", growth.bytes_share, "", 0.8, 0.4),
        at_most("one span, export → ack, p50", single_ms, " ms", 10, 4),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="100 000 traces")
    parser.add_argument("--traces", type=int, help="send so many")
    parser.add_argument("--no-peers", action="store_true", help="only spanframe")
    parser.add_argument(
        "--store",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="postgresql: beside SQLite and MLflow on the same server",
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    traces = options.traces or (QUICK_TRACES if options.quick else FULL_TRACES)
    if options.store == "postgresql":
        peers_too = not options.no_peers
        return postgresql.ingest(traces, options.results, settled, peers=peers_too)
    scratch = WORK / "ingest"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)

    times = 1 if traces <= QUICK_TRACES else 5
    peers = {} if options.no_peers else beside_peers(scratch, times)
    print(f"Sending {traces:,} traces to a collector")
    growth = fill(store_of(traces), traces)
    single_ms = single_span_ms(scratch)
    wrong = differences(store_of(traces), traces)

    figures = {
        "traces sent": f"{traces:,}",
        "spanframe, spans/s on an empty file": f"{growth.first_rate:,.0f}",
        "spanframe, spans/s at the end": f"{growth.last_rate:,.0f}",
        "collector, processor time a span": f"{growth.cpu_us_of_a_span:.0f} µs",
        "bytes of a span on the wire": f"{growth.bytes_of_a_span:.0f}",
        "stored as sent": "; ".join(wrong)
        or "yes: counts, and 10 random traces field by field",
    }
    figures |= {
        f"{name}, spans/s": f"{beside.peer:,.0f}, beside {beside.ours:,.0f}"
        for name, beside in peers.items()
    }
    name = f"ingest-{traces}"
    title = f"Ingest, {traces:,} traces"
    write(
        options.results / f"{name}.md", title, claims(growth, single_ms, peers), figures
    )
    spans = [sent.spans for sent in growth.portions]
    plot(
        options.results / f"{name}.png",
        x=[sum(spans[: n + 1]) / 1e6 for n in range(len(spans))],
        lines={"spanframe": [sent.rate for sent in growth.portions]},
        labels=("spans in the file, millions", "spans a second"),
    )
    shutil.rmtree(scratch)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
