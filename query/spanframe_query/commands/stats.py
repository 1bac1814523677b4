"""The command ``stats``: figures of many traces, computed in the store."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from spanframe_query import reader
from spanframe_query.commands.looking import moment, print_rows
from spanframe_query.commands.options import (
    ExperimentOption,
    FilterArgument,
    SinceOption,
    StoreOption,
    checked,
)
from spanframe_query.grouping import parse_by, parse_every, parse_metrics
from spanframe_query.terminal import duration
from spanframe_store.contract.aggregates import Aggregation, Group, MetricKind
from spanframe_store.contract.filter import FieldKind

__all__ = ["app"]

app: Final = typer.Typer()

_DEFAULT: Final = "count,error_rate,p50,p95,p99,tokens,cost"


@app.command()
def stats(
    filter_: FilterArgument = "",
    by: Annotated[
        str,
        typer.Option(
            help="Fields of traces to group by, commas between, for example "
            "name,tags.app_version.",
            show_default=False,
        ),
    ] = "",
    every: Annotated[
        str | None,
        typer.Option(
            help="Length of a bucket of time: 30s, 5m, 1h, 1d, 1w.", show_default=False
        ),
    ] = None,
    metrics: Annotated[
        str, typer.Option(help="Figures: count, error_rate, p50 (any p), tokens, cost.")
    ] = _DEFAULT,
    since: SinceOption = "",
    experiment: ExperimentOption = None,
    store: StoreOption = None,
) -> None:
    """Print figures of the traces that match: counts, errors, durations, cost."""
    fields, measured = parse_by(_parts(by)), parse_metrics(_parts(metrics))
    every_ms = parse_every(every)
    searched, search = checked(store, filter_, experiment=experiment, since=since)
    aggregation = Aggregation(
        search=search,
        by=tuple(each.field for each in fields),
        every_ms=every_ms,
        metrics=tuple(each.metric for each in measured),
    )
    groups = sorted(reader.aggregate(searched, aggregation), key=_place)
    head = ["start (UTC)"] if every_ms is not None else []
    head += [each.column for each in fields] + [each.column for each in measured]
    kinds = [each.metric.kind for each in measured]
    of_time = [each.field.kind is FieldKind.TIMESTAMP_MS for each in fields]
    rows = []
    for group in groups:
        row = [] if group.start_ms is None else [moment(group.start_ms)]
        row += [
            moment(value) if is_time and isinstance(value, int) else _text(value)
            for value, is_time in zip(group.key, of_time, strict=True)
        ]
        row += map(_figure, kinds, group.figures)
        rows.append(row)
    print_rows(head, rows)


def _parts(text: str) -> Sequence[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _place(group: Group) -> tuple[Any, ...]:
    texts = ((value is None, _text(value)) for value in group.key)
    return (group.start_ms or 0, *texts)


def _figure(kind: MetricKind, value: Any) -> str:
    if value is None:
        return ""
    match kind:
        case MetricKind.ERROR_RATE:
            return f"{value:.2%}"
        case MetricKind.PERCENTILE:
            return duration(value)
        case MetricKind.COST:
            return f"${value:,.6g}"
        case MetricKind.COUNT | MetricKind.TOKENS:
            return f"{value:,}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
