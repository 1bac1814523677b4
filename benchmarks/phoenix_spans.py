"""Reads the spans of a Phoenix server; run by the Python of Phoenix's environment.

python phoenix_spans.py URL SPANS REPEATS prints the median seconds for a DataFrame of
all spans, after a first one that is not timed.
"""

import statistics
import sys
import time
from importlib import import_module

TIMEOUT_SECONDS = 3600


def main() -> None:
    url, spans, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    client = import_module("phoenix.client").Client(base_url=url)
    times = []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        frame = client.spans.get_spans_dataframe(
            project_identifier="default", limit=spans, timeout=TIMEOUT_SECONDS
        )
        times.append(time.perf_counter() - start)
        if len(frame) != spans:
            sys.exit(f"Phoenix found {len(frame)} spans instead of {spans}")
    print(statistics.median(times[1:]))


if __name__ == "__main__":
    main()
