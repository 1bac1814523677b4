"""Draw plots with a matplotlib in an environment of its own."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["plot"]


def plot(
    file: Path,
    *,
    x: Sequence[float] | Sequence[str],
    lines: Mapping[str, Sequence[float]],
    labels: tuple[str, str],
) -> None:
    """Draw lines over numbers, or bars over names; say so when it cannot be done.

    Args:
        file: the PNG to write.
        x: numbers, or names.
        lines: what to draw, by name, as long as ``x``.
        labels: of the two axes.
    """
    # Imported late: this module is also what the other environment runs.
    from benchmarks import peers  # noqa: PLC0415

    if not peers.install("matplotlib", "matplotlib==3.10.7"):
        return
    drawing = {"file": str(file), "x": x, "lines": lines, "labels": labels}
    subprocess.run(
        [peers.python_of("matplotlib"), __file__],
        input=json.dumps(drawing, default=list),
        text=True,
        check=True,
    )


def draw(drawing: Mapping[str, Any]) -> None:
    import_module("matplotlib").use("Agg")
    plt = import_module("matplotlib.pyplot")
    x, lines = drawing["x"], drawing["lines"]
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    if isinstance(x[0], str):
        for shift, (name, values) in enumerate(lines.items()):
            places = [n + shift * 0.8 / len(lines) for n in range(len(x))]
            axes.barh(places, values, height=0.8 / len(lines), label=name)
        axes.set_yticks(range(len(x)), x)
        axes.invert_yaxis()
        axes.set(ylabel=drawing["labels"][0], xlabel=drawing["labels"][1])
    else:
        for name, values in lines.items():
            axes.plot(x, values, marker=".", label=name)
        axes.set(xlabel=drawing["labels"][0], ylabel=drawing["labels"][1])
        axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(drawing["file"], dpi=120)


if __name__ == "__main__":
    draw(json.load(sys.stdin))
