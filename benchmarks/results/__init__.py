"""Where the benchmarks write their pages; `machine` is in `benchmarks.report`."""

from benchmarks.report import machine

__all__ = ["machine"]
