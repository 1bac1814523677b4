"""Draw the README's pictures from a run of the example app: `make pictures`.

A DataFrame as pandas prints it and a trace as ``spanframe get`` draws it, in SVG: text
that scales, in any font of fixed width, without a download from a server.
"""

import argparse
import io
import re
import tempfile
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

import spanframe
from spanframe_query import drawing
from spanframe_query.demo.recording import record

__all__ = ["draw"]

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docs/pictures"

_WIDTH: Final = 112
_QUESTION: Final = "status = 'ERROR' AND tags.environment = 'production'"
_COLUMNS: Final = ("request_id", "status", "execution_time_ms", "request")
_SOLD: Final = "span.name = 'bank' AND status = 'OK'"
_FONT: Final = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
_SVG: Final = _FONT.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code", "ui-monospace")


def draw(folder: Path, requests: int) -> None:
    """Run the app and write the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as run:
        store = f"sqlite:///{run}/spanframe.db"
        record(Path(run), store, requests, _console())
        spanframe.configure(store=store, experiment="")
        _draw_frame(folder / "dataframe.svg")
        _draw_trace(folder / "waterfall.svg")


def _draw_frame(path: Path) -> None:
    found = spanframe.search_traces(_QUESTION)[list(_COLUMNS)].head(6)
    console = _console()
    console.print(f'[dim]>>>[/] spanframe.search_traces("{_QUESTION}")', soft_wrap=True)
    text = found.to_string(max_colwidth=46, line_width=_WIDTH * 2)
    for line in text.splitlines():
        console.print(line, markup=False, highlight=False, no_wrap=True)
    console.print("[dim]…")
    _save(console, path, "A DataFrame of traces")


def _draw_trace(path: Path) -> None:
    [trace] = spanframe.search_traces(
        _SOLD,
        order_by=["execution_time_ms DESC"],
        max_results=1,
        return_type="list",
    )
    console = _console()
    console.print(f"[dim]$[/] spanframe get {trace.info.trace_id}")
    console.print(drawing.tree(trace))
    _save(console, path, "One trace as a waterfall")


def _console() -> Console:
    return Console(
        record=True,
        width=_WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )


def _save(console: Console, path: Path, title: str) -> None:
    # An id of its own would be a hash of the text, which differs with every run.
    drawn = console.export_svg(title=title, code_format=_SVG, unique_id=path.stem)
    path.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folder", type=Path, default=FOLDER)
    arguments.add_argument("--requests", type=int, default=120)
    options = arguments.parse_args()
    draw(options.folder, options.requests)
