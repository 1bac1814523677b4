"""The second half of the demo: searches, and their DataFrames as pandas prints them."""

from typing import Final, NamedTuple

import pandas as pd
from rich.console import Console
from rich.markup import escape

import spanframe
from spanframe_query import drawing

__all__ = ["compare", "search"]

MAX_SHOWN_ROWS: Final = 5
"""Maximum rows of a DataFrame that are printed."""

MAX_CELL_CHARS: Final = 36
"""Maximum characters of a cell: those of a request id."""

BRIEF: Final = ("request_id", "status", "execution_time_ms", "request", "response")


class Search(NamedTuple):
    """A search of the demo; it prints all columns when ``columns`` is empty."""

    question: str
    filter: str
    columns: tuple[str, ...] = ()


def searches(middle_ms: int) -> tuple[Search, ...]:
    """Return the searches; ``middle_ms`` is a time during the run, epoch ms."""
    return (
        Search("Every trace, all columns", ""),
        Search("What failed?", "attributes.status = 'ERROR'", BRIEF),
        Search("What was slow?", "attributes.execution_time_ms > 350", BRIEF),
        Search(
            "What failed in production?",
            "tags.environment = 'production' AND attributes.status = 'ERROR'",
            (*BRIEF[:3], "tags"),
        ),
        Search(
            "What did Alice ask?",
            "metadata.`mlflow.trace.user` = 'alice@example.com'",
            (*BRIEF[:4], "request_metadata"),
        ),
        Search(
            "Version 2 with the new ranking?",
            "tags.app_version LIKE '2.%' AND tags.`feature_flag.rerank` = 'on'",
            BRIEF,
        ),
        Search(
            "By name, since the middle of the run?",
            f"name ILIKE 'Shop%' AND attributes.timestamp_ms > {middle_ms}",
            ("request_id", "timestamp_ms", "status", "execution_time_ms"),
        ),
    )


def search(store: str, middle_ms: int, console: Console) -> None:
    """Run the searches on a store, print their DataFrames, then the slowest trace."""
    console.rule("[bold]2. Searches find them")
    spanframe.configure(store=store, experiment="")
    for asked in searches(middle_ms):
        _print_call(asked.question, f'search_traces("{asked.filter}")', console)
        frame = spanframe.search_traces(asked.filter)
        shown = frame[list(asked.columns)] if asked.columns else frame
        _print_frame(shown.head(MAX_SHOWN_ROWS), console)
        console.print(f"[dim]{len(frame)} rows, {len(frame.columns)} columns")
    (slowest,) = spanframe.search_traces(
        order_by=["execution_time_ms DESC"], max_results=1, return_type="list"
    )
    question = "Where did the time of the slowest one go?"
    _print_call(question, f'get_trace("{slowest.info.trace_id}")', console)
    console.print(drawing.tree(slowest))


def compare(console: Console) -> None:
    """Print a comparison of all traces, which the store computes."""
    console.rule("[bold]3. Compare")
    question = "Which version fails more, which is slower?"
    _print_call(question, 'aggregate_traces(by="tags.app_version", …)', console)
    summary = spanframe.aggregate_traces(
        by="tags.app_version", metrics=["count", "error_rate", "p50", "p100"]
    )
    _print_frame(summary.round(3), console)


def _print_call(question: str, call: str, console: Console) -> None:
    text = f"\n[bold]{question}[/]\n[cyan]spanframe.{escape(call)}"
    console.print(text, highlight=False, soft_wrap=True)


def _print_frame(frame: pd.DataFrame, console: Console) -> None:
    """Print a DataFrame as pandas does, within the width of the terminal."""
    text = frame.to_string(max_colwidth=MAX_CELL_CHARS, line_width=console.width)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
