"""Keys: who may do what, and how far a key reaches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app.main import create_app, create_service
from app.settings import AuthSettings
from app.store import keys
from app.store.connections.database import Connection, Database
from app.store.connections.unavailable import DatabaseUnavailable
from tests.api.asking import ONE, card, of_errors, of_problem, reception
from tests.faults.serving import free_port
from tests.running import PROCEDURES, Running, settings_for

SINGLE = "application/cloudevents+json"
READS = [
    "/v1/scorecard?unit=H44&period=2026", "/v1/indicators", "/v1/units", "/v1/units/H44", "/v1/procedures",
    "/v1/procedures/1.004555", "/v1/targets", "/v1/external-figures", "/v1/calendar",
]  # fmt: skip
CATALOGUES = ["/v1/units", "/v1/procedures", "/v1/targets", "/v1/external-figures", "/v1/calendar"]


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def every_call(served: Running, header: str | None) -> dict[str, httpx.Response]:
    """Every call that needs a key, with this Authorization header."""
    headers = {} if header is None else {"Authorization": header}
    event = json.dumps(reception(served)).encode()
    push = await served.client.post("/v1/events", content=event, headers=headers | {"content-type": SINGLE})
    told = {"push": push}
    for path in READS:
        told[path] = await served.client.get(path, headers=headers)
    for path in CATALOGUES:
        told[f"put {path}"] = await served.client.put(path, json=[], headers=headers)
    return told


async def test_without_a_valid_key_nothing_is_told_and_nothing_taken(served: Running) -> None:
    kind, key_id, secret = served.key.split("_", 2)
    for header in (
        None, "", "Bearer", "Bearer ", f"Basic {served.key}", served.key, f"Token {served.key}", "Bearer unknown",
        f"Bearer {served.key}x", f"Bearer {served.key[:-1]}", f"Bearer {kind}_{key_id}_", f"Bearer {kind}__{secret}",
        f"Bearer {kind}_{key_id}", f"Bearer {kind.upper()}_{key_id}_{secret}", f"Bearer {served.key} {served.key}",
        "Bearer " + "x" * 8000, "Bearer chiso_'; --_x", "Bearer chiso_%00_x",
    ):  # fmt: skip
        answers = await every_call(served, header)
        told = {call: of_problem(answer) for call, answer in answers.items()}
        assert told == dict.fromkeys(answers, (401, "unauthenticated", None)), header
        assert all(answer.headers["www-authenticate"].startswith("Bearer") for answer in answers.values())
    assert (await card(served))["balance"]["received"] == 0


async def test_odd_bytes_in_a_key_are_no_key(served: Running) -> None:
    for value in (b"Bearer chiso_\xff_x", b"Bearer chiso_a\xc3\xa9_x", b"Bearer \xe2\x80\x8b", b"\xff\xff"):
        answer = await served.client.get("/v1/units", headers=[(b"authorization", value)])
        assert of_problem(answer) == (401, "unauthenticated", None)


async def test_the_word_bearer_may_be_written_in_any_case(served: Running) -> None:
    for header in (f"bearer {served.key}", f"BEARER  {served.key} "):
        assert (await served.client.get("/v1/units", headers={"Authorization": header})).status_code == 200


async def test_each_scope_opens_its_own_calls_only(served: Running) -> None:
    for scope in keys.SCOPES:
        answers = await every_call(served, f"Bearer {await served.make_key('H44', scope)}")
        needed = {call: "ingest" if call == "push" else "admin" if call[:3] == "put" else "read" for call in answers}
        for call, answer in answers.items():
            # Who may write the catalogues may look at them, and at what comes of them.
            if needed[call] == scope or (scope, needed[call]) == ("admin", "read"):
                assert answer.status_code == 200, (call, answer.text)
            else:
                assert of_problem(answer) == (403, "forbidden_scope", None), (scope, call)


async def test_a_key_writes_within_its_subtree_by_dotted_segments(served: Running) -> None:
    await served.put("/v1/units", [{"code": "H44.13.1", "level": "department"}])
    key = await served.make_key("H44.13", "ingest")
    units = ["H44.13", "H44.130", "H44.13.1", "H44", "H44.07", "H44.1", "H45", "000.00.30.H44"]
    outcome = await served.push([reception(served, f"of {unit}", unit) for unit in units], key)
    assert of_errors(outcome) == dict.fromkeys((1, 3, 4, 5, 6, 7), ("forbidden_unit", "unit"))
    assert outcome["accepted"] == 2
    for unit in ("H44.130", "H44", "000.00.30.H44"):
        alone = await served.post(json.dumps(reception(served, unit=unit)).encode(), SINGLE, key)
        assert of_problem(alone) == (403, "forbidden_unit", "unit")


async def test_a_key_writes_to_an_alias_of_a_unit_it_reaches(served: Running) -> None:
    key = await served.make_key("H44.130", "ingest")
    assert await served.push([reception(served, unit="000.00.30.H44")], key) == ONE


async def test_a_key_may_hand_a_dossier_to_a_unit_it_does_not_reach(served: Running) -> None:
    key = await served.make_key("H44.07", "ingest")
    outcome = await served.push([reception(served), served.event("dossier.transferred", to="H44.13")], key)
    assert outcome["accepted"] == 2
    assert (await card(served, "H44.13"))["balance"]["received"] == 1


async def test_a_key_reads_within_its_subtree_by_dotted_segments(served: Running) -> None:
    await served.put("/v1/units", [{"code": "H44.13.1", "level": "department"}])
    key = await served.make_key("H44.13", "read")
    for unit in ("H44.13", "H44.13.1"):
        assert (await card(served, unit, key=key))["unit"]["code"] == unit
        assert (await served.get(f"/v1/units/{unit}", key)).status_code == 200
    for unit in ("H44.130", "H44", "H44.1", "H45", "000.00.30.H44", "H44.999"):
        refused = (403, "forbidden_unit", "unit")
        assert of_problem(await served.get("/v1/scorecard", key, unit=unit, period="2026")) == refused
        assert of_problem(await served.get(f"/v1/units/{unit}", key)) == refused
    answer = await served.get("/v1/scorecard", key, unit="H44.13.99", period="2026")
    assert of_problem(answer) == (404, "unknown_unit", "unit")
    assert [row["code"] for row in (await served.get("/v1/units", key)).json()] == ["H44.13", "H44.13.1"]


async def test_a_key_edits_catalogues_within_its_subtree_only(served: Running) -> None:
    key = await served.make_key("H44.13", "admin")
    units = await served.put("/v1/units", [{"code": code} for code in ("H44.13", "H44.13.7", "H44.130", "H44")], key)
    assert of_errors(units.json()) == dict.fromkeys((2, 3), ("forbidden_unit", "code"))
    for path, row, field in (
        ("/v1/procedures", {"code": "1.000009"}, "code"),
        ("/v1/calendar", {"date": "2026-01-05", "kind": "holiday"}, "date"),
        ("/v1/targets", {"indicator": "DOSSIER_ON_TIME", "unit": "H44.130", "period": "2026", "value": 9}, "unit"),
        ("/v1/external-figures", {"code": "DTI", "unit": "H44", "period": "2026", "value": 1}, "unit"),
    ):
        assert of_errors((await served.put(path, [row], key)).json()) == {0: ("forbidden_unit", field)}


async def test_a_key_of_another_root_sees_nothing_of_this_one(served: Running) -> None:
    other = await served.make_key("H45", "ingest", "read", "admin")
    event = reception(served)
    await served.push([event])
    assert of_errors(await served.push([event], other)) == {0: ("forbidden_unit", "unit")}
    assert (await served.get("/v1/units", other)).json() == []
    assert (await served.get("/v1/procedures", other)).json() == []
    assert of_problem(await served.get("/v1/procedures/1.004555", other))[:2] == (404, "not_found")
    assert (await served.put("/v1/units", [{"code": "H45", "level": "province"}], other)).json()["accepted"] == 1
    same_id = event | {"unit": "H45"}
    assert await served.push([same_id], other) | {"warnings": []} == ONE | {"warnings": []}
    assert (await card(served, "H45", key=other))["balance"]["received"] == 1
    assert (await card(served, "H44"))["balance"]["received"] == 1


async def test_a_roots_key_works_before_any_unit_is_loaded(running: Running) -> None:
    key = await running.make_key("H46", "ingest", "read", "admin")
    assert (await running.get("/v1/units", key)).json() == []
    assert of_problem(await running.get("/v1/scorecard", key, unit="H46", period="2026"))[:2] == (404, "unknown_unit")
    outcome = await running.push([reception(running, unit="H46")], key)
    assert of_errors(outcome) == {0: ("unknown_unit", "unit")}
    units = [{"code": "H46", "level": "province"}, {"code": "H46.07", "level": "department"}]
    assert (await running.put("/v1/units", units[:1], key)).json()["accepted"] == 1
    assert (await running.put("/v1/units", units, key)).json()["accepted"] == len(units)
    assert (await running.put("/v1/procedures", PROCEDURES, key)).json()["accepted"] == len(PROCEDURES)
    assert await running.push([reception(running, unit="H46.07")], key) == ONE
    assert (await card(running, "H46", key=key))["balance"]["received"] == 1


async def test_a_revoked_key_is_refused_at_the_very_next_call(served: Running) -> None:
    key = await served.make_key("H44", "ingest", "read")
    assert await served.push([reception(served, "one")], key) == ONE
    async with served.service.database.connection("write") as connection:
        assert await keys.revoke(connection, key.split("_")[1])
        assert not await keys.revoke(connection, key.split("_")[1])
    body = json.dumps(reception(served, "two")).encode()
    assert of_problem(await served.post(body, SINGLE, key)) == (401, "unauthenticated", None)
    assert of_problem(await served.get("/v1/units", key)) == (401, "unauthenticated", None)
    assert (await card(served))["balance"]["received"] == 1


async def test_reading_is_open_only_on_loopback_and_only_when_set(
    served: Running, database: str, tmp_path: Path
) -> None:
    for address, opened, status in (
        ("127.0.0.1", True, 200), ("::1", True, 200), ("127.0.0.1", False, 401), ("192.0.2.7", True, 401),
        ("somewhere", True, 401),
    ):  # fmt: skip
        settings = settings_for(database, tmp_path)
        settings.auth = AuthSettings(pepper="a pepper for tests, as long as it is to be", open_reading=opened)
        service = create_service(settings, database, served.clock)
        transport = httpx.ASGITransport(create_app(service), client=(address, 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
            for path in READS:
                assert (await client.get(path)).status_code == status, (address, opened, path)
            headers = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
            assert (await client.get("/v1/units", headers=headers)).status_code == status
            event = json.dumps(reception(served)).encode()
            refused = [
                await client.post("/v1/events", content=event, headers={"content-type": SINGLE}),
                await client.put("/v1/units", json=[]),
                await client.get("/v1/units", headers={"Authorization": "Bearer wrong"}),
            ]
            assert list(map(of_problem, refused)) == [(401, "unauthenticated", None)] * 3
        await service.database.close()


async def test_nothing_of_a_keys_secret_is_in_the_database(served: Running) -> None:
    key = await served.make_key("H44", "ingest", "read", "admin")
    await served.push([reception(served)], key)
    await served.put("/v1/external-figures", [{"code": "DTI", "unit": "H44", "period": "2026", "value": 1}], key)
    _, key_id, secret = key.split("_", 2)
    found = []
    async with served.service.database.connection("read") as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for name in (row["tablename"] for row in tables):
            text = str(await connection.fetchval(f"SELECT string_agg(t::text, '|') FROM {name} AS t"))
            found += [name] if secret in text or secret.encode().hex() in text or secret[:12] in text else []
            if name == "api_key":
                assert key_id in text
    assert found == []


async def test_a_key_under_another_pepper_is_the_operators_fault(
    served: Running, database: str, tmp_path: Path
) -> None:
    settings = settings_for(database, tmp_path)
    settings.auth = AuthSettings(pepper="another pepper")
    service = create_service(settings, database)
    transport = httpx.ASGITransport(create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://chiso.test") as client:
        answer = await client.get("/v1/units", headers={"Authorization": f"Bearer {served.key}"})
        unknown = await client.get("/v1/units", headers={"Authorization": "Bearer chiso_0123456789ab_x"})
    assert of_problem(answer) == (503, "database_unavailable", None)
    assert of_problem(unknown) == (401, "unauthenticated", None)
    await service.database.close()


class Counted(Database):
    """A database that counts how often a connection is asked for."""

    asked = 0

    @asynccontextmanager
    async def connection(self, name: str, seconds: float | None = None) -> AsyncIterator[Connection]:
        self.asked += 1
        async with super().connection(name, seconds) as connection:
            yield connection


async def test_calls_of_one_moment_ask_for_their_keys_together(served: Running, database: str) -> None:
    good = [await served.make_key("H44", "read") for _ in range(3)]
    revoked = await served.make_key("H44", "read")
    async with served.service.database.connection("write") as connection:
        assert await keys.revoke(connection, revoked.split("_")[1])
    async with served.service.database.connection("write") as connection:
        # As if each had been used today: nothing is to be written down.
        await connection.execute("UPDATE api_key SET used_at = now()")
    counted = Counted(database, 1, 4, 5)
    looked_up = keys.Keys(counted, served.service.pepper)
    found = await asyncio.gather(*map(looked_up.find, (*good, f"{good[0]}x", revoked, "no key", *good * 20)))
    ids = [text.split("_")[1] for text in good]
    assert [key and key.id for key in found] == [*ids, None, None, None, *ids * 20]
    assert counted.asked == 1
    await counted.close()


async def test_a_key_revoked_while_another_call_is_answered_is_refused_at_the_next(served: Running) -> None:
    key = await served.make_key("H44", "read")
    key_id = key.split("_")[1]
    for _ in range(5):
        assert await served.service.keys.find(key) is not None
    # A look-up under way began before the revocation; who comes after it must not share its answer.
    early = asyncio.create_task(served.service.keys.find(key))
    await asyncio.sleep(0)
    async with served.service.database.connection("write") as connection:
        assert await keys.revoke(connection, key_id)
    assert await served.service.keys.find(key) is None
    await early


async def test_when_the_database_cannot_be_asked_everybody_who_waits_is_told(served: Running, tmp_path: Path) -> None:
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    service = create_service(settings_for(away, tmp_path), away)
    told = await asyncio.gather(*(service.keys.find(served.key) for _ in range(5)), return_exceptions=True)
    assert [type(each) for each in told] == [DatabaseUnavailable] * 5
    # The next call asks anew.
    with pytest.raises(DatabaseUnavailable):
        await service.keys.find(served.key)
