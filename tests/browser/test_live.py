"""Pages keep up by themselves: at once, only what changed, through restarts and sleep."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.browser.looking import Look
from tests.conftest import _copy
from tests.faults.serving import CREATE, Serving, chiso, environment
from tests.running import PROCEDURES, UNITS

PAGE = "/units/H44.07?period=2026"
RECEIVED = ".flow > div:nth-child(2) .figure data"
WITHIN_S = 15.0
"""Far more than it takes, on a machine that does much else."""
NUMBERS = count()


@pytest.fixture
def served(postgres_dsn: str, postgres_template: str, tmp_path: Path) -> Iterator[tuple[Serving, str]]:
    """A service with a few units where reading is open, and a key of all scopes."""
    for dsn in _copy(postgres_dsn, postgres_template):
        settings = {
            "CHISO_DATABASE__DSN": dsn,
            "CHISO_DATA_DIR": str(tmp_path),
            "CHISO_AUTH__PEPPER": "a pepper for tests, as long as it is to be",
            "CHISO_AUTH__OPEN_READING": "true",
        }
        key = chiso(environment(**settings), *CREATE).stdout.split()[0]
        with Serving(environment(**settings), tmp_path / "log") as serving, serving.client(key) as client:
            for path, rows in (("/v1/units", UNITS), ("/v1/procedures", PROCEDURES)):
                assert client.put(path, json=rows).status_code == 200
            yield serving, key


def push(serving: Serving, key: str, events: int = 1) -> None:
    """Dossiers that are received now."""
    with serving.client(key) as client:
        for _ in range(events):
            number = next(NUMBERS)
            event = {
                "specversion": "1.0",
                "id": f"live-{number}",
                "source": "/h44/live",
                "type": "dossier.received",
                "subject": f"H44.07-260105-9{number:05}",
                "time": "2026-01-05T08:12:00+07:00",
                "unit": "H44.07",
                "data": {"procedure": "1.004555", "channel": "online", "due_at": "2026-12-30T17:00:00+07:00"},
            }
            answer = client.post("/v1/events", json=event, headers={"content-type": "application/cloudevents+json"})
            assert answer.status_code == 200, answer.text


def shown(window: Look) -> int:
    """How many dossiers the page says were received."""
    return int(window.page.locator(RECEIVED).get_attribute("value") or 0)


def awaited(what: Callable[[], bool]) -> float:
    """Seconds until something is so."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < WITHIN_S
        time.sleep(0.02)
    return time.monotonic() - began


def is_stale(window: Look) -> bool:
    """Whether the page says that it is out of date, in words and by its look."""
    greyed, told = window.page.evaluate(
        "[document.documentElement.hasAttribute('data-stale'), !document.querySelector('[data-lost]').hidden]"
    )
    assert greyed == told
    return bool(told)


def test_a_push_is_seen_without_reload_and_only_what_changed_is_touched(
    served: tuple[Serving, str], look: Callable[..., Look]
) -> None:
    serving, key = served
    push(serving, key)
    page = (window := look(serving.url)).page
    window.goto(PAGE)
    assert shown(window) == 1
    page.locator("details.numbers summary").first.click()
    page.locator("details.numbers summary").first.focus()
    page.evaluate("""() => {
        window.mark = "the same page";
        window.touched = new Set();
        new MutationObserver((all) => all.forEach((each) => window.touched.add(each.target)))
            .observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
    }""")
    push(serving, key)
    seconds = awaited(lambda: shown(window) == 2)
    print(f"seen after {seconds:.2f} s")
    assert page.evaluate("window.mark") == "the same page"
    assert page.locator("details.numbers").first.get_attribute("open") is not None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    everything = page.evaluate("document.querySelectorAll('main *').length")
    assert page.evaluate("window.touched.size") < everything / 4
    assert page.locator(f"{RECEIVED}.changed").count() == 1
    assert not is_stale(window)


def test_fifty_events_a_second_cost_a_page_one_renewal_a_second(
    served: tuple[Serving, str], look: Callable[..., Look]
) -> None:
    serving, key = served
    page = (window := look(serving.url)).page
    window.goto(PAGE)
    renewals: list[float] = []
    page.on("request", lambda asked: renewals.append(time.monotonic()) if asked.url == page.url else None)
    pushing = threading.Thread(target=push, args=(serving, key, 250))
    began = time.monotonic()
    pushing.start()
    while pushing.is_alive():
        page.wait_for_timeout(50)
    awaited(lambda: shown(window) == 250)
    took = time.monotonic() - began
    assert 1 <= len(renewals) <= took + 2


def test_a_lost_stream_is_said_and_what_came_meanwhile_is_there_afterwards(
    served: tuple[Serving, str], look: Callable[..., Look]
) -> None:
    serving, key = served
    window = look(serving.url)
    window.expected = re.compile("ERR_CONNECTION|ERR_INCOMPLETE|Failed to load resource")
    window.goto(PAGE)
    awaited(lambda: not is_stale(window))
    serving.__exit__(None, None, None)
    awaited(lambda: is_stale(window))
    assert window.page.locator("[data-lost]").is_visible()
    assert re.match(r"Mất kết nối trực tiếp từ \d", window.page.locator("[data-lost]").inner_text())
    with serving:
        push(serving, key, 3)
        awaited(lambda: not is_stale(window))
        awaited(lambda: shown(window) == 3)


def test_a_laptop_that_slept_comes_back_right(served: tuple[Serving, str], look: Callable[..., Look]) -> None:
    serving, key = served
    page = (window := look(serving.url)).page
    page.clock.install()
    window.goto(PAGE)
    page.clock.run_for(2_000)
    # The minutes pass at once, as for who wakes up: nothing was heard for longer than a living stream is quiet.
    page.clock.fast_forward(180_000)
    awaited(lambda: is_stale(window))
    push(serving, key, 2)
    page.clock.run_for(40_000)
    awaited(lambda: not is_stale(window))
    page.clock.run_for(5_000)
    awaited(lambda: shown(window) == 2)


def test_a_tab_that_nobody_looks_at_keeps_no_connection_and_catches_up(
    served: tuple[Serving, str], look: Callable[..., Look]
) -> None:
    serving, key = served
    page = (window := look(serving.url)).page

    def streams() -> float:
        with serving.client() as client:
            [line] = re.findall(r"^chiso_streams_open(?:\{[^}]*\})? (\S+)$", client.get("/metrics").text, re.MULTILINE)
        return float(line)

    def turn(hidden: bool) -> None:
        page.evaluate(
            """(hidden) => {
                Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )

    window.goto(PAGE)
    awaited(lambda: streams() == 1)
    turn(hidden=True)
    awaited(lambda: streams() == 0)
    push(serving, key, 2)
    assert not is_stale(window)
    assert shown(window) == 0
    turn(hidden=False)
    awaited(lambda: shown(window) == 2)


def test_a_new_day_is_a_new_page(served: tuple[Serving, str], look: Callable[..., Look]) -> None:
    page = (window := look(served[0].url)).page
    page.clock.install()
    window.goto(PAGE)
    page.evaluate("window.mark = 'yesterday'")
    page.clock.run_for(20_000)
    assert page.evaluate("window.mark") == "yesterday"
    with page.expect_navigation():
        page.clock.fast_forward(24 * 3_600_000)
    assert page.evaluate("window.mark") is None
