"""The plain peer counts what it is told: its answers to a few dossiers are those worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.peers import PEERS
from bench.plain.peer import Plain

MARCH = {"from": "2025-03-01", "until": "2025-04-01"}
A, B, C = "H44.101-250302-1", "H44.101-250303-2", "H44.101-250220-3"
D, E, F = "H44.101-250210-4", "H44.101-250328-5", "H44.102-250306-6"
G, H, K, L = "H44.102-250310-7", "H44.45-250311-8", "H44.45-250401-9", "H44.101-250301-10"
STORY: list[tuple[str, str, str, str, dict]] = [
    # Online, with a fee paid online, everything digital: ended in time.
    (A, "H44.101", "03-02T08:00", "received", {"channel": "online", "due_at": "03-05T17:00", "fee": True}),
    (A, "H44.101", "03-02T08:10", "digitised", {"components": 2, "reused": True, "shared_store": False}),
    (A, "H44.101", "03-02T08:20", "paid", {"via": "national_gateway", "amount": 8000}),
    (A, "H44.101", "03-02T09:00", "synced", {}),
    (A, "H44.101", "03-05T16:00", "completed", {"electronic_result": True, "signed": True}),
    (A, "H44.101", "03-05T17:30", "returned", {"via": "online"}),
    # A day late, its fee in cash.
    (B, "H44.101", "03-03T08:00", "received", {"channel": "counter", "due_at": "03-04T17:00", "fee": True}),
    (B, "H44.101", "03-03T08:10", "paid", {"via": "cash"}),
    (B, "H44.101", "03-05T10:00", "completed", {}),
    # Carried over, never ended, overdue since the 10th.
    (C, "H44.101", "02-20T08:00", "received", {"channel": "counter", "due_at": "03-10T17:00"}),
    # Ended before the month.
    (D, "H44.101", "02-10T08:00", "received", {"channel": "counter", "due_at": "02-12T17:00"}),
    (D, "H44.101", "02-12T08:00", "completed", {}),
    # Handed over to another commune, open and in time when the month ends.
    (E, "H44.101", "03-28T08:00", "received", {"channel": "online", "due_at": "04-02T17:00"}),
    (E, "H44.101", "03-28T09:00", "transferred", {"to": "H44.102"}),
    (E, "H44.102", "04-01T09:00", "completed", {}),
    # Three days of waiting for a supplement move the due time by as much: in time.
    (F, "H44.102", "03-06T08:00", "received", {"channel": "postal", "due_at": "03-07T17:00"}),
    (F, "H44.102", "03-07T09:00", "supplement_requested", {}),
    (F, "H44.102", "03-10T09:00", "supplemented", {}),
    (F, "H44.102", "03-10T16:00", "completed", {}),
    # Entered by mistake.
    (G, "H44.102", "03-10T08:00", "received", {"channel": "counter"}),
    (G, "H44.102", "03-10T08:30", "voided", {}),
    # Promised for the 12th, then for the 20th; withdrawn between them, by somebody who was not content.
    (H, "H44.45", "03-11T08:00", "received", {"channel": "counter", "due_at": "03-12T17:00"}),
    (H, "H44.45", "03-11T09:00", "due_changed", {"due_at": "03-20T17:00"}),
    (H, "H44.45", "03-15T08:00", "withdrawn", {}),
    (H, "H44.45", "03-15T09:00", "rated", {"satisfied": False}),
    # The first instants of two months, each of its own month; the fee asked for was waived.
    (K, "H44.45", "04-01T00:00", "received", {"channel": "counter"}),
    (L, "H44.101", "03-01T00:00", "received", {"channel": "counter"}),
    (L, "H44.101", "03-01T00:10", "fee_requested", {"amount": 5000}),
    (L, "H44.101", "03-01T00:20", "fee_waived", {}),
]


def told(line: int) -> dict:
    subject, unit, at, kind, data = STORY[line]
    data = {name: aware(value) if name == "due_at" else value for name, value in data.items()}
    return {
        "specversion": "1.0",
        "id": f"{subject}/{line}",
        "source": "/test",
        "type": f"dossier.{kind}",
        "subject": subject,
        "time": aware(at),
        "unit": unit,
        "data": ({"procedure": "1.001"} if kind == "received" else {}) | data,
    }


def aware(at: str) -> str:
    return f"2025-{at}:00+07:00"


@pytest.fixture(scope="module")
def peer(postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    plain = Plain(tmp_path_factory.mktemp("plain"), postgres_dsn)
    with plain.serving():
        yield plain
    plain.remove()


@pytest.fixture(scope="module")
def client(peer: Plain) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{peer.port}", timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def loaded(client: httpx.Client) -> dict:
    """The answer to the whole story in one batch, the last first, one event of it twice."""
    events = [told(line) for line in reversed(range(len(STORY)))]
    return push(client, json.dumps([*events, events[3]]), "application/cloudevents-batch+json")


def push(client: httpx.Client, body: str, content_type: str) -> dict:
    answer = client.post("/events", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 200, answer.text
    counts: dict = answer.json()
    return counts


def test_an_event_is_kept_once_however_it_comes(peer: Plain, client: httpx.Client, loaded: dict) -> None:
    assert loaded == {"accepted": len(STORY), "duplicates": 1}
    assert push(client, json.dumps(told(0)), "application/cloudevents+json") == {"accepted": 0, "duplicates": 1}
    lines = "\n".join(json.dumps(told(line)) for line in range(len(STORY)))
    assert push(client, lines, "application/x-ndjson") == {"accepted": 0, "duplicates": len(STORY)}
    assert push(client, "[]", "application/cloudevents-batch+json") == {"accepted": 0, "duplicates": 0}
    assert peer.kept() == len(STORY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "dossier.lost"},
        {"time": "2025-03-01T08:00:00"},
        {"data": {"procedure": "1.001", "channel": "owl"}},
        {"data": {"procedure": "1.001"}},
        {"data": {"procedure": "1.001", "channel": "online", "name": "x"}},
        {"subject": ""},
    ],
)
def test_an_unsound_event_refuses_its_request(peer: Plain, client: httpx.Client, loaded: dict, wrong: dict) -> None:
    body = json.dumps([told(0) | {"id": "new"}, told(0) | {"id": "wrong"} | wrong])
    answer = client.post("/events", content=body, headers={"Content-Type": "application/cloudevents-batch+json"})
    assert answer.status_code == 422, answer.text
    assert peer.kept() == len(STORY)


def test_the_scorecard_of_everything(client: httpx.Client, loaded: dict) -> None:
    answer = client.get("/scorecard", params={"unit": "H44"} | MARCH).json()
    assert answer["counts"] == {
        "active": 7,
        "received": 6,
        "received_online": 2,
        "received_postal": 1,
        "ended": 4,
        "ended_on_time": 3,
        "overdue": 2,
        "on_time": 5,
        "with_fee": 2,
        "paid_online": 1,
        "e_result": 1,
        "digitised": 1,
        "reused": 1,
        "shared_store": 0,
        "population_data": 0,
        "synced": 1,
        "disliked": 1,
        "satisfied": 4,
    }
    assert answer["shares"] == {
        "on_time": 71.43,
        "online": 33.33,
        "synced": 16.67,
        "e_result": 14.29,
        "digitised": 14.29,
        "reused": 14.29,
        "shared_store": 0.0,
        "population_data": 0.0,
        "paid_online": 50.0,
        "satisfied": 57.14,
    }


def test_a_commune_has_what_it_was_handed_and_not_what_it_gave_away(client: httpx.Client, loaded: dict) -> None:
    wanted = ("active", "received", "received_online", "ended", "ended_on_time", "on_time", "overdue")
    found = {}
    for unit in ("H44.101", "H44.102", "H44.45", "H44.10", "H44.1"):
        counts = client.get("/scorecard", params={"unit": unit} | MARCH).json()["counts"]
        found[unit] = [counts[name] for name in wanted]
    assert found == {
        "H44.101": [4, 3, 1, 2, 1, 2, 2],
        "H44.102": [2, 2, 1, 1, 1, 2, 0],
        "H44.45": [1, 1, 0, 1, 1, 1, 0],
        "H44.10": [0] * 7,
        "H44.1": [0] * 7,
    }


def test_communes_are_ranked_by_what_is_on_time(client: httpx.Client, loaded: dict) -> None:
    rows = client.get("/ranking", params={"unit": "H44", "level": "commune"} | MARCH).json()["rows"]
    assert rows[:2] == [
        {"unit": "H44.102", "active": 2, "on_time": 2, "share": 100.0, "rank": 1},
        {"unit": "H44.101", "active": 4, "on_time": 2, "share": 50.0, "rank": 2},
    ]
    assert len(rows) == 148
    assert {(row["active"], row["on_time"], row["share"], row["rank"]) for row in rows[2:]} == {(0, 0, None, None)}
    [one] = client.get("/ranking", params={"unit": "H44.45", "level": "department"} | MARCH).json()["rows"]
    assert one == {"unit": "H44.45", "active": 1, "on_time": 1, "share": 100.0, "rank": 1}


def test_what_it_takes_on_disk_is_told(peer: Plain, loaded: dict) -> None:
    sizes = {each.table: each.heap + each.index for each in peer.storage()}
    assert set(sizes) == {"events", "units"}
    assert sizes["events"] > 100 * len(STORY)
    assert peer.rss() > 2**20


def test_it_is_a_peer_of_the_benchmark(postgres_dsn: str, tmp_path: Path) -> None:
    made = PEERS["plain"](tmp_path, postgres_dsn)
    try:
        assert (made.name, made.durable, made.knows_again) == ("plain", True, True)
    finally:
        made.remove()
