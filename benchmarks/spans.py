"""Measure a search for spans, from a warm SQLite store to a PyArrow table.

    python -m benchmarks.spans [--quick] [--traces N] [--peer-traces N] [--no-peers]

`spanframe.search_spans` on a store of a million spans; then beside Phoenix's
`get_spans_dataframe`, which reads the same spans from a server of its own on a store of
its own. Phoenix stores some 300 spans/s, so the two are compared on fewer spans unless
``--peer-traces 125000`` says otherwise; both stores are kept.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import spanframe
from benchmarks import phoenix_spans, workload
from benchmarks.load import portions, send
from benchmarks.peers import PEERS, install, python_of
from benchmarks.report import RESULTS, Claim, at_least, write
from benchmarks.searches import median_seconds
from benchmarks.servers import WORK
from benchmarks.stores import filled, store_of

FULL_TRACES: Final = 125_000
"""Traces of a million spans."""

QUICK_TRACES: Final = 2500
PEER_TRACES: Final = 12_500
QUICK_PEER_TRACES: Final = 250
REPEATS: Final = 3
PORTION_REQUESTS: Final = 128
POLL_SECONDS: Final = 5
RATIO: Final = 5
GOAL_RATIO: Final = 10
[PHOENIX] = [peer for peer in PEERS if peer.name == "phoenix"]


def seconds_of_spans(traces: int, return_type: str) -> float:
    """Time the search for all spans of a store with so many traces."""
    spanframe.set_tracking_uri(f"sqlite:///{filled(store_of(traces), traces)}")
    spans = traces * len(workload.SHAPE)

    def call() -> None:
        found = spanframe.search_spans(return_type=return_type)  # type: ignore[call-overload]
        if len(found) != spans:
            raise RuntimeError(f"{len(found)} spans are found instead of {spans}")

    return median_seconds(call, REPEATS)


def phoenix_seconds(traces: int) -> float:
    """Fill a server of Phoenix with the same spans, and time its search for all."""
    folder = WORK / "stores" / f"phoenix-{traces}"
    spans = traces * len(workload.SHAPE)
    folder.mkdir(parents=True, exist_ok=True)
    with PHOENIX.start(folder) as running:
        assert running.stored is not None  # noqa: S101 - Phoenix has a database
        if running.stored() != spans:
            print(f"Filling Phoenix's store with {traces:,} traces")
            for portion in portions(workload.requests(0, traces), PORTION_REQUESTS):
                send(running.export, portion)
            # Phoenix answers before it stores.
            while (stored := running.stored()) < spans:
                print(f"Phoenix has stored {stored:,} of {spans:,} spans")
                time.sleep(POLL_SECONDS)
        command = [python_of(PHOENIX.name), phoenix_spans.__file__]
        command += [running.address, str(spans), str(REPEATS)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="20 000 spans, 2 000 beside Phoenix"
    )
    parser.add_argument("--traces", type=int, help="search so many, of 8 spans each")
    parser.add_argument("--peer-traces", type=int, help="compare on so many")
    parser.add_argument("--no-peers", action="store_true", help="only spanframe")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    traces = options.traces or (QUICK_TRACES if options.quick else FULL_TRACES)
    spans = traces * len(workload.SHAPE)

    print(f"Searching {spans:,} spans")
    figures = {
        f"{spans:,} spans → {name}": _speed(spans, seconds_of_spans(traces, kind))
        for name, kind in (("Arrow", "arrow"), ("DataFrame", "pandas"))
    }
    claims: list[Claim] = []
    if not options.no_peers and install(PHOENIX.name, PHOENIX.requirement):
        same = options.peer_traces or (
            QUICK_PEER_TRACES if options.quick else PEER_TRACES
        )
        compared = same * len(workload.SHAPE)
        theirs, ours = phoenix_seconds(same), seconds_of_spans(same, "arrow")
        about = f"{compared:,} spans → Arrow against get_spans_dataframe"
        claims.append(at_least(about, theirs / ours, "x", RATIO, GOAL_RATIO))
        figures[f"{compared:,} spans → Arrow"] = _speed(compared, ours)
        figures[f"Phoenix, {compared:,} spans"] = _speed(compared, theirs)
    page = options.results / f"spans-{spans}.md"
    write(page, f"Search for spans, {spans:,} spans", claims, figures)
    return 0


def _speed(spans: int, seconds: float) -> str:
    return f"{seconds:.2f} s, {spans / seconds:,.0f} spans/s"


if __name__ == "__main__":
    sys.exit(main())
