"""Plots: what they draw, of what, and that no text of a user does harm."""

import warnings
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

import spanframe
from spanframe import plot
from spanframe.errors import InvalidArgumentError, MissingExtraError
from spanframe_query.plot import figures
from tests.plugins.sample_spans import otlp_span
from tests.plugins.store import Store

HOSTILE = (
    r"$\frac{1}",
    "$a$",
    "_hidden",
    "日本 🎉",
    "\x1b[31mred\n\n",
    "\u202etxt",
    "x" * 5000,
    "",
    "%s {0}",
)


@pytest.fixture(params=["sqlite"])
def store_engine(request: pytest.FixtureRequest) -> str:
    """One engine: a plot is of a DataFrame or a trace."""
    name: str = request.param
    return name


@pytest.fixture
def hostile(searched: Store) -> Store:
    """A trace for each text, which is its name, a tag, and names and types of spans."""
    for number, text in enumerate(HOSTILE, 1):
        root = otlp_span(
            number,
            name=text,
            start_ms=number * 60_000,
            duration_ms=7,
            status="ERROR" if number % 2 else "OK",
            attributes={"mlflow.traceTag.t": text, "mlflow.spanType": f'"{number}"'},
        )
        children = [
            otlp_span(number, 2, 1, name=text, start_ms=number * 60_000 + 2),
            otlp_span(number, 3, 2, name="open", duration_ms=None),
        ]
        searched.write(root, *children)
    return searched


def drawn(figure: Any) -> list[str]:
    """Draw a figure, warnings being errors; return all of its texts."""
    with warnings.catch_warnings(action="error"):
        assert figure._repr_png_().startswith(b"\x89PNG")
    [axes] = figure.axes
    legend = axes.get_legend()
    texts = [axes.get_title(loc="left"), axes.get_xlabel()]
    texts += [each.get_text() for each in axes.get_yticklabels()]
    texts += [each.get_text() for each in axes.texts]
    return texts + (
        [] if legend is None else [t.get_text() for t in legend.get_texts()]
    )


def test_a_waterfall_has_a_bar_for_each_span_below_its_parent(searched: Store) -> None:
    searched.write(
        otlp_span(1, 1, name="ask", duration_ms=2000),
        otlp_span(1, 2, 1, name="tool", start_ms=5, duration_ms=3, status="ERROR"),
        otlp_span(1, 3, 2, name="inner", start_ms=6, duration_ms=None),
    )
    [trace] = spanframe.search_traces(return_type="list")
    figure = plot.waterfall(trace)
    assert isinstance(figure, Figure)
    texts = drawn(figure)
    assert texts[:2] == ["ask  OK", "s from the start"]
    assert texts[2:8] == [
        "ask",
        "    tool",
        "        inner",
        "2,000 ms",
        "3 ms",
        "not ended",
    ]
    assert texts[8:] == ["UNKNOWN", "failed"]


def test_a_large_trace_says_how_many_spans_are_left_out(searched: Store) -> None:
    spans = [otlp_span(1, n, 1 if n > 1 else 0, name=f"s{n}") for n in range(1, 130)]
    searched.write(*spans)
    [trace] = spanframe.search_traces(return_type="list")
    assert "ms from the start, 29 more spans not shown" in drawn(plot.waterfall(trace))


def test_no_text_of_a_user_is_a_formula_or_a_warning(hostile: Store) -> None:
    for trace in spanframe.search_traces(return_type="list"):
        texts = drawn(plot.waterfall(trace))
        assert all(text.isprintable() and len(text) < 60 for text in texts)
    for every in (None, "1m"):
        found = spanframe.aggregate_traces(by=["tags.t", "name"], every=every)
        for draw in (plot.latency, plot.errors):
            texts = drawn(draw(found))
            assert r"$\frac{1} · $\frac{1}" in texts
            assert any(text.startswith("_hidden") for text in texts)
            assert "□□ □ · □□ □" in texts or every


def test_aggregates_are_lines_over_time_and_bars_without(hostile: Store) -> None:
    by_time = spanframe.aggregate_traces(every="1m", metrics=["p50", "p95", "count"])
    assert drawn(plot.latency(by_time))[-2:] == ["p50", "p95"]
    rates = spanframe.aggregate_traces(by="status", metrics=["error_rate"])
    texts = drawn(plot.errors(rates))
    assert texts[0] == "Error rate"
    assert {"OK", "ERROR", "0.0%", "100.0%"} <= set(texts)
    whole = spanframe.aggregate_traces(metrics=["p95"])
    assert {"Latency, p95", "all", "7 ms"} <= set(drawn(plot.latency(whole)))


@pytest.mark.parametrize("layout", ["v2", "v3", "tidy"])
def test_traces_are_dots_and_counts_over_time(hostile: Store, layout: Any) -> None:
    found = spanframe.search_traces(layout=layout, include_spans=False)
    assert drawn(plot.latency(found))[0] == "Latency of 9 traces"
    assert drawn(plot.errors(found))[0] == "5 errors of 9 traces"


def test_no_rows_are_an_empty_figure(searched: Store) -> None:
    none = spanframe.search_traces()
    assert drawn(plot.latency(none))[0] == "Latency of 0 traces"
    assert drawn(plot.errors(none))[0] == "0 errors of 0 traces"
    for every in (None, "1h"):
        groups = spanframe.aggregate_traces(by="name", every=every)
        assert drawn(plot.latency(groups))[0] == "Latency, p99"
        assert drawn(plot.errors(groups))[0] == "Error rate"


@pytest.mark.parametrize(
    ("draw", "given", "remedy"),
    [
        (plot.waterfall, "tr-1", "waterfall(spanframe.get_trace(id))"),
        (plot.latency, [1], "give what search_traces"),
        (plot.latency, pd.DataFrame({"x": [1]}), 'metrics=["count", "p95"]'),
        (plot.errors, pd.DataFrame({"x": [1]}), 'metrics=["count", "error_rate"]'),
    ],
)
def test_what_cannot_be_drawn_says_what_to_give(
    draw: Any, given: Any, remedy: str
) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        draw(given)
    assert remedy in str(refused.value)


def test_a_trace_without_spans_says_how_to_get_them(hostile: Store) -> None:
    [trace, *_] = spanframe.search_traces(return_type="list", include_spans=False)
    with pytest.raises(InvalidArgumentError, match="include_spans=True"):
        plot.waterfall(trace)


def test_without_matplotlib_the_install_line_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(module: str) -> None:
        raise ModuleNotFoundError(name=module)

    figures._class.cache_clear()
    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(MissingExtraError, match=r"spanframe\[plot\]"):
        figures.new_figure(1, 1)
    figures._class.cache_clear()
