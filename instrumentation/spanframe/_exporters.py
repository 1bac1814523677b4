"""The exporters that ``OTEL_TRACES_EXPORTER`` names."""

import sys
from collections.abc import Callable, Iterator, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import (
    ConsoleSpanExporter,
    SpanExporter,
    SpanExportResult,
)

from spanframe._otlp import OtlpExporter
from spanframe._stats import Losses
from spanframe.settings import ClientSettings

__all__ = ["named_exporters"]


class _Exporters(SpanExporter):
    """Passes every batch to several exporters; to none, batches are dropped.

    Args:
        exporters: the exporters, in order.
    """

    def __init__(self, exporters: Sequence[SpanExporter]) -> None:
        self._exporters = exporters

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        results = [exporter.export(spans) for exporter in self._exporters]
        failed = SpanExportResult.FAILURE in results
        return SpanExportResult.FAILURE if failed else SpanExportResult.SUCCESS

    @property
    def unheard_at(self) -> float | None:
        """Time of the last attempt, where no collector listened at the endpoint."""
        return next((each.unheard_at for each in self._over_otlp()), None)

    def hurry(self) -> None:
        """Try again at once, if no collector listened at the endpoint the last time."""
        for exporter in self._over_otlp():
            exporter.hurry()

    def shutdown(self) -> None:
        for exporter in self._exporters:
            exporter.shutdown()

    def after_fork(self) -> None:
        """Have each exporter forget what belongs to the parent process."""
        for exporter in self._over_otlp():
            exporter.after_fork()

    def _over_otlp(self) -> Iterator[OtlpExporter]:
        return (each for each in self._exporters if isinstance(each, OtlpExporter))


def named_exporters(
    settings: ClientSettings, losses: Losses, waiting: Callable[[], int]
) -> SpanExporter:
    """Make the exporters that the settings name.

    Args:
        settings: names of the exporters, and where they send to.
        losses: counts the delivered and the lost spans.
        waiting: returns how many spans are queued or being sent, for messages.
    """
    exporters: list[SpanExporter] = []
    for name in dict.fromkeys(settings.exporters):
        if name == "otlp":
            exporters.append(OtlpExporter(settings, losses, waiting))
        elif name == "console":
            exporters.append(ConsoleSpanExporter(out=sys.stdout))
    return exporters[0] if len(exporters) == 1 else _Exporters(exporters)
