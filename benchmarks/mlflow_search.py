"""Searches a SQLite store of MLflow; run by the Python of MLflow's environment.

python mlflow_search.py STORE SIZE REPEATS prints the median seconds for the newest SIZE
traces with their spans, after a first search that is not timed.
"""

import statistics
import sys
import time
from importlib import import_module


def main() -> None:
    store, size, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    mlflow = import_module("mlflow")
    mlflow.set_tracking_uri(store)
    times = []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        frame = mlflow.search_traces(locations=["0"], max_results=size)
        times.append(time.perf_counter() - start)
        if len(frame) != size:
            sys.exit(f"MLflow found {len(frame)} traces instead of {size}")
    print(statistics.median(times[1:]))


if __name__ == "__main__":
    main()
