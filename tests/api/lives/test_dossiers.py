"""`GET /v1/dossiers`: what a list shows, and that it stays one list however long one takes to read it."""

from __future__ import annotations

import base64
import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.asking import of_problem, reception
from tests.running import Running

ITEM = [
    "kind", "subject", "unit", "procedure", "channel", "received_at", "due_at", "deadline", "ended_at", "on_time",
    "flags",
]  # fmt: skip


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def whole(running: Running, limit: int, **query: Any) -> tuple[list[dict], dict]:
    """All items of a list, page by page, and its last page."""
    items: list[dict] = []
    cursor = None
    while True:
        more: dict[str, Any] = {"cursor": cursor} if cursor else {}
        answer = await running.get("/v1/dossiers", limit=limit, **query, **more)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        items += told["items"]
        cursor = told["next"]
        if cursor is None:
            return items, told
        assert len(told["items"]) == limit


async def test_a_dossier_is_shown_with_its_times_its_channel_and_its_flags(served: Running) -> None:
    await served.push(
        [
            reception(served, fee=True),
            served.event("dossier.paid", via="national_gateway", time="2026-01-06T08:00:00+07:00"),
            served.event("dossier.completed", time="2026-01-12T17:00:00.000001+07:00", electronic_result=True),
        ]
    )
    query: dict[str, Any] = {"unit": "H44", "indicator": "DOSSIER_ON_TIME", "period": "2026-Q1"}
    answer = await served.get("/v1/dossiers", side="missing", **query)
    told = answer.json()
    assert told["items"] == [
        {
            "kind": "dossier",
            "subject": "H44.07-260105-0001",
            "unit": "H44.07",
            "procedure": "1.004555",
            "channel": "online",
            "received_at": "2026-01-05T08:00:00+07:00",
            "due_at": "2026-01-12T17:00:00+07:00",
            "deadline": "2026-01-12T17:00:00+07:00",
            "ended_at": "2026-01-12T17:00:00.000001+07:00",
            "on_time": False,
            "flags": ["fee", "paid_online", "e_result"],
        }
    ]
    assert list(told["items"][0]) == ITEM
    assert (told["total"], told["next"], told["note"]) == (1, None, None)
    assert told["as_of"] == "2026-11-23T08:00:00.123456+07:00"
    assert told["period"]["effective_end"] == "2026-04-01T00:00:00+07:00"
    again = await served.get("/v1/dossiers", side="missing", headers={"If-None-Match": answer.headers["etag"]}, **query)
    assert again.status_code == 304


async def test_what_may_still_end_in_time_is_neither_late_nor_in_time(served: Running, now: datetime) -> None:
    due = (now + timedelta(minutes=1)).isoformat()
    await served.push([reception(served, due_at=due)])
    query: dict[str, Any] = {"unit": "H44", "indicator": "DOSSIER_ON_TIME", "period": "2026"}
    [one] = (await served.get("/v1/dossiers", side="numerator", **query)).json()["items"]
    assert one["on_time"] is None
    served.clock.at = now + timedelta(minutes=1, microseconds=1)
    [one] = (await served.get("/v1/dossiers", side="missing", **query)).json()["items"]
    assert one["on_time"] is False


async def many(served: Running, count: int = 5) -> dict[str, Any]:
    """Some dossiers of two units, and the question for all of them."""
    units = ("H44.07", "H44.13")
    await served.push([reception(served, f"{units[n % 2]}-{n}", units[n % 2]) for n in range(count)])
    return {"unit": "H44", "indicator": "DOSSIER_ON_TIME", "period": "2026", "side": "denominator"}


async def test_the_pages_stay_at_the_instant_of_the_first(served: Running, now: datetime) -> None:
    query = await many(served)
    query["side"] = "missing"
    served.clock.at = datetime.fromisoformat("2026-01-12T17:00:00.000001+07:00")
    first = (await served.get("/v1/dossiers", limit=2, **query)).json()
    assert (first["total"], len(first["items"])) == (5, 2)
    served.clock.at = now
    second = (await served.get("/v1/dossiers", limit=2, cursor=first["next"], **query)).json()
    for name in ("as_of", "period", "total"):
        assert second[name] == first[name]
    subjects = [each["subject"] for each in first["items"] + second["items"]]
    assert subjects == ["H44.07-0", "H44.07-2", "H44.07-4", "H44.13-1"]


async def test_a_cursor_ends_when_anything_in_its_scope_changes_and_only_then(served: Running) -> None:
    query = await many(served) | {"unit": "H44.07"}
    cursor = (await served.get("/v1/dossiers", limit=1, **query)).json()["next"]
    await served.push([reception(served, "H44.13-9", "H44.13")])
    assert (await served.get("/v1/dossiers", limit=1, cursor=cursor, **query)).status_code == 200
    await served.push([served.event("dossier.rated", "H44.07-0", satisfied=False)])
    assert of_problem(await served.get("/v1/dossiers", limit=1, cursor=cursor, **query)) == (
        409, "snapshot_changed", "cursor",
    )  # fmt: skip


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
async def test_a_304_keeps_no_cursor_that_is_dead(served: Running, accept: str) -> None:
    query = await many(served)
    items, _ = await whole(served, 100, **query)
    query["limit"] = 1
    page = await served.get("/v1/dossiers", headers={"Accept": accept}, **query)
    known = {"Accept": accept, "If-None-Match": page.headers["etag"]}
    again = await served.get("/v1/dossiers", headers=known, **query)
    assert (again.status_code, again.content) == (304, b"")
    # A change that no item of the page and no total tells, and one of the catalogue that tells nobody anything.
    await served.push([served.event("dossier.rated", items[-1]["subject"], items[-1]["unit"], satisfied=False)])
    for edit in ([], [{"code": "H44.07", "name": "Sở Công Thương mới"}]):
        if edit:
            await served.put("/v1/units", edit)
        changed = await served.get("/v1/dossiers", headers=known, **query)
        assert changed.status_code == 200
        known["If-None-Match"] = changed.headers["etag"]


async def test_a_cursor_ends_with_an_edit_of_the_catalogue(served: Running) -> None:
    query = await many(served)
    cursor = (await served.get("/v1/dossiers", limit=1, **query)).json()["next"]
    await served.put("/v1/units", [{"code": "H44.14", "level": "department"}])
    answer = await served.get("/v1/dossiers", cursor=cursor, **query)
    assert of_problem(answer) == (409, "snapshot_changed", "cursor")


async def test_a_cursor_that_was_not_given_out_for_this_list_is_refused(served: Running) -> None:
    query = await many(served)
    cursor = (await served.get("/v1/dossiers", limit=1, **query)).json()["next"]
    raw = bytearray(base64.urlsafe_b64decode(cursor))
    forged = []
    for place in (0, 12, len(raw) - 1):
        other = raw.copy()
        other[place] ^= 1
        forged.append(base64.urlsafe_b64encode(other).decode())
    behind = [cursor + more for more in ("x", "=", "AAAA", "\u00a0", "%00", "!", "=AAAA")]
    among = [cursor[:8] + more + cursor[8:] for more in (" ", "!", "=", ".")]
    for wrong in (*forged, *behind, *among, f" {cursor}", "", "x", "đ", cursor[:-4], cursor * 2):
        answer = await served.get("/v1/dossiers", cursor=wrong, **query)
        assert of_problem(answer) == (422, "invalid_parameter", "cursor"), wrong
    for other_list in ({"side": "missing"}, {"unit": "H44.07"}, {"period": "2026-Q1"}, {"scope": "own"}):
        answer = await served.get("/v1/dossiers", **(query | {"cursor": cursor} | other_list))
        assert of_problem(answer) == (422, "invalid_parameter", "cursor"), other_list


async def test_subjects_as_long_and_as_odd_as_they_may_be_can_be_paged_over(served: Running) -> None:
    subjects = sorted("ệ" * 190 + f"/{number}?&" for number in range(3))
    await served.push([reception(served, subject) for subject in subjects])
    query: dict[str, Any] = {"unit": "H44", "indicator": "ONLINE_DOSSIERS", "period": "2026", "side": "denominator"}
    items, _ = await whole(served, 1, **query)
    assert [each["subject"] for each in items] == subjects


async def test_a_list_as_csv_has_a_header_even_when_empty_and_a_link_to_the_next_page(served: Running) -> None:
    query = await many(served)
    answer = await served.get("/v1/dossiers", headers={"Accept": "text/csv"}, limit=2, **query)
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ITEM
    assert [row[1] for row in rows[1:]] == ["H44.07-0", "H44.07-2"]
    target = answer.headers["link"].removeprefix("<").partition(">")[0]
    more = await served.client.get(target, headers={"Authorization": f"Bearer {served.key}"})
    assert [each["subject"] for each in more.json()["items"]] == ["H44.07-4", "H44.13-1"]
    empty = await served.get("/v1/dossiers", headers={"Accept": "text/csv"}, **(query | {"period": "2025"}))
    assert empty.text.split() == [",".join(ITEM)]


async def test_an_indicator_without_counts_has_an_empty_list(served: Running) -> None:
    await many(served)
    for code in ("ELECTRONIC_CERTIFIED_COPY", "AVERAGE_PROCESSING_TIME", "ESSENTIAL_ONLINE_MEAN"):
        told = (await served.get("/v1/dossiers", unit="H44", indicator=code, period="2026", side="denominator")).json()
        assert (told["total"], told["items"], told["next"]) == (0, [], None)
        assert told["note"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"indicator": "NONE"}, (404, "unknown_indicator", "indicator")),
        ({"indicator": None}, (422, "invalid_parameter", "indicator")),
        ({"side": "left"}, (422, "invalid_parameter", "side")),
        ({"side": None}, (422, "invalid_parameter", "side")),
        ({"limit": "0"}, (422, "invalid_parameter", "limit")),
        ({"limit": "1001"}, (422, "invalid_parameter", "limit")),
        ({"limit": "١"}, (422, "invalid_parameter", "limit")),
        ({"limit": ["1", "1"]}, (422, "invalid_parameter", "limit")),
        ({"compare": "last_year"}, (422, "invalid_parameter", "compare")),
        ({"unit": "H44.99"}, (404, "unknown_unit", "unit")),
        ({"unit": "H45"}, (403, "forbidden_unit", "unit")),
        ({"period": "2027"}, (422, "period_in_future", "period")),
        ({"colour": "red"}, (422, "invalid_parameter", "colour")),
    ],
)
async def test_what_cannot_be_asked_is_refused(served: Running, change: dict, expected: tuple) -> None:
    query: dict[str, Any] = {
        "unit": "H44",
        "indicator": "DOSSIER_ON_TIME",
        "period": "2026",
        "side": "missing",
    } | change
    answer = await served.get("/v1/dossiers", **{name: value for name, value in query.items() if value is not None})
    assert of_problem(answer) == expected
