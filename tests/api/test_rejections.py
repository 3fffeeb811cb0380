"""`GET /v1/rejections`: what was refused can be looked up, by whom it concerns, and never grows without bound."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from unicodedata import normalize

import pytest

from app.intake.values import PLANS
from app.store import rejections
from tests.api.asking import of_problem, reception
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


STAMP = "2026-11-23T08:00:00.123456+07:00"


async def listed(running: Running, key: str | None = None, **query: Any) -> list[dict]:
    answer = await running.get("/v1/rejections", key, **query)
    assert answer.status_code == 200, answer.text
    items: list[dict] = answer.json()["items"]
    return items


async def test_a_rejected_event_can_be_looked_up_newest_first_without_its_content(served: Running) -> None:
    takes = ", ".join(PLANS["dossier.received"].checks)
    sound, alien = reception(served, id="good"), reception(served, id="alien", unit="H44.99")
    named = reception(served, id="named", name="Nguyễn Văn A")
    outcome = await served.push([sound, alien, named])
    assert outcome["rejected"] == 2
    assert await listed(served, source="/h44/thu") == [
        {"received_at": STAMP, "source": "/h44/thu", "index": 2, "id": "named", "code": "unknown_field",
         "field": "data.name", "detail": f"not a field of this type, which takes {takes}"},
        {"received_at": STAMP, "source": "/h44/thu", "index": 1, "id": "alien", "code": "unknown_unit",
         "field": "unit", "detail": "no unit of the catalogue has this code or alias"},
    ]  # fmt: skip
    assert await listed(served, source="/h44/khac") == []


async def test_all_that_is_wrong_is_told_without_what_was_sent(served: Running) -> None:
    secret = "Lan-0123"
    data = {"procedure": secret, "channel": secret, "due_at": secret, "fee": secret, secret: secret}
    event = reception(served, id="x") | {"time": secret, "data": data, "type": "dossier.received"}
    outcome = await served.push([event])
    assert secret in outcome["errors"][0]["detail"], "who sent it is told what it was"
    [kept] = await listed(served)
    assert (kept["code"], kept["field"]) == ("invalid_event", "time")
    assert secret not in json.dumps(kept)
    assert kept["detail"].startswith(
        "expected an RFC 3339 time with offset such as 2026-01-05T08:12:00+07:00; also data.*"
    )
    for field in ("procedure", "channel", "due_at", "fee"):
        assert f"; also data.{field}: expected " in kept["detail"]


async def test_a_push_of_which_nothing_was_accepted_is_kept_too_single_or_not(served: Running) -> None:
    await served.push([reception(served, id="a", what="x")])
    answer = await served.post(json.dumps(reception(served, id="b", what="x")).encode(), "application/json")
    assert answer.status_code == 422
    assert [each["id"] for each in await listed(served)] == ["b", "a"]


async def test_events_whose_source_cannot_be_read_are_found_with_an_empty_source(served: Running) -> None:
    answer = await served.post(b'{"id": 7}\nnot json\n' + json.dumps(reception(served)).encode())
    assert answer.json()["accepted"] == 1
    assert [(each["index"], each["code"], each["id"]) for each in await listed(served, source="")] == [
        (1, "invalid_json", None),
        (0, "invalid_event", None),
    ]
    assert await listed(served, source="/h44/thu") == []


async def test_texts_that_no_database_can_hold_break_nothing(served: Running) -> None:
    event = json.dumps(reception(served, id="odd"))
    broken = event.replace('"procedure"', '"na\\u0000me\\ud800": 1, "procedure"').replace("odd", "o\\u0000dd\\udfff")
    answer = await served.post(f"{broken}\n{event}".encode())
    assert answer.json()["accepted"] == 1
    assert answer.json()["rejected"] == 1
    [kept] = await listed(served)
    assert kept["index"] == 0


async def test_a_long_source_is_cut_and_asked_for_alike(served: Running) -> None:
    for longest in (201, 300, 301, 1_000):
        source = "/" + "ệ" * (longest - 1)
        await served.push([reception(served, id=str(longest), source=source, x=1)])
        assert [each["id"] for each in await listed(served, source=source, limit=1)] == [str(longest)]
        assert [each["source"] for each in await listed(served, source=source, limit=1)] == [source[:200]]
    assert await listed(served, source="/" + "ệ" * 198) == []


async def test_a_source_is_found_under_whatever_it_was_written(served: Running) -> None:
    for number, source in enumerate(("/hòa bình", "/a\u00a0", "/a\u200bb", " /a")):
        await served.push([reception(served, id=str(number), source=normalize("NFD", source), x=1)])
        for asked in (normalize("NFD", source), source):
            assert [each["id"] for each in await listed(served, source=asked)] == [str(number)]


async def test_a_key_reads_only_what_was_sent_with_keys_of_its_subtree(served: Running) -> None:
    await served.push([reception(served, id="root", x=1)])
    seven = await served.make_key("H44.07", "ingest", "read")
    thirteen = await served.make_key("H44.13", "read")
    await served.push([reception(served, id="seven", x=1)], seven)
    assert [each["id"] for each in await listed(served)] == ["seven", "root"]
    assert [each["id"] for each in await listed(served, seven)] == ["seven"]
    assert await listed(served, thirteen) == []
    assert [each["id"] for each in await listed(served, unit="H44.07")] == ["seven"]
    assert of_problem(await served.get("/v1/rejections", seven, unit="H44")) == (403, "forbidden_unit", "unit")


async def test_pages_go_on_where_the_one_before_ended(served: Running) -> None:
    await served.push([reception(served, id=str(number), x=1) for number in range(7)])
    found, cursor = [], None
    for _ in range(4):
        query: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        told = (await served.get("/v1/rejections", **query)).json()
        found += [each["id"] for each in told["items"]]
        cursor = told["next"]
    assert cursor is None
    assert found == ["6", "5", "4", "3", "2", "1", "0"]


async def test_only_the_last_of_a_source_and_of_a_root_are_kept(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejections, "PER_SOURCE", 3)
    monkeypatch.setattr(rejections, "PER_ROOT", 5)
    for source in ("/a", "/b"):
        for half in (0, 1):
            await served.push(
                [reception(served, id=f"{source}{half}{number}", source=source, x=1) for number in range(4)]
            )
    assert [each["id"] for each in await listed(served, source="/b")] == ["/b13", "/b12", "/b11"]
    assert [each["id"] for each in await listed(served, source="/a")] == ["/a13", "/a12"]


async def test_rejections_that_cannot_be_kept_cost_no_accepted_event(served: Running) -> None:
    async with served.service.database.connection("write") as connection:
        await connection.execute("ALTER TABLE rejection RENAME TO elsewhere")
    outcome = await served.push([reception(served), reception(served, x=1)])
    assert (outcome["accepted"], outcome["rejected"]) == (1, 1)


async def test_the_table_is_csv_with_a_link_to_the_next_page(served: Running) -> None:
    await served.push([reception(served, id=str(number), x=1) for number in range(3)])
    answer = await served.get("/v1/rejections", headers={"Accept": "text/csv"}, limit=2)
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["received_at", "source", "index", "id", "code", "field", "detail"]
    assert [row[3] for row in rows[1:]] == ["2", "1"]
    target = answer.headers["link"].removeprefix("<").partition(">")[0]
    more = await served.client.get(target, headers={"Authorization": f"Bearer {served.key}"})
    assert [each["id"] for each in more.json()["items"]] == ["0"]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"cursor": "AAAA"}, {"cause": "x"}]
)
async def test_bad_parameters_are_refused(served: Running, query: dict) -> None:
    answer = await served.get("/v1/rejections", **query)
    assert of_problem(answer) == (422, "invalid_parameter", next(iter(query)))


async def test_the_same_refused_again_takes_the_place_of_the_one_before(served: Running) -> None:
    first, other = reception(served, id="a", what="x"), reception(served, id="b", what="x")
    await served.push([first, other])
    await served.push([reception(served, id="good"), first, first])
    assert [(each["id"], each["index"]) for each in await listed(served)] == [("a", 2), ("b", 1)]
    # Another fault, another source, and what cannot be told apart: each is one of its own.
    await served.push([reception(served, id="a", unit="H44.99")])
    await served.push([first | {"source": "/h44/khac"}])
    await served.push([first | {"id": ""}])
    await served.push([first | {"id": ""}])
    assert [(each["source"], each["id"], each["field"]) for each in await listed(served)] == [
        ("/h44/thu", None, "id"), ("/h44/thu", None, "id"), ("/h44/khac", "a", "data.what"), ("/h44/thu", "a", "unit"),
        ("/h44/thu", "a", "data.what"), ("/h44/thu", "b", "data.what"),
    ]  # fmt: skip


async def test_why_is_told_in_the_language_that_is_asked(served: Running) -> None:
    await served.push([reception(served, id="a", unit="H44.99")])
    answer = await served.get("/v1/rejections", headers={"Accept-Language": "vi"})
    assert answer.json()["items"][0]["detail"] == "danh mục không có đơn vị nào mang mã hoặc mã phụ này"
    assert answer.headers["vary"] == "Accept, Accept-Language"
    assert (await listed(served))[0]["detail"] == "no unit of the catalogue has this code or alias"
