"""`/v1/stream`: the scorecard at once and whenever its figures change, computed once however many listen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import pytest_asyncio

from app.main import create_app
from app.store import keys
from app.store.catalogues import roots
from app.store.proof.rebuild import rebuild
from app.store.read.figures import Reader
from app.store.schema import TALLIES
from tests.api.asking import card, indicator, of_problem, reception
from tests.api.http.test_probes import samples
from tests.api.listening import PATIENCE, Live, serving
from tests.conftest import _disconnect
from tests.faults.serving import Serving, environment
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


@pytest_asyncio.fixture
async def live(served: Running) -> AsyncIterator[Live]:
    """The service on a socket, looking for changes often."""
    served.service.settings.streams.poll_seconds = 0.02
    async with serving(served) as made:
        yield made


@pytest.fixture
def sums(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for every time sums are read."""
    read: list[str] = []
    cube = Reader.cube

    async def counted(self, wanted, slices):
        read.append(self.catalogues.root)
        return await cube(self, wanted, slices)

    monkeypatch.setattr(Reader, "cube", counted)
    return read


async def until(what: Callable[[], bool]) -> None:
    """Wait for something that happens beside the test."""
    async with asyncio.timeout(PATIENCE):
        while not what():
            await asyncio.sleep(0.005)


def ways(running: Running) -> dict[str, float]:
    """How answers have been come by so far."""
    metric = running.service.metrics.answers
    return {way: metric.labels(way)._value.get() for way in ("kept", "shared", "computed")}


async def test_the_first_event_is_the_scorecard(live: Live, served: Running) -> None:
    await served.push([reception(served)])
    query: dict[str, Any] = {"scope": "own", "procedure": "1.004555", "compare": "last_year"}
    answer = await served.get("/v1/scorecard", unit="H44.07", period="2026-Q1", **query)
    async with live.listening(period="2026-Q1", **query) as listener:
        assert listener.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert listener.answer.headers["cache-control"] == "no-cache"
        assert listener.answer.headers["x-accel-buffering"] == "no"
        assert await listener.event() == (answer.headers["etag"], answer.json())


MERGER: list[dict[str, Any]] = [
    {"code": "H44.13", "valid_from": "2026-02-01"},
    {"code": "H44.07", "valid_to": "2026-01-31", "successor": "H44.13"},
]


async def test_merged_units_are_seen_as_then_in_streams_and_in_every_other_figure(live: Live, served: Running) -> None:
    assert (await served.put("/v1/units", MERGER)).json()["errors"] == []
    await served.push([reception(served)])
    received = {}
    for period in ("2026-01", "2026-02"):
        for seen in ("now", "then"):
            query: dict[str, Any] = {"unit": "H44.13", "period": period, "as": seen}
            answer = await served.get("/v1/scorecard", **query)
            async with live.listening(**query) as listener:
                assert await listener.event() == (answer.headers["etag"], answer.json())
            received[period, seen] = answer.json()["balance"]["active"]
            more: dict[str, Any] = {"indicator": "DOSSIER_ON_TIME"}
            series = await served.get("/v1/series", bucket="month", **more, **query)
            rows = await served.get("/v1/breakdown", by="channel", **more, **query)
            listed = await served.get("/v1/dossiers", side="denominator", **more, **query)
            assert (await served.get("/v1/advice", **query)).status_code == 200
            told = [each.json() for each in (series, rows, listed)]
            assert {each.get("as", "now") for each in (answer.json(), *told)} == {seen}
            assert told[0]["points"][0]["denominator"] == told[1]["total"]["denominator"] == received[period, seen]
            assert told[2]["total"] == len(told[2]["items"]) == received[period, seen]
    # In February the old department is gone, and its dossier the successor's, then as now.
    assert received == {
        ("2026-01", "now"): 1,
        ("2026-01", "then"): 0,
        ("2026-02", "now"): 1,
        ("2026-02", "then"): 1,
    }


async def test_a_stream_is_not_changed_by_what_it_is_compared_with(live: Live, served: Running) -> None:
    await served.push(
        [
            reception(served, "a", time="2025-02-03T08:00:00+07:00"),
            served.event("dossier.completed", "a", time="2025-02-04T08:00:00+07:00"),
            reception(served, "b", time="2025-08-04T08:00:00+07:00"),
        ]
    )
    told = {}
    for compare in ("previous", "last_year"):
        query: dict[str, Any] = {"period": None, "from": "2025-01-01", "to": "2026-06-30", "compare": compare}
        async with live.listening(**query) as listener:
            _, told[compare] = await listener.event()
    assert told["previous"]["balance"] == told["last_year"]["balance"]
    assert told["last_year"]["balance"]["active"] == 2
    before = indicator(told["last_year"], "DOSSIER_ON_TIME")["previous"]
    assert before == {"period": "2024-01-01..2025-06-30", "ratio": 100, "score": 20}


async def test_a_push_makes_one_event_and_another_units_makes_none(live: Live, served: Running) -> None:
    async with live.listening() as listener:
        _, told = await listener.event()
        assert told["balance"]["received"] == 0
        await served.push([reception(served, "H44.13-260105-0001", "H44.13")])
        await served.push([reception(served)])
        answer = await served.get("/v1/scorecard", unit="H44.07", period="2026")
        assert await listener.event() == (answer.headers["etag"], answer.json())
        await served.push([reception(served, "H44.07-260105-0002")])
        _, told = await listener.event()
        assert told["balance"]["received"] == 2


async def test_an_event_that_changes_no_figure_of_the_period_is_not_told(live: Live, served: Running) -> None:
    async with live.listening(period="2025") as listener:
        await listener.event()
        spent = ways(served)["computed"]
        await served.push([reception(served)])
        await until(lambda: ways(served)["computed"] == spent + 1)
        await served.push([reception(served, "H44.07-250105-0001", time="2025-01-05T08:00:00+07:00")])
        _, told = await listener.event()
        assert told["balance"]["received"] == 1


EDITS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/targets", {"indicator": "DOSSIER_ON_TIME", "unit": "H44.07", "period": "2026", "value": 95}),
    ("/v1/external-figures", {"code": "DTI", "unit": "H44.07", "period": "2026", "value": 0.71}),
    ("/v1/units", {"code": "H44.07", "name": "Sở Công Thương mới"}),
    ("/v1/procedures", {"code": "1.004555", "fee": False}),
    ("/v1/calendar", {"date": "2026-12-24", "kind": "holiday", "name": "bù"}),
]


@pytest.mark.parametrize(("path", "row"), EDITS, ids=[path for path, _ in EDITS])
async def test_an_edit_of_a_catalogue_is_told(live: Live, served: Running, path: str, row: dict[str, Any]) -> None:
    async with live.listening() as listener:
        _, before = await listener.event()
        assert (await served.put(path, [row])).json()["errors"] == []
        _, after = await listener.event()
        assert after == await card(served, "H44.07")
        assert after["catalogue"]["hash"] != before["catalogue"]["hash"]


async def test_lives_that_are_being_folded_again_are_told_and_so_is_their_end(live: Live, served: Running) -> None:
    await served.push([reception(served)])
    async with live.listening() as listener:
        _, before = await listener.event()
        assert indicator(before, "PAYMENT_DOSSIERS")["denominator"] == 1
        await served.put("/v1/procedures", [{"code": "1.004555", "fee": False}])
        after = before
        while after["refolding"] or after is before:
            _, after = await listener.event()
        assert indicator(after, "PAYMENT_DOSSIERS")["denominator"] == 0
        assert after == await card(served, "H44.07")


async def test_a_rebuild_is_told_when_it_sets_figures_right(live: Live, served: Running) -> None:
    await served.push([reception(served)])
    async with served.service.database.connection("write") as connection:
        for table in TALLIES.values():
            await connection.execute(f"DELETE FROM {table.name}")
        root_id = await roots.ensure(connection, "H44")
    async with live.listening() as listener:
        assert (await listener.event())[1]["balance"]["received"] == 0
        await rebuild(served.service.database, served.service.intake, root_id)
        assert (await listener.event())[1]["balance"]["received"] == 1


async def test_a_root_that_is_no_unit_itself_is_watched_too(live: Live, served: Running) -> None:
    key = await served.make_key("H45", "ingest", "read", "admin")
    units = [{"code": "H45.01", "name": "Sở Nội vụ", "level": "department"}]
    assert (await served.put("/v1/units", units, key)).json()["errors"] == []
    async with live.listening(unit="H45.01", key=key) as listener:
        await listener.event()
        await served.push([reception(served, "H45.01-260105-0001", "H45.01")], key)
        assert (await listener.event())[1]["balance"]["received"] == 1


async def test_who_comes_back_gets_the_next_event_only_when_something_has_changed(live: Live, served: Running) -> None:
    async with live.listening() as listener:
        known, _ = await listener.event()
    async with live.listening(last=known) as listener:
        await served.push([reception(served)])
        changed, told = await listener.event()
        assert (changed != known, told["balance"]["received"]) == (True, 1)
    async with live.listening(last=known) as listener:
        assert await listener.event() == (changed, told)


async def test_a_deadline_is_told_just_after_its_instant(live: Live, served: Running, now) -> None:
    deadline = now + timedelta(minutes=30)
    await served.push([reception(served, due_at=deadline.isoformat())])
    async with live.listening() as listener:
        _, told = await listener.event()
        served.clock.at = deadline
        assert told["balance"]["open_overdue"] == 0
        assert (await card(served, "H44.07"))["balance"]["open_overdue"] == 0
        served.clock.at = deadline + timedelta(microseconds=1)
        _, told = await listener.event()
        assert told["balance"]["open_overdue"] == 1
        assert told == await card(served, "H44.07")


async def test_midnight_is_told_when_it_ends_the_period(live: Live, served: Running, now) -> None:
    async with live.listening(period="2026-11-23") as listener:
        _, told = await listener.event()
        assert told["period"]["open"] is True
        served.clock.at = now + timedelta(days=1)
        _, told = await listener.event()
        assert told["period"]["open"] is False


async def test_a_clock_that_is_set_back_stops_nothing(live: Live, served: Running, now) -> None:
    async with live.listening() as listener:
        await listener.event()
        served.clock.at = now - timedelta(hours=1)
        await served.push([reception(served)])
        _, told = await listener.event()
        assert told == await card(served, "H44.07")


async def test_many_who_listen_and_ask_cost_one_computation(live: Live, served: Running, sums: list[str]) -> None:
    await served.get("/v1/scorecard", unit="H44.07", period="2026")
    one = len(sums)
    assert one > 0
    async with AsyncExitStack() as stack:
        # An alias and the words for what is meant anyway ask for the same figure.
        spellings: list[dict[str, str]] = [{}, {"scope": "subtree"}, {"compare": "previous"}, {}]
        listeners = [await stack.enter_async_context(live.listening(**each)) for each in spellings]
        first = [await each.event() for each in listeners]
        assert first == [first[0]] * 4
        assert len(sums) == one
        await served.push([reception(served)])
        second = [await each.event() for each in listeners]
        assert second == [second[0]] * 4
        assert len(sums) == 2 * one
        assert await card(served, "H44.07") == second[0][1]
        assert len(sums) == 2 * one


async def test_a_slow_one_gets_the_latest_figures_and_not_those_between(live: Live, served: Running) -> None:
    """Spoken to by ASGI: only so it is known when the one who listens takes what is sent."""
    ready, sent = asyncio.Semaphore(0), asyncio.Queue[bytes]()
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await ready.acquire()
            await sent.put(message["body"])

    app = create_app(served.service)
    headers = [(b"authorization", f"Bearer {served.key}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/v1/stream", "raw_path": b"/v1/stream", "headers": headers}
    scope |= {"query_string": b"unit=H44.07&period=2026", "scheme": "http", "server": ("x", 80), "http_version": "1.1"}
    slow = asyncio.create_task(app(scope, receive, send))

    async def taken() -> bytes:
        ready.release()
        return await asyncio.wait_for(sent.get(), PATIENCE)

    assert await taken() == b"retry: 2000\n\n"
    first = await taken()
    async with live.listening() as quick:
        assert (await quick.event())[1]["balance"]["received"] == 0
        # The first of these may be offered to the slow one at once, and stands until it is taken.
        for nth in range(1, 4):
            await served.push([reception(served, f"H44.07-260105-{nth}")])
            assert (await quick.event())[1]["balance"]["received"] == nth
    told = [int(found) for found in re.findall(rb'"received":(\d+)', first + await taken() + await taken())]
    assert told == [0, 1, 3]
    gone.set()
    await slow
    await live.open(0)


async def test_a_revoked_keys_streams_end_and_the_others_go_on(live: Live, served: Running) -> None:
    other = await served.make_key("H44.07", "read")
    async with live.listening(key=other) as revoked, live.listening() as listener:
        for each in (revoked, listener):
            await each.event()
        async with served.service.database.connection("write") as connection:
            assert await keys.revoke(connection, other.split("_")[1])
        assert await revoked.ends()
        await served.push([reception(served)])
        assert (await listener.event())[1]["balance"]["received"] == 1


async def test_open_reading_needs_no_key(live: Live, served: Running) -> None:
    served.service.settings.auth.open_reading = True
    async with live.listening(key="") as listener:
        await listener.event()
        await served.push([reception(served)])
        assert (await listener.event())[1]["balance"]["received"] == 1


async def test_what_cannot_be_told_is_a_problem_before_the_stream_begins(live: Live, served: Running) -> None:
    narrow, writer = await served.make_key("H44.07", "read"), await served.make_key("H44", "ingest")
    cases: list[tuple[tuple[int, str, str | None], dict[str, Any], str | None]] = [
        ((401, "unauthenticated", None), {"unit": "H44", "period": "2026"}, ""),
        ((403, "forbidden_scope", None), {"unit": "H44", "period": "2026"}, writer),
        ((403, "forbidden_unit", "unit"), {"unit": "H44.13", "period": "2026"}, narrow),
        ((404, "unknown_unit", "unit"), {"unit": "H44.99", "period": "2026"}, None),
        ((422, "invalid_parameter", "unit"), {"period": "2026"}, None),
        ((422, "invalid_parameter", "bucket"), {"unit": "H44", "period": "2026", "bucket": "day"}, None),
        ((422, "invalid_period", "period"), {"unit": "H44", "period": "2026-Q5"}, None),
        ((422, "period_in_future", "period"), {"unit": "H44", "period": "2027"}, None),
    ]
    for expected, query, key in cases:
        assert of_problem(await served.get("/v1/stream", key=key, **query)) == expected
    await live.open(0)


async def test_so_many_streams_are_open_and_no_more(live: Live, served: Running) -> None:
    served.service.settings.streams.max_open = 2
    async with live.listening() as first:
        async with live.listening():
            refused = await served.get("/v1/stream", unit="H44.07", period="2026")
            assert of_problem(refused) == (503, "overloaded", None)
            assert refused.headers["retry-after"] == "2"
            assert served.service.metrics.streams_open._value.get() == 2
        # Who has gone makes room.
        await live.open(1)
        async with live.listening() as third:
            for each in (first, third):
                await each.event()
    await live.open(0)


async def test_a_quiet_stream_gets_comments(live: Live, served: Running) -> None:
    served.service.settings.streams.comment_seconds = 0.1
    async with live.listening() as listener:
        await listener.event()
        assert await listener.block() == {"": "ping"}
        assert await listener.block() == {"": "ping"}


async def test_the_end_of_the_process_ends_the_streams_properly(live: Live, served: Running) -> None:
    async with live.listening() as one, live.listening(unit="H44") as another:
        for each in (one, another):
            await each.event()
        live.server.should_exit = True
        assert [await one.ends(), await another.ends()] == [True, True]
    answer = await served.get("/v1/stream", unit="H44", period="2026")
    assert of_problem(answer) == (503, "overloaded", None)


async def test_streams_stay_open_while_the_database_is_away(
    live: Live, served: Running, database: str, postgres_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = urlsplit(database).path[1:]
    async with live.listening() as listener:
        await listener.event()
        with psycopg.connect(postgres_dsn, autocommit=True) as server:
            server.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
            _disconnect(postgres_dsn, name)
            await until(lambda: "looking for changed figures was interrupted" in caplog.text)
            away = await served.get("/v1/stream", unit="H44.07", period="2026")
            assert of_problem(away) == (503, "database_unavailable", None)
            server.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
        await served.push([reception(served)])
        assert (await listener.event())[1]["balance"]["received"] == 1


async def test_a_figure_that_cannot_be_told_any_more_ends_its_streams(
    live: Live, served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live.listening() as listener, live.listening(unit="H44.13") as other:
        for each in (listener, other):
            await each.event()
        whole = Reader.cube

        async def broken(self, wanted, slices):
            if {unit.code for unit in wanted.units} == {"H44.07"}:
                raise ValueError("broken")
            return await whole(self, wanted, slices)

        monkeypatch.setattr(Reader, "cube", broken)
        await served.push([reception(served), reception(served, "H44.13-260105-0001", "H44.13")])
        assert await listener.ends()
        assert (await other.event())[1]["balance"]["received"] == 1


async def test_streams_and_ways_are_measured(live: Live, served: Running) -> None:
    async with live.listening() as one, live.listening() as other:
        for each in (one, other):
            await each.event()
        await served.push([reception(served)])
        for each in (one, other):
            await each.event()
        found = {name: value for (name, _), value in samples((await served.client.get("/metrics")).text).items()}
        assert (found["chiso_streams_open"], found["chiso_stream_events_total"]) == (2, 4)
        assert ways(served) == {"computed": 2, "kept": 1, "shared": 0}
    await live.open(0)
    latencies = samples((await served.client.get("/metrics")).text)
    labels = frozenset([("method", "GET"), ("route", "/v1/stream"), ("status", "2xx")])
    assert latencies["chiso_request_seconds_count", labels] == 2


def test_the_served_command_asked_to_end_ends_its_streams_properly(database: str, tmp_path: Path) -> None:
    settings = environment(
        CHISO_DATA_DIR=str(tmp_path),
        CHISO_DATABASE__DSN=database,
        CHISO_AUTH__OPEN_READING="true",
        CHISO_AUTH__PEPPER="a pepper for tests, as long as it is to be",
    )
    asked = {"unit": "H44", "period": "2026"}
    with (
        Serving(settings, tmp_path / "log") as served,
        served.client() as client,
        client.stream("GET", "/v1/stream", params=asked) as answer,
    ):
        lines = answer.iter_lines()
        told = [next(lines) for _ in range(5)]
        assert [line.partition(":")[0] for line in told] == ["retry", "", "event", "data", "id"]
        served.ask_to_end()
        # An answer that is cut off in its midst would be an error here.
        assert list(lines) == [""]


async def test_streams_leave_room_for_who_asks(live: Live, served: Running) -> None:
    served.service.watcher.room = 1
    async with live.listening():
        refused = await served.get("/v1/stream", unit="H44.07", period="2026")
        assert of_problem(refused) == (503, "overloaded", None)
        assert (await served.get("/v1/scorecard", unit="H44.07", period="2026")).status_code == 200


THREE = ["H44", "H44.07", "H44.13"]


async def test_several_units_on_one_connection_each_name_their_own(live: Live, served: Running) -> None:
    await served.push([reception(served)])
    query: dict[str, Any] = {"period": "2026-Q1", "compare": "last_year"}
    # An alias, and a unit that is named twice: each has its one event.
    units = ["H44", "H44.07", "000.00.30.H44", "H44.07", "H44.130"]
    async with live.listening(units, **query) as listener:
        for unit in ("H44", "H44.07", "H44.130"):
            answer = await served.get("/v1/scorecard", unit=unit, **query)
            assert await listener.event() == (answer.headers["etag"], answer.json())
        # Of the three only the one that it happened to has changed, and the one above it.
        await served.push([reception(served, "H44.130-260105-0001", "H44.130", procedure="1.000001")])
        changed = [await listener.event(), await listener.event()]
        assert {told["unit"]["code"]: told["balance"]["received"] for _, told in changed} == {"H44": 2, "H44.130": 1}
        for tag, told in changed:
            answer = await served.get("/v1/scorecard", unit=told["unit"]["code"], **query)
            assert (tag, told) == (answer.headers["etag"], answer.json())
        await served.push([served.event("dossier.synced", time="2026-01-06T08:00:00+07:00")])
        changed = [await listener.event(), await listener.event()]
        assert {told["unit"]["code"] for _, told in changed} == {"H44", "H44.07"}


async def test_who_comes_back_to_several_units_gets_all_but_the_one_that_is_known(live: Live, served: Running) -> None:
    async with live.listening(THREE) as listener:
        known = {told["unit"]["code"]: tag for tag, told in [await listener.event() for _ in THREE]}
    await served.push([reception(served)])
    async with live.listening(THREE, last=known["H44.13"]) as listener:
        again = [await listener.event(), await listener.event()]
        assert [told["unit"]["code"] for _, told in again] == ["H44", "H44.07"]
        assert [told["balance"]["received"] for _, told in again] == [1, 1]
        await served.push([reception(served, "H44.13-260105-0001", "H44.13")])
        assert {(await listener.event())[1]["unit"]["code"] for _ in range(2)} == {"H44", "H44.13"}


async def test_a_unit_out_of_reach_or_too_many_refuse_the_whole_stream(live: Live, served: Running) -> None:
    key = await served.make_key("H44.07", "read")
    query: dict[str, Any] = {"period": "2026"}
    refused = await served.get("/v1/stream", key=key, unit=["H44.07", "H44.13"], **query)
    assert of_problem(refused) == (403, "forbidden_unit", "unit")
    refused = await served.get("/v1/stream", unit=["H44.07", "H44.99"], **query)
    assert of_problem(refused) == (404, "unknown_unit", "unit")
    for units in (["H44"] * 51, [], ["H44", "x" * 301]):
        refused = await served.get("/v1/stream", unit=units, **query)
        assert of_problem(refused) == (422, "invalid_parameter", "unit")
    refused = await served.get("/v1/stream", unit=THREE, period=["2026", "2025"])
    assert of_problem(refused) == (422, "invalid_parameter", "period")
    refused = await served.get("/v1/scorecard", unit=THREE, **query)
    assert of_problem(refused) == (422, "invalid_parameter", "unit")
    async with live.listening(["H44"] * 50, key=served.key) as listener:
        assert (await listener.event())[1]["unit"]["code"] == "H44"
    await live.open(0)


async def test_a_stream_of_several_units_counts_as_many_and_shares_what_others_watch(
    live: Live, served: Running, sums: list[str]
) -> None:
    served.service.settings.streams.max_open = 5
    gauge = served.service.metrics.streams_open
    async with live.listening(THREE) as several, live.listening() as one:
        first = {told["unit"]["code"]: (tag, told) for tag, told in [await several.event() for _ in THREE]}
        assert await one.event() == first["H44.07"]
        assert gauge._value.get() == 2
        refused = await served.get("/v1/stream", unit=["H44", "H44.07"], period="2026")
        assert of_problem(refused) == (503, "overloaded", None)
        spent = len(sums)
        await served.push([reception(served)])
        told = [await several.event(), await several.event()]
        assert await one.event() in told
        assert len(sums) - spent == 2, "a province and a department, whoever watches them"
        async with live.listening("H44.130"):
            assert gauge._value.get() == 3
    await live.open(0)
    assert served.service.watcher._subscriptions == 0
    assert served.service.watcher._watches == {}


async def test_a_revoked_key_ends_a_stream_of_several_units(live: Live, served: Running) -> None:
    other = await served.make_key("H44", "read")
    async with live.listening(THREE, key=other) as revoked:
        for _ in THREE:
            await revoked.event()
        async with served.service.database.connection("write") as connection:
            assert await keys.revoke(connection, other.split("_")[1])
        assert await revoked.ends()
