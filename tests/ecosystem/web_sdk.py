"""Builds `web/otel.js`: OpenTelemetry's web SDK as a page loads it, in one file.

It is kept in the repository, as it is small and the tests then need no npm. The
versions are those of `web/package.json`.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Final

__all__ = ["WEB_SDK", "build"]

_HERE: Final = Path(__file__).parent / "web"
_BUILT: Final = Path(__file__).parents[2] / "build" / "ecosystem" / "web"

WEB_SDK: Final = _HERE / "otel.js"
"""The script; a page that has loaded it finds everything below ``otel``."""

_BANNER: Final = (
    "/* @opentelemetry/sdk-trace-web, @opentelemetry/exporter-trace-otlp-http and what "
    "they need; Copyright The OpenTelemetry Authors; Apache-2.0. Written by "
    "`make ecosystem ARGS=--web`. */"
)


def build() -> None:
    """Install the pinned packages, and write the script."""
    shutil.rmtree(_BUILT, ignore_errors=True)
    shutil.copytree(_HERE, _BUILT)
    for words in (
        ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"],
        [
            *("npx", "esbuild", "entry.js", "--bundle", "--minify", "--format=iife"),
            *("--global-name=otel", "--platform=browser", "--legal-comments=none"),
            *(f"--banner:js={_BANNER}", f"--outfile={WEB_SDK}"),
        ],
    ):
        subprocess.run(words, check=True, cwd=_BUILT)
