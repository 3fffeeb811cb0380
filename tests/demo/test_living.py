"""The living province: sound events, by the hour, and a sender that neither loses nor doubles any."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from app.demo.living import sender
from app.demo.living.plots import NothingToDo, Offices
from app.demo.living.sender import Pace, Refused, Sender, Watch
from app.demo.living.stream import OPEN, WORKED, Living, events, part_of
from app.domain.calendar.civil import Instant, day_number
from app.domain.lives.events import BY_TYPE
from app.intake.cloudevents import Parsed, parse
from tests.faults.serving import CHISO, environment
from tests.running import Running

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TODAY = day_number(date(2026, 11, 23))
COMMON = {"valid_from": None, "valid_to": None}
UNITS = [
    {"code": "H44", "level": "province"} | COMMON,
    {"code": "H44.07", "level": "department"} | COMMON,
    {"code": "H44.13", "level": "department"} | COMMON,
    {"code": "H44.130", "level": "commune"} | COMMON,
    {"code": "H44.131", "level": "commune"} | COMMON | {"valid_to": "2026-11-22"},
]
_PROCEDURE: dict[str, Any] = COMMON | {
    "fee": False, "service_level": "full", "units": [], "levels": [], "applicants": ["citizen"],
    "max_working_days": None,
}  # fmt: skip
PROCEDURES: list[dict[str, Any]] = [
    _PROCEDURE | {"code": "1.000001", "levels": ["commune", "department"], "fee": True},
    _PROCEDURE | {"code": "1.000002", "levels": ["department"], "max_working_days": 3, "service_level": "none"},
    _PROCEDURE | {"code": "1.000003", "units": ["H44.13"], "levels": ["commune"], "applicants": []},
    _PROCEDURE | {"code": "1.000004", "levels": ["commune"], "valid_from": "2026-11-24"},
]
HOLIDAY = [{"date": "2026-11-25", "kind": "holiday", "name": ""}, {"date": "2026-11-28", "kind": "workday", "name": ""}]
REMITS = {
    "H44.07": {"1.000001", "1.000002"},
    "H44.13": {"1.000001", "1.000002", "1.000003"},
    "H44.130": {"1.000001"},
}


def catalogue(under: str = "H44") -> Offices:
    return Offices.read(under, UNITS, PROCEDURES, HOLIDAY, TODAY)


def micros(text: str) -> Instant:
    return Instant((datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1))


def run(start: str, count: int, seed: int = 1, rate: int = 50) -> list[dict[str, Any]]:
    """So many events from a moment on."""
    first = micros(start)
    return list(events(catalogue(), seed, (Instant(first + nth * 1_000_000 // rate) for nth in range(count))))


@pytest.fixture(scope="module")
def morning() -> list[dict[str, Any]]:
    """Ten minutes of a working morning."""
    return run("2026-11-23T09:00:00+07:00", 30_000)


def once(stream: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({event["id"]: event for event in stream}.values())


def lives_of(stream: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    lives: dict[str, list[dict[str, Any]]] = {}
    for event in once(stream):
        lives.setdefault(event["subject"], []).append(event)
    return list(lives.values())


def test_the_same_seed_catalogue_and_moments_tell_the_same_story() -> None:
    start = "2026-11-23T09:00:00+07:00"
    assert run(start, 3_000) == run(start, 3_000)
    assert run(start, 3_000) != run(start, 3_000, seed=2)
    later = {event["id"] for event in run("2026-11-23T09:00:00.001+07:00", 3_000)}
    assert later.isdisjoint(event["id"] for event in run(start, 3_000))


def test_every_event_is_sound_happens_now_and_lies_in_its_offices_remit(morning: list[dict[str, Any]]) -> None:
    body = b"\n".join(map(msgspec.json.encode, morning))
    items = parse(body, "application/x-ndjson", {}, max_events=30_000).items
    assert [item for item in items if not isinstance(item, Parsed)] == []
    told = once(morning)
    times = [micros(event["time"]) for event in told]
    assert times == sorted(times)
    assert times[0] == micros("2026-11-23T09:00:00+07:00")
    assert times[-1] <= micros("2026-11-23T09:00:00+07:00") + 30_000 * 20_000
    for event in told:
        assert event["source"] == "/h44/simulate"
        assert event["unit"] in REMITS
        if event["type"] == "dossier.received":
            office = event["subject"].partition("-")[0]
            assert event["data"]["procedure"] in REMITS[office]
            if event["data"]["channel"] == "online":
                assert event["data"]["procedure"] != "1.000002"


def test_a_short_run_shows_everything_that_happens_in_offices(morning: list[dict[str, Any]]) -> None:
    left_out = {"procedure.announced", "procedure.published", "petition.voided"}
    left_out |= {"petition.supplement_requested", "petition.supplemented"}
    assert {event["type"] for event in morning} == set(BY_TYPE) - left_out


def test_lives_are_corrected_retracted_and_handed_over_consistently(morning: list[dict[str, Any]]) -> None:
    seen: Counter[str] = Counter()
    for life in lives_of(morning):
        receptions = [event["data"] for event in life if event["type"] == "dossier.received"]
        assert len(receptions) <= 2
        if len(receptions) == 2:
            assert receptions[0] != receptions[1]
            seen["corrected"] += 1
        unit = life[0]["unit"]
        for event, before in zip(life, [{}, *life], strict=False):
            assert event["unit"] == unit
            if event["type"] == "dossier.transferred":
                assert event["data"]["to"] in {"H44.07", "H44.13"} - {unit}
                unit = event["data"]["to"]
                seen["transferred"] += 1
            elif event["type"] == "event.retracted":
                assert event["data"] == {"id": before["id"]}
                seen["retracted"] += 1
            elif before:
                assert micros(event["time"]) > micros(before["time"])
    assert all(seen[each] > 10 for each in ("corrected", "transferred", "retracted"))


def test_promises_are_kept_free_of_days_off_and_some_pass_at_once(morning: list[dict[str, Any]]) -> None:
    receptions = [event for event in once(morning) if event["type"] == "dossier.received"]
    days: Counter[str] = Counter()
    waited = []
    for event in receptions:
        due = event["data"]["due_at"]
        if due.endswith("T17:00:00.000+07:00"):
            days[due[:10]] += 1
        else:
            waited.append(micros(due) - micros(event["time"]))
    # Wednesday 25 is a holiday, Saturday 28 is worked for it; ten days at most, two more in a correction.
    ahead = ["24", "26", "27", "28", "30"]
    assert set(days) == {f"2026-11-{day}" for day in ahead} | {f"2026-12-0{day}" for day in (1, 2, 3, 4, 7, 9)}
    assert min(waited) >= 60_000_000
    assert max(waited) < 600_000_000
    ended = {event["subject"]: micros(event["time"]) for event in once(morning) if event["type"] == "dossier.completed"}
    late = [event for event in receptions if ended.get(event["subject"], 0) > micros(event["data"]["due_at"])]
    assert late


def test_the_hour_says_what_happens() -> None:
    worked = catalogue().calendar
    spans = [part.until - before for part, before in zip(WORKED, [0.0, *(p.until for p in WORKED)], strict=False)]
    assert round(sum(part.tempo * hours for part, hours in zip(WORKED, spans, strict=True)), 9) == 24
    assert part_of(micros("2026-11-23T11:29:59+07:00"), worked).office == 1
    assert part_of(micros("2026-11-23T11:30:00+07:00"), worked).office == 0.5
    assert part_of(micros("2026-11-25T10:00:00+07:00"), worked).tempo == 0.52
    for night in ("2026-11-23T19:00:00+07:00", "2026-11-22T10:00:00+07:00", "2026-11-24T02:00:00+07:00"):
        told = run(night, 5_000)
        kinds = Counter(event["type"] for event in told)
        assert kinds["dossier.submitted"] > 2_500
        assert kinds["document.sent"] == 0
        channels = {event["data"]["channel"] for event in told if event["type"] == "dossier.received"}
        assert channels == {"online"}


def test_one_in_a_hundred_is_sent_twice_unchanged_and_open_lives_are_bounded(morning: list[dict[str, Any]]) -> None:
    ids: dict[str, dict[str, Any]] = {}
    for event in morning:
        assert ids.setdefault(event["id"], event) == event
    assert 200 < len(morning) - len(ids) < 400
    start = micros("2026-11-24T02:00:00+07:00")
    living = Living(catalogue(), 1, start)
    for nth in range(20_000):
        living.next(Instant(start + nth * 1_000))
        assert living.open <= OPEN
    assert living.open == OPEN


def test_an_empty_catalogue_is_refused() -> None:
    with pytest.raises(NothingToDo, match="H44"):
        Offices.read("H44", UNITS, PROCEDURES[3:], [], TODAY)


class Waiting(Watch):
    """A watch that goes forward by being waited for, and notes how long."""

    def __init__(self, start: str) -> None:
        super().__init__()
        self.at = micros(start)
        self.waited: list[float] = []

    def now(self) -> Instant:
        return self.at

    async def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.at = Instant(self.at + int(seconds * 1_000_000))


Answer = Callable[[httpx.Request], httpx.Response]


def accepting(request: httpx.Request) -> httpx.Response:
    count = len(request.content.splitlines())
    return httpx.Response(200, json={"accepted": count, "duplicates": 0, "rejected": 0, "errors": []})


async def with_sender(answer: Answer, work: Callable[[Sender, Waiting], Awaitable[None]]) -> tuple[Sender, Waiting]:
    watch = Waiting("2026-11-23T09:00:00+07:00")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://chiso.test") as client:
        sending = Sender(client, watch)
        await work(sending, watch)
    return sending, watch


@pytest.mark.parametrize(("daily", "rate", "seconds", "count"), [(False, 50, 20, 1_000), (False, 0.3, 60, 18),
                                                                 (True, 50, 20, 2_500)])  # fmt: skip
async def test_it_keeps_to_the_rate(daily: bool, rate: float, seconds: float, count: int) -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sizes.append(len(request.content.splitlines()))
        return accepting(request)

    async def work(sending: Sender, watch: Waiting) -> None:
        await sender.live(sending, catalogue(), 1, Pace(rate, daily, seconds), watch, lambda at: None)

    sending, _ = await with_sender(answer, work)
    assert sum(sizes) == sending.totals.accepted == count
    assert max(sizes) <= 300


async def test_it_sends_the_same_again_until_it_is_answered() -> None:
    bodies: list[bytes] = []
    problem = {"code": "overloaded", "detail": "too much"}

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        match len(bodies):
            case 1:
                return httpx.Response(503, json=problem, headers={"retry-after": "7"})
            case 2 | 3:
                raise httpx.ReadError("cut off")
            case 4:
                return httpx.Response(500, json=problem)
        return accepting(request)

    async def work(sending: Sender, watch: Waiting) -> None:
        await sending.send(run("2026-11-23T09:00:00+07:00", 5))

    sending, watch = await with_sender(answer, work)
    assert bodies == bodies[:1] * 5
    assert watch.waited == [7, 2, 4, 8]
    assert str(sending.totals) == "5 accepted, 0 duplicates, 0 rejected, 4 times sent again"


async def test_a_batch_that_is_too_much_is_halved() -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sizes.append(len(request.content.splitlines()))
        return accepting(request) if sizes[-1] <= 3 else httpx.Response(413, json={"code": "x", "detail": ""})

    async def work(sending: Sender, watch: Waiting) -> None:
        await sending.send(run("2026-11-23T09:00:00+07:00", 10))

    sending, _ = await with_sender(answer, work)
    assert sizes == [10, 5, 2, 3, 5, 2, 3]
    assert sending.totals.accepted == 10


@pytest.mark.parametrize(("status", "hint"), [(401, "CHISO_KEY"), (403, "scopes read and ingest"), (422, "why not")])
async def test_what_would_not_help_is_not_tried_again(status: int, hint: str) -> None:
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(status, json={"code": "a_code", "detail": "why not"})

    async def work(sending: Sender, watch: Waiting) -> None:
        with pytest.raises(Refused, match=hint):
            await sending.send(run("2026-11-23T09:00:00+07:00", 5))
        with pytest.raises(Refused, match=f"/v1/units is answered {status}, a_code: why not"):
            await sending.catalogue("H44")

    await with_sender(answer, work)
    assert asked == 2


async def test_an_outage_is_not_made_up_for_and_a_stop_ends_it() -> None:
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        if 2 <= asked <= 12:
            raise httpx.ConnectError("away")
        return accepting(request)

    async def work(sending: Sender, watch: Waiting) -> None:
        def told(at: float) -> None:
            if asked > 14:
                watch.stop()

        await sender.live(sending, catalogue(), 1, Pace(10), watch, told)

    sending, watch = await with_sender(answer, work)
    # 5 in the first beat, 5 after three and a half minutes, no more than ten seconds' worth when that is over.
    assert watch.waited == [0.5, 0.5, 1, 2, 4, 8, 16, *[30] * 6, 0.5, 0.5]
    assert sending.totals.accepted == 5 + 5 + 100 + 5
    assert sending.totals.again == 11


class Flaky(httpx.AsyncBaseTransport):
    """Every third push is taken in, but its answer is lost."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._pushes = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        self._pushes += request.method == "POST"
        if request.method == "POST" and self._pushes % 3 == 0:
            raise httpx.ReadError("the answer is lost")
        return answer


async def test_a_service_counts_each_event_once_whatever_gets_lost(running: Running, database: str) -> None:
    await running.catalogue()
    watch = Waiting("2026-11-23T09:00:00+07:00")
    running.clock.at = EPOCH + timedelta(microseconds=watch.at) + timedelta(minutes=5)
    headers = {"Authorization": f"Bearer {running.key}"}
    transport = Flaky(running.client._transport)
    async with httpx.AsyncClient(transport=transport, base_url="http://chiso.test", headers=headers) as client:
        sending = Sender(client, watch)
        found = await sending.catalogue("H44")
        assert [office.code for office in found.offices] == ["H44.07", "H44.13", "H44.130"]
        await sender.live(sending, found, 1, Pace(40, False, 30), watch, lambda at: None)
    totals = sending.totals
    assert (totals.rejected, totals.unanswered) == (0, 0)
    assert totals.accepted + totals.duplicates == 1_200
    assert totals.again == 15
    with psycopg.connect(database) as connection:
        logged = connection.execute("SELECT count(*), count(DISTINCT id) FROM event").fetchone()
    assert logged is not None
    # What came in although its answer was lost is told as a duplicate later; what the generator repeats as well.
    assert logged[0] == logged[1]
    assert totals.accepted < logged[0] <= 1_200
    assert logged[0] >= 1_170


class _Province(BaseHTTPRequestHandler):
    """A service that lists a catalogue and accepts everything; it notes the keys it is shown."""

    keys: set[str]
    pushed: threading.Event

    def do_GET(self) -> None:
        name = self.path.split("?")[0].removeprefix("/v1/")
        self._answer({"units": UNITS, "procedures": PROCEDURES, "calendar": HOLIDAY}[name])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.keys.add(self.headers["authorization"])
        self.pushed.set()
        self._answer({"accepted": body.count(b"\n") + 1, "duplicates": 0, "rejected": 0, "errors": []})

    def _answer(self, told: Any) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def province() -> Iterator[tuple[str, type[_Province]]]:
    class Handler(_Province):
        """With notes of its own."""

    Handler.keys, Handler.pushed = set(), threading.Event()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", Handler
        server.shutdown()
        thread.join()


def simulating(*arguments: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [CHISO, "simulate", *arguments], env=environment(**settings), stdout=-1, stderr=-1, text=True
    )


def test_the_command_shows_events_says_when_nobody_answers_and_ends_cleanly_when_interrupted(
    province: tuple[str, type[_Province]],
) -> None:
    url, handler = province
    shown = simulating("--url", url, "--dry-run")
    nobody = simulating("--url", "http://127.0.0.1:9", "--seconds", "1")
    living = simulating("--url", url, "--rate", "100", CHISO_KEY="chiso_a_key")
    assert handler.pushed.wait(60)
    living.send_signal(signal.SIGINT)
    out, err = living.communicate(timeout=60)
    assert (living.returncode, out) == (0, ""), err
    first, *_, last = err.splitlines()
    assert first == f"3 offices of H44 come to life at {url}; Ctrl-C ends it"
    assert last.startswith("in all: ")
    assert last.endswith(" accepted, 0 duplicates, 0 rejected")
    out, err = shown.communicate(timeout=60)
    assert (shown.returncode, err) == (0, "")
    assert [json.loads(line)["specversion"] for line in out.splitlines()] == ["1.0"] * 20
    assert handler.keys == {"Bearer chiso_a_key"}
    out, err = nobody.communicate(timeout=60)
    assert (nobody.returncode, out) == (1, "")
    assert err.startswith("chiso: nothing answers at http://127.0.0.1:9")
    assert "Traceback" not in err
