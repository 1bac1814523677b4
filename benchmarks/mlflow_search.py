"""Searches a SQLite store of MLflow; run by the Python of MLflow's environment.

python mlflow_search.py STORE REPEATS SIZE… prints, as JSON, the median seconds for the
newest SIZE traces with their spans.
"""

import json
import statistics
import sys
import time
from importlib import import_module


def main() -> None:
    store, repeats, *sizes = sys.argv[1:]
    mlflow = import_module("mlflow")
    mlflow.set_tracking_uri(store)
    found = {}
    for size in map(int, sizes):
        times = []
        for _ in range(1 + int(repeats)):
            start = time.perf_counter()
            frame = mlflow.search_traces(locations=["0"], max_results=size)
            times.append(time.perf_counter() - start)
            if len(frame) != size:
                sys.exit(f"MLflow found {len(frame)} traces instead of {size}")
        found[size] = statistics.median(times[1:])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
