"""A window of the browser, and what is looked at in it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, Response

SIZES = {"wall": (1920, 1080), "desk": (1366, 768), "phone": (390, 844)}
THEMES = ("light", "dark")
_LOADED = ("document", "stylesheet", "script", "image", "font")
GRAVE = ("serious", "critical")


class Look:
    """A window with nothing remembered from others.

    Args:
        origin: of the service; a request to anywhere else is a fault …
        beside: … but to this one.
        context: of Playwright's `new_context`, e.g. `java_script_enabled=False`.
    """

    def __init__(self, browser: Browser, origin: str, screens: Path, beside: str = "", **context: Any) -> None:
        self.origin, self._screens = origin, screens
        self._own = tuple(f"{each}/" for each in (origin, beside) if each)
        self.responses: list[Response] = []
        self.expected = re.compile(r"$^")
        """Errors that the test provokes."""
        self._faults: list[str] = []
        width, height = SIZES["desk"]
        usual: dict[str, Any] = {"viewport": {"width": width, "height": height}, "locale": "vi-VN"}
        self._context = browser.new_context(**(usual | {"timezone_id": "Asia/Ho_Chi_Minh"} | context))
        self._context.set_default_timeout(30_000)  # so that nothing waits for ever; a busy machine takes its time
        self._context.on("request", lambda request: self._asked(request.url))
        self._context.on("response", lambda response: self._came(response))
        self.page: Page = self._context.new_page()
        self.page.on("websocket", lambda socket: self._asked(socket.url))
        self.page.on("pageerror", lambda error: self._said("error", str(error)))
        self.page.on("console", lambda said: self._said(said.type, said.text))

    def _said(self, kind: str, text: str) -> None:
        if kind == "error":
            self._faults.append(f"{self.page.url}: {text}")

    def _came(self, response: Response) -> None:
        self.responses.append(response)

    def _asked(self, url: str) -> None:
        if not url.startswith((*self._own, "data:", f"blob:{self.origin}/")):
            self._faults.append(f"asked outside: {url}")

    def goto(self, path: str) -> Response:
        """Open a page; all it loads is there."""
        self.responses.clear()
        response = self.page.goto(self.origin + path)
        assert response is not None
        return response

    def wear(self, theme: str, size: str) -> None:
        """Another theme and size, without loading anew."""
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")

    def weight(self, but: str) -> int:
        """The bytes that came over the wire for the page and what it loads, without addresses that end so."""
        loaded = [each for each in self.responses if each.request.resource_type in _LOADED]
        return sum(each.request.sizes()["responseBodySize"] for each in loaded if not each.url.endswith(but))

    def keep(self, name: str) -> None:
        """A picture of the whole page for whoever looks at the run; in CI nobody does."""
        if os.environ.get("CI") == "true":
            return
        self._screens.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self._screens / f"{name}.png", full_page=True)

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(wide))

    def barriers(self) -> list[str]:
        """What axe finds that is serious or critical, and where."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in found
            if each["impact"] in GRAVE
            for node in each["nodes"]
        ]

    def close(self) -> list[str]:
        """Close it.

        Returns:
            The faults that were seen in it.
        """
        self._context.close()
        return [each for each in self._faults if not self.expected.search(each)]
