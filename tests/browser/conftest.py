"""The service as people see it: the demo province, served by `chiso serve --demo`, in Debian's Chromium.

Without Chromium the room is left out; `.ci/test` names it, and in CI refuses to go on without.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.looking import Look
from tests.conftest import _copy
from tests.faults.serving import Serving, environment, free_port

CHROMIUM = shutil.which("chromium")
collect_ignore_glob = [] if CHROMIUM else ["test_*.py"]

SCREENS = Path(__file__).resolve().parents[2] / ".chiso" / "screens"
"""Where pictures of the pages are kept, those of the last run; no part of the tree."""


@pytest.fixture(scope="session")
def own_origin() -> tuple[str, int]:
    """Host and port of pages of others, whom the service lets read."""
    return "127.0.0.1", free_port()


@pytest.fixture(scope="session")
def demo(
    postgres_dsn: str, postgres_template: str, own_origin: tuple[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """The demo province as `make run` serves it, but still: reading is open, writing needs the key of `demo_key`."""
    folder = tmp_path_factory.mktemp("demo")
    for dsn in _copy(postgres_dsn, postgres_template):
        settings = {
            "CHISO_DATABASE__DSN": dsn,
            "CHISO_DATA_DIR": str(folder),
            "CHISO_AUTH__PEPPER": "for tests",
            "CHISO_HTTP__CORS_ORIGINS": json.dumps(["http://{}:{}".format(*own_origin)]),
        }
        with Serving(environment(**settings), folder / "log", "--demo", "--no-live") as serving:
            yield serving


@pytest.fixture(scope="session")
def demo_key(demo: Serving) -> str:
    """The key that the demo tells whoever started it: of all scopes for H44."""
    found = re.search(r"Authorization: Bearer (\S+?)'", demo.log.read_text())
    assert found
    return found[1]


# Not the whole session's: while Playwright's loop is there, no asynchronous test of another room could run.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Look]]:
    """Opens windows at an origin; at the end of the test each must have asked nobody else, and have said no error."""
    opened: list[Look] = []

    def open_(origin: str, **context: Any) -> Look:
        opened.append(Look(browser, origin, SCREENS, **context))
        return opened[-1]

    yield open_
    faults = [fault for each in opened for fault in each.close()]
    assert faults == []
