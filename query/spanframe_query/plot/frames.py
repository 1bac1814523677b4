"""Latencies and errors of a DataFrame: of traces, or of their aggregates."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import pandas as pd

from spanframe.errors import InvalidArgumentError
from spanframe_query.plot.figures import (
    BLUE,
    COLORS,
    GREY,
    MAX_SERIES,
    RED,
    box,
    legend,
    new_axes,
    new_figure,
    percent,
    write_names,
    write_times,
)

__all__ = ["errors", "latency"]

_TIME: Final = "time"
_RATE: Final = "error_rate"
_DURATIONS: Final = ("execution_time_ms", "execution_duration", "duration_ms")
_STARTS: Final = ("timestamp_ms", "request_time", "start")
_STATES: Final = ("status", "state")
_PERCENTILE: Final = re.compile(r"p\d+(\.\d+)?")
_FIGURES: Final = frozenset({"count", _RATE, "tokens", "cost"})
_MAX_BARS: Final = 40
"""Maximum groups that are drawn as bars, those with the most traces."""

_WHOLE_FROM: Final = 100
"""Minimum figure that is written without decimals."""

_BUCKETS: Final = 48
"""Buckets of time that the traces of a search are counted in."""


class _Series(NamedTuple):
    """A line: the name of its group, and its rows in the order of time."""

    name: str
    rows: pd.DataFrame


def latency(df: pd.DataFrame) -> Any:
    """Draw durations: of traces over time, or percentiles of `aggregate_traces`.

    Args:
        df: the DataFrame of `search_traces`, where each trace is a dot; or that of
            `aggregate_traces` with a percentile, where each group is a line over time
            (the highest percentile, when there are several groups), or a bar.

    Returns:
        A ``matplotlib.figure.Figure``.

    Raises:
        InvalidArgumentError: when the DataFrame has no durations.
        MissingExtraError: when matplotlib is not installed.

    Example:
        >>> import spanframe
        >>> hours = spanframe.aggregate_traces(by="name", every="1h", metrics=["p95"])
        >>> type(spanframe.plot.latency(hours)).__name__
        'Figure'
    """
    shares = [name for name in map(str, _checked(df).columns) if _is_share(name)]
    duration, start = _first(df, _DURATIONS), _first(df, _STARTS)
    if shares:
        return _aggregated(df, sorted(shares, key=_share), "Latency", " ms")
    if duration is None or start is None:
        raise InvalidArgumentError(
            "The DataFrame has no durations: give that of search_traces, or that of "
            'aggregate_traces with a percentile, metrics=["count", "p95"].'
        )
    return _dots(df, duration, start)


def errors(df: pd.DataFrame) -> Any:
    """Draw errors: of traces over time, or the rates of `aggregate_traces`.

    Args:
        df: the DataFrame of `search_traces`, whose traces are counted over time; or
            that of `aggregate_traces` with ``error_rate``, where each group is a line
            over time, or a bar.

    Returns:
        A ``matplotlib.figure.Figure``.

    Raises:
        InvalidArgumentError: when the DataFrame has no error rates and no statuses.
        MissingExtraError: when matplotlib is not installed.

    Example:
        >>> import spanframe
        >>> rates = spanframe.aggregate_traces(by="tags.app_version")
        >>> type(spanframe.plot.errors(rates)).__name__
        'Figure'
    """
    state, start = _first(_checked(df), _STATES), _first(df, _STARTS)
    if _RATE in df.columns:
        return _aggregated(df, [_RATE], "Error rate", None)
    if state is None or start is None:
        raise InvalidArgumentError(
            "The DataFrame has no errors: give that of search_traces, or that of "
            'aggregate_traces with metrics=["count", "error_rate"].'
        )
    return _counts(df, state, start)


def _aggregated(
    df: pd.DataFrame, figures: Sequence[str], title: str, unit: str | None
) -> Any:
    """Draw figures of groups: over time as lines, else as bars.

    Args:
        df: a DataFrame of `aggregate_traces`.
        figures: its columns to draw; the last one, when there are groups.
        title: of the figure.
        unit: of the figures; None: they are shares.
    """
    by = [name for name in map(str, df.columns) if not _is_figure(name)]
    if unit is not None and (by or _TIME not in df.columns):
        title = f"{title}, {figures[-1]}"
    if by or _TIME not in df.columns:
        figures = figures[-1:]
    if _TIME not in df.columns:
        return _bars(df, by, figures[-1], title, unit)
    figure = new_figure(9, 3.6)
    axes = new_axes(figure, title)
    groups = list(_series(df, by))
    lines: list[tuple[str, pd.DataFrame, str]] = [
        (group.name if by else column, group.rows, column)
        for group in groups
        for column in figures
    ]
    handles = []
    for color, (_, rows, column) in zip(COLORS, lines, strict=False):
        dots = "o" if len(rows) <= _BUCKETS else ""
        handles += axes.plot(
            rows[_TIME], rows[column], color=color, linewidth=1.6, marker=dots, ms=3
        )
    names = [name for name, _, _ in lines][: len(handles)]
    if len(names) > 1 or by:
        legend(axes, handles, names, " · ".join(by) or None)
    _finish(axes, unit)
    return figure


def _bars(
    df: pd.DataFrame, by: Sequence[str], column: str, title: str, unit: str | None
) -> Any:
    shown = _most(df, _MAX_BARS)
    figure = new_figure(9, 1.1 + 0.3 * max(1, len(shown)))
    left_out = len(df) - len(shown)
    more = f" ({left_out:,} groups not shown)" if left_out else ""
    axes = new_axes(figure, f"{title}{more}")
    places = range(len(shown))
    values = shown[column].astype("float64").fillna(0.0)
    color = RED if column == _RATE else BLUE
    drawn = axes.barh(places, values, color=color, height=0.62)
    written = [_written(value, unit) for value in shown[column]]
    axes.bar_label(drawn, written, padding=4, fontsize=8)
    names = [" · ".join(row) for row in _names(shown, by)] if by else ["all"]
    write_names(axes, names[: len(shown)])
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(lambda value, _: _written(value, unit))
    return figure


def _dots(df: pd.DataFrame, duration: str, start: str) -> Any:
    figure = new_figure(9, 3.6)
    axes = new_axes(figure, f"Latency of {len(df):,} traces")
    state = _first(df, _STATES)
    failed = df[state] == "ERROR" if state else pd.Series(data=False, index=df.index)
    handles = []
    for color, rows in ((BLUE, df[~failed]), (RED, df[failed])):
        # Zero has no place on a logarithmic axis.
        took = rows[duration].astype("float64").clip(lower=1)
        handles.append(
            axes.scatter(
                _times(rows[start]), took, s=12, color=color, alpha=0.6, linewidths=0
            )
        )
    if df[duration].notna().any():
        axes.set_yscale("log")
    legend(axes, handles, ["ended", "failed"])
    _finish(axes, " ms")
    return figure


def _counts(df: pd.DataFrame, state: str, start: str) -> Any:
    figure = new_figure(9, 3.6)
    failed = int((df[state] == "ERROR").sum())
    axes = new_axes(figure, f"{failed:,} errors of {len(df):,} traces")
    times = _times(df[start])
    if len(df):
        numbers = [
            times[df[state] != "ERROR"].to_numpy(),
            times[df[state] == "ERROR"].to_numpy(),
        ]
        axes.hist(numbers, bins=_BUCKETS, stacked=True, color=[GREY, RED], rwidth=0.85)
    legend(axes, [box(RED), box(GREY)], ["failed", "others"])
    _finish(axes, "")
    return figure


def _finish(axes: Any, unit: str | None) -> None:
    """Write times below, and figures with their unit beside the axes."""
    if unit is None:
        percent(axes)
        axes.set_ylim(bottom=0)
    else:
        axes.yaxis.set_major_formatter(lambda value, _: _written(value, unit))
    axes.grid(visible=False, axis="x")
    write_times(axes)


def _series(df: pd.DataFrame, by: Sequence[str]) -> Iterator[_Series]:
    """Yield the groups with the most traces, each with its rows."""
    if not by:
        yield _Series("", df.sort_values(_TIME))
        return
    names = pd.Series(
        [" · ".join(row) for row in _names(df, by)], index=df.index, dtype=object
    )
    weights = df["count"] if "count" in df.columns else pd.Series(1, index=df.index)
    most = weights.groupby(names).sum().sort_values(ascending=False, kind="stable")
    for name in most.index[:MAX_SERIES]:
        yield _Series(str(name), df[names == name].sort_values(_TIME))


def _names(df: pd.DataFrame, by: Sequence[str]) -> Iterator[list[str]]:
    for row in df[list(by)].itertuples(index=False):
        yield ["(none)" if pd.isna(value) else str(value) for value in row]


def _most(df: pd.DataFrame, number: int) -> pd.DataFrame:
    if "count" not in df.columns or len(df) <= number:
        return df.head(number)
    return df.nlargest(number, "count")


def _checked(df: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(df, pd.DataFrame):
        raise InvalidArgumentError(
            f"A DataFrame is drawn, not {type(df).__name__}: give what search_traces "
            "or aggregate_traces returns."
        )
    return df


def _first(df: pd.DataFrame, names: Sequence[str]) -> str | None:
    return next((name for name in names if name in df.columns), None)


def _times(starts: pd.Series) -> pd.Series:
    return pd.to_datetime(starts, unit="ms", utc=True)


def _is_share(name: str) -> bool:
    return _PERCENTILE.fullmatch(name) is not None


def _share(name: str) -> float:
    return float(name[1:])


def _is_figure(name: str) -> bool:
    return name == _TIME or name in _FIGURES or _is_share(name)


def _written(value: Any, unit: str | None) -> str:
    if pd.isna(value):
        return "none"
    if unit is None:
        return f"{value:.1%}"
    return f"{value:,.0f}{unit}" if value >= _WHOLE_FROM else f"{value:.3g}{unit}"
