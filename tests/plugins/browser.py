"""A real browser: the Chromium of the machine, driven by Playwright.

Playwright downloads no browser of its own. Without Chromium the tests that need it are
left out, and the last lines of the run say so; in CI they fail.
"""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from tests.plugins.examples import IN_CI

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_ABSENT: Final = "Chromium is not installed (Debian: apt install chromium)"


@pytest.fixture
def browser() -> "Iterator[Browser]":
    """The browser, started for one test: Playwright's event loop runs until it ends."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        assert not IN_CI, _ABSENT
        pytest.skip(_ABSENT)
    # Only the worker that opens a page pays for the import.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page without cookies or a cache, where nothing has been opened."""
    opened = browser.new_page()
    yield opened
    opened.close()
