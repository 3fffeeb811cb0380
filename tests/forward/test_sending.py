"""What becomes of items when the service is away, slow, full, or refuses some: each is there once, or kept aside."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.forward.config import Config, Source, Target
from app.forward.config import Queue as QueueConfig
from app.forward.queue import InUse, Item, Queue
from app.forward.running import Forwarder
from app.forward.send import Sender
from app.forward.sources import origin
from app.messages import Message
from tests.forward.stub import Reply, Stub

Make = Callable[..., "Made"]


class Made:
    """A forwarder whose clock goes on when it waits; `waits` are the seconds of each wait, `said` what it told."""

    def __init__(self, folder: Path, url: str, once: bool = True, **more: Any) -> None:
        (folder / "key").write_text("chiso_key\n")
        target = Target(url, str(folder / "key"), **{"batch": 4, "timeout": 5.0} | more.pop("target", {}))
        source = Source(**{"kind": "folder", "folder": str(folder / "in"), "settle": 0.0} | more.pop("source", {}))
        config = Config(source, target, QueueConfig(str(folder / "queue.db"), more.pop("max_mb", 100)))
        self.queue = Queue(Path(config.queue.file), config.queue.max_mb)
        self.said: list[str] = []
        self.waits: list[float] = []
        self._at, self._closed = 0.0, False
        self.on_wait: Callable[[], None] = lambda: None
        self.source = origin(source, self.queue, self._say)
        self.sender = Sender(target)
        self.forwarder = Forwarder(
            config, self.queue, self.source, self.sender, self._say, once, lambda: self._at, self._pause
        )

    def _say(self, message: Message) -> None:
        self.said.append(message.en)

    def _pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._at += seconds
        self.on_wait()

    def run(self) -> tuple[int, int, int]:
        status = self.forwarder.run()
        return status.waiting, status.sent, status.rejected

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.sender.close()
            self.queue.__exit__()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Made] = []

    def begin(url: str, **more: Any) -> Made:
        made.append(Made(tmp_path, url, **more))
        return made[-1]

    yield begin
    for each in made:
        each.close()


def write(folder: Path, name: str, ids: range | list[int], **more: Any) -> Path:
    file = folder / "in" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps({"id": f"e{n}"} | more) + "\n" for n in ids))
    return file


def ids(numbers: range | list[int]) -> list[str]:
    return [f"e{n}" for n in numbers]


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.is_file())


def test_files_are_sent_in_their_order_and_moved(tmp_path: Path, make: Make) -> None:
    write(tmp_path, "b.ndjson", range(6, 9))
    write(tmp_path, "a.ndjson", range(6))
    write(tmp_path, "half.ndjson.tmp", [99])
    (tmp_path / "in" / "c.ndjson").write_bytes('{"id":"e1"}'.encode("utf-16"))
    (tmp_path / "in" / "d.ndjson").write_bytes(b'{"id":"e50"}\n{"id":"\xff"}\n')
    with Stub() as stub:
        made = make(stub.url)
        assert made.run() == (0, 9, 0)
    assert list(stub.kept) == ids(range(9))
    assert {(path, key) for path, key, _ in stub.requests} == {("/v1/events", "Bearer chiso_key")}
    assert max(len(items) for *_, items in stub.requests) == 4
    folder = tmp_path / "in"
    assert names(folder) == ["half.ndjson.tmp"]
    assert names(folder / "done") == ["a.ndjson", "b.ndjson"]
    assert names(folder / "failed") == ["c.ndjson", "d.ndjson"]
    assert [each.partition(":")[0] for each in made.said] == [
        "c.ndjson cannot be read and goes to `failed/`", "d.ndjson cannot be read and goes to `failed/`",
    ]  # fmt: skip
    assert oct((tmp_path / "queue.db").stat().st_mode)[-3:] == "600"


def test_a_file_that_was_kept_but_not_yet_moved_is_not_taken_twice(tmp_path: Path, make: Make) -> None:
    file = write(tmp_path, "a.ndjson", range(3))
    stat = file.stat()
    with Stub() as stub:
        made = make(stub.url)
        # As a power cut leaves it between the two.
        made.queue.put([Item("events", "", "a.ndjson:1", b'{"id":"e0"}')],
                       lambda: {"file a.ndjson": f"{stat.st_ino} {stat.st_size} {stat.st_mtime_ns}"})  # fmt: skip
        assert made.run() == (0, 1, 0)
        assert list(stub.kept) == ["e0"]
        assert names(tmp_path / "in" / "done") == ["a.ndjson"]
        # Another file of that name is another file, and the first one stays where it is.
        write(tmp_path, "a.ndjson", range(5))
        assert made.forwarder.run().sent == 6
    assert len(names(tmp_path / "in" / "done")) == 2


def test_a_full_service_is_given_the_time_it_asks_for(tmp_path: Path, make: Make) -> None:
    write(tmp_path, "a.ndjson", range(10))
    answers = {1: (503, {"Retry-After": "7"}, {"detail": "full"}), 2: (429, {"Retry-After": "30"}, {})}
    with Stub(lambda nth, items: answers.get(nth)) as stub:
        made = make(stub.url)
        assert made.run() == (0, 10, 0)
    # Looked at in between, once a second, for new files: 7 and 30 seconds in all.
    assert sum(made.waits) == pytest.approx(37, abs=0.1)
    assert list(stub.kept) == ids(range(10))
    assert made.said == ["not taken: HTTP 503 full", "not taken: HTTP 429", "the service takes again"]


def test_a_service_that_is_away_is_asked_more_and_more_seldom_within_bounds(tmp_path: Path, make: Make) -> None:
    write(tmp_path, "a.ndjson", range(3))
    with Stub() as stub:
        made = make(stub.url, target={"first_wait": 1.0, "longest_wait": 8.0})
        away: list[Reply] = [(502, {}, {}), (504, {}, {})] * 4
        stub.script = lambda nth, items: away[nth - 1] if nth <= 8 else None
        starts: list[float] = []
        before = made.sender.send

        def noted(items: Any) -> Any:
            starts.append(sum(made.waits))
            return before(items)

        made.sender.send = noted  # type: ignore[method-assign]
        assert made.run() == (0, 3, 0)
    gaps = [after - earlier for earlier, after in pairwise(starts)]
    assert len(gaps) == 8
    for gap, wanted in zip(gaps, [1, 2, 4, 8, 8, 8, 8, 8], strict=True):
        assert 0.75 * wanted <= gap <= 1.25 * wanted + 0.02


def test_an_answer_that_never_comes_leaves_the_items_where_they_are(tmp_path: Path, make: Make) -> None:
    write(tmp_path, "a.ndjson", range(4))
    with Stub() as stub:

        def late(nth: int, items: list[Any]) -> Any:
            if nth == 1:
                stub.take(items, {})  # it has them, but its answer is lost
                time.sleep(0.4)
            return None

        stub.script = late
        made = make(stub.url, target={"timeout": 0.2})
        assert made.run() == (0, 4, 0)
    assert made.said[0] == "not taken: no answer within 0.2 s"
    assert list(stub.kept) == ids(range(4))
    assert [len(items) for *_, items in stub.requests] == [4, 2, 2]


def test_what_is_refused_is_kept_aside_with_its_reason_and_can_be_sent_again(tmp_path: Path, make: Make) -> None:
    write(tmp_path, "a.ndjson", range(6))
    error = {"code": "unknown_unit", "field": "unit", "id": "e2", "detail": "no unit of the catalogue has this code"}
    with Stub() as stub:
        stub.script = lambda nth, items: stub.take(
            items, {n: error for n, each in enumerate(items) if each["id"] == "e2"}
        )
        made = make(stub.url)
        assert made.run() == (0, 5, 1)
        assert [(each.origin, json.loads(each.reason)) for each in made.queue.rejections()] == [("a.ndjson:3", error)]
        stub.script = lambda nth, items: None
        assert made.queue.again() == 1
        assert made.run() == (0, 6, 0)
    assert sorted(stub.kept) == ids(range(6))
    assert made.said == ["refused and kept aside: a.ndjson:3: unknown_unit unit"]


def test_a_refused_state_is_not_sent_after_a_newer_one_of_its_dossier(tmp_path: Path, make: Make) -> None:
    """Of states that contradict each other the one told last holds; steps have their own times, and go out again."""

    def put(name: str, service: str, *codes: str) -> None:
        data = [{"MaHoSo": code, "from": name} for code in codes]
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text(json.dumps({"service": service, "data": data}))

    wrong = {"code": "forbidden_unit", "field": "MaHoSo", "detail": "…"}
    with Stub() as stub:
        stub.script = lambda nth, items: stub.take(items, dict.fromkeys(range(len(items)), wrong))
        put("1.json", "DongBoHoSoMC", "A", "B")
        put("2.json", "CapNhatTienDoHoSoMC", "A")
        made = make(stub.url, source={"what": "DongBoHoSoMC"})
        assert made.run() == (0, 0, 3)
        stub.script = lambda nth, items: None
        put("3.json", "DongBoHoSoMC", "A")
        assert made.run() == (0, 1, 2)
        assert made.queue.again() == 2
        before = len(stub.requests)
        assert made.run() == (0, 3, 0)
    assert [[each["from"] for each in items] for *_, items in stub.requests[before:]] == [["1.json"], ["2.json"]]
    assert stub.kept["A"]["from"] == "2.json", "the step"
    assert made.said[-1] == "given up: 1 refused states of dossiers of which newer ones were taken"


def test_a_refused_state_that_waits_again_goes_before_a_newer_one_or_not_at_all(tmp_path: Path) -> None:
    items = [Item("DongBoHoSoMC", "", f"{n}", b"{}", code) for n, code in enumerate("AABA")]
    with Queue(tmp_path / "queue.db", 10) as queue:
        queue.put(items)
        assert queue.settle([], [(1, {"code": "x"})]) == 0
        assert [each.seq for each in queue.first(2, 100)] == [2, 3]
        # Whoever mends the cause may ask for it while the newer state is under way.
        assert queue.again() == 1
        assert queue.settle([2, 3], []) == 1
        assert [each.seq for each in queue.first(9, 100)] == [4]
        assert (queue.status.waiting, queue.status.sent) == (1, 2)


def test_a_body_that_is_refused_is_cut_until_the_one_at_fault_is_found(tmp_path: Path, make: Make) -> None:
    write(tmp_path, "a.ndjson", range(8))
    with Stub() as stub:
        stub.script = lambda nth, items: (
            (413, {}, {"code": "too_large"}) if any(each["id"] == "e5" for each in items) else None
        )
        made = make(stub.url, target={"batch": 8})
        assert made.run() == (0, 7, 1)
    assert sorted(stub.kept) == ids([0, 1, 2, 3, 4, 6, 7])
    assert [json.loads(each.reason) for each in made.queue.rejections()] == [{"code": "too_large"}]
    assert made.waits == []


@pytest.mark.parametrize("told", [{}, {"accepted": 2, "duplicates": 0, "rejected": 0, "errors": []}, {"errors": 5}])
def test_an_answer_without_an_outcome_for_each_is_none(tmp_path: Path, make: Make, told: dict[str, Any]) -> None:
    write(tmp_path, "a.ndjson", range(3))
    with Stub(lambda nth, items: (200, {}, told) if nth < 3 else None) as stub:
        assert make(stub.url).run() == (0, 3, 0)
    assert list(stub.kept) == ids(range(3))


def test_the_portals_payload_goes_to_its_own_address(tmp_path: Path, make: Make) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    three = [{"MaHoSo": f"H44.07-260105-{n}", "TenHoSo": "Đơn"} for n in (1, 2, 1)]
    (folder / "1.json").write_text(
        json.dumps({"session": "x", "service": "DongBoHoSoMC", "MaDonVi": "H44.07", "data": three})
    )
    (folder / "2.json").write_text(json.dumps(three[:1]), encoding="utf-8-sig")
    (folder / "3.json").write_text(json.dumps({"service": "DongBoTienDoHoSoMC", "data": [{"MaHoSo": "A"}]}))
    (folder / "4.json").write_text("{")
    wrong = {"code": "forbidden_unit", "field": "MaHoSo", "MaHoSo": "H44.07-260105-1", "detail": "…"}
    with Stub() as stub:
        # The first dossier is refused wherever it stands, but told once a call, at its first place.
        def script(nth: int, items: list[Any]) -> Any:
            places = [n for n, each in enumerate(items) if each["MaHoSo"] == "H44.07-260105-1"]
            return stub.take(items, {places[0]: wrong} if places else {})

        stub.script = script
        made = make(stub.url, source={"what": "DongBoHoSoMC"})
        assert made.run() == (0, 2, 3)
    assert stub.requests[0][0] == "/dvcqg/chiso_key/DongBoHoSoMC"
    assert stub.requests[-1][0] == "/dvcqg/chiso_key/CapNhatTienDoHoSoMC"
    assert [(each.origin, json.loads(each.reason)["code"]) for each in made.queue.rejections()] == [
        ("1.json#1", "forbidden_unit"), ("1.json#3", "forbidden_unit"), ("2.json", "forbidden_unit"),
    ]  # fmt: skip
    assert names(folder / "failed") == ["4.json"]


def test_a_file_of_the_portals_payload_may_have_a_call_a_line(tmp_path: Path, make: Make) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = [{"MaHoSo": "H44.07-260105-1"}, {"service": "DongBoHoSoMC", "data": [{"MaHoSo": "H44.07-260105-2"}]}]
    (folder / "1.json").write_text("\n\n".join(map(json.dumps, lines)) + "\n")
    (folder / "2.json").write_text(json.dumps(lines[0]) + "\n{\n")
    (folder / "3.json").write_text(json.dumps({"MaHoSo": "H44.07-260105-3"}, indent=2))
    warning = {
        "index": 1,
        "MaHoSo": "H44.07-260105-2",
        "code": "invalid_value",
        "field": "TrangThaiHoSo",
        "detail": "…",
    }
    with Stub() as stub:

        def script(nth: int, items: list[Any]) -> Any:
            status, headers, told = stub.take(items, {})
            return status, headers, told | ({"warnings": [warning]} if nth == 1 else {})

        stub.script = script
        made = make(stub.url, source={"what": "DongBoHoSoMC"})
        assert made.run() == (0, 3, 0)
    assert list(stub.kept) == [f"H44.07-260105-{n}" for n in (1, 2, 3)]
    assert names(folder / "failed") == ["2.json"]
    warned = "taken, but 1 values are not understood; the first: H44.07-260105-2 TrangThaiHoSo …"
    assert [each.partition(":")[0] for each in made.said if each != warned] == [
        "2.json cannot be read and goes to `failed/`"
    ]
    assert warned in made.said


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path, make: Make) -> None:
    write(tmp_path, "a.ndjson", range(2_000), data="x" * 1_000)
    write(tmp_path, "b.ndjson", range(2_000, 2_010))
    with Stub() as stub:
        made = make(stub.url, max_mb=1, target={"batch": 500})

        def room() -> None:
            if len(made.waits) == 3:
                made.queue._base.execute("PRAGMA max_page_count = 100000")

        made.on_wait = room
        assert made.run() == (0, 2_010, 0)
    assert list(stub.kept) == ids(range(2_010))
    assert made.said == [
        "no room for the queue (the disk is full, or `queue.max_mb` is reached); nothing is lost, the source waits"
    ]
    assert names(tmp_path / "in" / "done") == ["a.ndjson", "b.ndjson"]


def test_a_pipe_is_read_to_its_end_and_held_while_there_is_no_room(tmp_path: Path, make: Make) -> None:
    reading, writing = os.pipe()
    os.write(writing, b'{"id":"e0"}\r\n\n{"id":"e1"}\n{"id":"e2"}')
    with Stub() as stub:
        made = make(stub.url, once=False, source={"kind": "pipe"})
        made.source._from = reading  # type: ignore[attr-defined]
        put, tries = made.queue.put, iter([sqlite3.OperationalError("database or disk is full")] * 2)

        def full(*arguments: Any) -> int:
            for error in tries:
                raise error
            return put(*arguments)

        made.queue.put = full  # type: ignore[method-assign, assignment]

        def more() -> None:
            if len(made.waits) == 4:
                os.write(writing, b"3}\n")
                os.close(writing)

        os.write(writing, b'\n{"id":"e2"}\n{"id":"e3","n":')
        made.on_wait = more
        assert made.run() == (0, 5, 0)
    os.close(reading)
    assert list(stub.kept) == ids(range(4))
    assert stub.kept["e3"] == {"id": "e3", "n": 3}


def test_rows_of_a_table_that_come_late_with_smaller_numbers_are_taken_too(tmp_path: Path, make: Make) -> None:
    with sqlite3.connect(tmp_path / "outbox.db") as base:
        base.execute("CREATE TABLE outbox (id INTEGER PRIMARY KEY, payload TEXT)")
        for n in (1, 2, 4, 5):
            base.execute("INSERT INTO outbox VALUES (?, ?)", (n, json.dumps({"id": f"e{n}"})))
    source = {
        "kind": "table", "dsn": f"sqlite:///{tmp_path}/outbox.db", "overlap": 100,
        "query": "SELECT id, payload FROM outbox WHERE id > {cursor} ORDER BY id",
    }  # fmt: skip
    with Stub() as stub:
        made = make(stub.url, source=source)
        assert made.run() == (0, 4, 0)
        base.execute('INSERT INTO outbox VALUES (3, \'{"id": "e3"}\'), (6, \'{"id": "e6"}\')')
        base.commit()
        made.close()
        made = make(stub.url, source=source)
        assert made.run() == (0, 6, 0)
        assert made.forwarder.run().sent == 6
    base.close()
    assert [each["id"] for *_, items in stub.requests for each in items] == ["e1", "e2", "e4", "e5", "e3", "e6"]


def test_rows_of_postgresql_are_taken_with_text_and_json(postgres_database: str, tmp_path: Path, make: Make) -> None:
    import psycopg

    with psycopg.connect(postgres_database) as base:
        base.execute("CREATE TABLE outbox (at text PRIMARY KEY, payload jsonb)")
        base.execute("INSERT INTO outbox VALUES ('2026-01-02', '{\"id\": \"e2\"}'), ('2026-01-01', '{\"id\": \"e1\"}')")
    source = {
        "kind": "table", "dsn": postgres_database.replace("+asyncpg", ""), "start": "2026-01-01",
        "query": "SELECT at, payload FROM outbox WHERE at > {cursor} AND at NOT LIKE '%x' ORDER BY at",
    }  # fmt: skip
    with Stub() as stub:
        assert make(stub.url, source=source).run() == (0, 1, 0)
    assert list(stub.kept) == ["e2"]


def test_two_forwarders_on_one_queue_are_refused(tmp_path: Path) -> None:
    with Queue(tmp_path / "queue.db", 10) as queue:
        with pytest.raises(InUse, match="in use by another forwarder"):
            Queue(tmp_path / "queue.db", 10)
        # Who only looks may.
        with Queue(tmp_path / "queue.db", 10, sending=False) as looking:
            queue.put([Item("events", "", "x", b"{}")])
            assert looking.status.waiting == 1
