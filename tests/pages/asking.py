"""A small history made by hand, and pages of it."""

from __future__ import annotations

from urllib.parse import urljoin

from tests.api.asking import reception
from tests.pages.html import Element, read
from tests.running import Running

LATE, MET, TODAY, TOMORROW, OVERDUE, FAR = (f"H44.07-26-{number}" for number in range(6))
COUNTER = "H44.130-25-1"


async def six(running: Running) -> None:
    """At 8 o'clock of Monday, 23/11/2026: six dossiers of a department in 2026, one of a commune in 2025.

    Of the six LATE ended 21 days late, MET in time; TODAY, TOMORROW and FAR are open, OVERDUE since Thursday.
    """
    due = {
        LATE: "2026-01-12", MET: "2026-11-23", TODAY: "2026-11-23", TOMORROW: "2026-11-24", OVERDUE: "2026-11-19",
        FAR: "2027-01-04",
    }  # fmt: skip
    received = {LATE: "2026-01-05", FAR: "2026-11-20"}
    made = [
        reception(
            running, subject, channel="counter" if subject == MET else "online",
            time=f"{received.get(subject, '2026-11-16')}T08:00:00+07:00", due_at=f"{day}T17:00:00+07:00",
        )
        for subject, day in due.items()
    ]  # fmt: skip
    made += [
        running.event("dossier.completed", LATE, time="2026-02-02T10:30:00+07:00", electronic_result=True),
        running.event("dossier.completed", MET, time="2026-11-18T09:00:00+07:00"),
        reception(
            running, COUNTER, "H44.130", procedure="1.000001", channel="counter",
            time="2025-03-03T08:00:00+07:00", due_at="2025-03-10T17:00:00+07:00",
        ),
        running.event("dossier.completed", COUNTER, "H44.130", time="2025-03-05T09:00:00+07:00"),
    ]  # fmt: skip
    told = await running.push(made)
    assert (told["accepted"], told["rejected"]) == (len(made), 0), told


async def others(running: Running) -> None:
    """A petition, a document and a published procedure beside them."""
    told = await running.push(
        [
            running.event("petition.received", "PA-1", "H44.130", time="2026-11-02T08:00:00+07:00", about="staff"),
            running.event("petition.answered", "PA-1", "H44.130", time="2026-11-04T08:00:00+07:00"),
            running.event("document.sent", "VB-1", "H44.13", time="2026-11-03T08:00:00+07:00", tier="agencies",
                          electronic=True, signed=False),
            running.event("procedure.announced", "1.004555", "H44", time="2026-03-02T08:00:00+07:00",
                          decided_on="2026-03-02", effective_on="2026-03-03"),
            running.event("procedure.published", "1.004555", "H44", time="2026-03-04T07:00:00+07:00",
                          decided_on="2026-03-02", published_on="2026-03-04", complete=True),
        ]
    )  # fmt: skip
    assert (told["accepted"], told["rejected"]) == (5, 0), told


async def page_of(running: Running, path: str, status: int = 200, key: str | None = None) -> Element:
    """A page, well-formed and in the frame that all pages have."""
    answer = await running.client.get(path, headers={"Authorization": f"Bearer {key or running.key}"})
    assert answer.status_code == status, (path, answer.text[:2000])
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    page = read(answer.text)
    assert page.attributes["lang"] in ("vi", "en")
    page.one("h1")
    page.one("main")
    assert len(page.one("title").text) > 5
    return page


def links(page: Element, at: str) -> list[str]:
    """The addresses that a page, at an address, links to; those within the page left out."""
    told = [each.attributes["href"] for each in page.all() if "href" in each.attributes]
    return [urljoin(at, each) for each in told if not each.startswith("#")]
