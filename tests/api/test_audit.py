"""`GET /v1/audit`: exactly what was done, by whom, with what stood before and after; and nothing that was not."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from app.store import audit, keys
from app.store.catalogues import removal, roots
from app.store.connections.database import Connection
from tests.api.asking import of_problem
from tests.running import EPOCH, Running

VN = timezone(timedelta(hours=7))
SEVEN = {"code": "H44.07", "name": "Sở Công Thương và Năng lượng"}
TELLING = ("action", "kind", "code", "unit", "before", "after")


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def listed(served: Running, key: str | None = None, **query: Any) -> list[dict]:
    answer = await served.get("/v1/audit", key, **query)
    assert answer.status_code == 200, answer.text
    items: list[dict] = answer.json()["items"]
    return items


async def since(served: Running, before: list[dict], **query: Any) -> list[tuple]:
    """What was told after `before` was, oldest first."""
    now = await listed(served, **query)
    fresh = now[: len(now) - len(before)]
    assert now[len(fresh) :] == before, "what was told stays"
    return [tuple(each[name] for name in TELLING) for each in reversed(fresh)]


async def test_an_entry_says_who_when_and_with_which_request(served: Running) -> None:
    [key_id] = [served.key.split("_")[1]]
    async with served.service.database.connection("write") as connection:
        await connection.execute("UPDATE api_key SET name = 'phòng CNTT' WHERE id = $1", key_id)
    began = datetime.now(VN)
    answer = await served.put("/v1/units", [SEVEN])
    entry = (await listed(served))[0]
    assert began <= datetime.fromisoformat(entry.pop("at")) <= datetime.now(VN), "the database's clock, not another"
    assert entry == {
        "by": "key", "actor": key_id, "actor_name": "phòng CNTT", "action": "changed", "kind": "units",
        "code": "H44.07", "unit": "H44.07", "before": {"name": "Sở Công Thương"},
        "after": {"name": "Sở Công Thương và Năng lượng"}, "request_id": answer.headers["x-request-id"],
    }  # fmt: skip


CHANGES: list[tuple[str, dict, tuple]] = [
    (
        "units", {"code": "H44.15", "name": "Sở Y tế", "level": "department", "aliases": ["000.00.15.H44"]},
        ("created", "units", "H44.15", "H44.15", None,
         {"name": "Sở Y tế", "level": "department", "aliases": ["000.00.15.H44"]}),
    ),
    (
        "units", {"code": "H44.13", "valid_to": "2026-06-30", "successor": "H44.07"},
        ("changed", "units", "H44.13", "H44.13", {"valid_to": None, "successor": None},
         {"valid_to": "2026-06-30", "successor": "H44.07"}),
    ),
    (
        "procedures", {"code": "1.004555", "fee": False, "max_working_days": 5, "name": "Cấp giấy phép"},
        ("changed", "procedures", "1.004555", "H44", {"fee": True, "max_working_days": None},
         {"fee": False, "max_working_days": 5}),
    ),
    (
        "targets", {"indicator": "DOSSIER_ON_TIME", "level": "commune", "period": "2026", "value": 95.5},
        ("created", "targets", "DOSSIER_ON_TIME/commune/2026", "H44", None, {"value": 95.5}),
    ),
    (
        "targets", {"indicator": "DOSSIER_ON_TIME", "unit": "H44.07", "period": "2026", "value": 90},
        ("created", "targets", "DOSSIER_ON_TIME/H44.07/2026", "H44.07", None, {"value": 90}),
    ),
    (
        "targets", {"indicator": "DOSSIER_ON_TIME", "unit": "H44.07", "period": "2026", "value": None},
        ("removed", "targets", "DOSSIER_ON_TIME/H44.07/2026", "H44.07", {"value": 90}, None),
    ),
    (
        "external-figures", {"code": "DTI", "unit": "H44", "period": "2025", "value": 0.7123, "rank": 3, "of": 34},
        ("created", "external-figures", "DTI/H44/2025", "H44", None, {"value": 0.7123, "rank": 3, "of": 34}),
    ),
    (
        "external-figures", {"code": "DTI", "unit": "H44", "period": "2025", "value": None, "rank": None, "of": None},
        ("removed", "external-figures", "DTI/H44/2025", "H44", {"value": 0.7123, "rank": 3, "of": 34}, None),
    ),
    (
        "calendar", {"date": "2026-03-04", "kind": "holiday", "name": "Lễ của tỉnh"},
        ("created", "calendar", "2026-03-04", "H44", None, {"kind": "holiday", "name": "Lễ của tỉnh"}),
    ),
    (
        "calendar", {"date": "2026-03-04", "kind": "workday"},
        ("changed", "calendar", "2026-03-04", "H44", {"kind": "holiday"}, {"kind": "workday"}),
    ),
]  # fmt: skip


async def test_every_change_of_a_catalogue_is_told_with_what_differs_and_the_same_again_is_none(
    served: Running,
) -> None:
    for kind, row, expected in CHANGES:
        before = await listed(served)
        for _ in range(2):
            answer = await served.put(f"/v1/{kind}", [row])
            assert (answer.status_code, answer.json()["accepted"]) == (200, 1), answer.text
        assert await since(served, before) == [expected]


async def test_many_rows_are_an_entry_each_where_they_changed_in_order_of_their_codes(served: Running) -> None:
    rows = [{"code": f"2.{n:06}", "name": f"Thủ tục {n}", "levels": ["commune"]} for n in range(3_000)]
    await served.put("/v1/procedures", rows[:1_000])
    before = await listed(served, limit=1)
    assert before[0]["code"] == "2.000999"
    assert (await served.put("/v1/procedures", rows[::-1])).json()["accepted"] == 3_000
    async with served.service.database.connection("read") as connection:
        told = await connection.fetch("SELECT code, at FROM audit WHERE code LIKE '2.%' ORDER BY id")
    assert [row["code"] for row in told] == [row["code"] for row in rows]
    assert len({row["at"] for row in told[1_000:]}) == 1


async def test_what_was_refused_or_failed_leaves_no_entry(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await listed(served)
    bad = {"code": "H44.98", "name": "x", "successor": "H44.97"}
    assert (await served.put("/v1/units", [bad])).json()["rejected"] == 1
    assert (await served.put("/v1/units", [{"code": "H44.07", "nom": "x"}])).json()["rejected"] == 1
    of_reader = await served.make_key("H44.07", "read", "ingest")
    before = await listed(served)
    assert (await served.put("/v1/units", [SEVEN], of_reader)).status_code == 403

    async def fails(*_: object) -> int:
        raise RuntimeError("after everything else was written")

    real = audit.write

    async def writes_and_fails(connection: Connection, *arguments: Any) -> None:
        await real(connection, *arguments)
        await fails()

    with monkeypatch.context() as broken:
        broken.setattr(audit, "write", writes_and_fails)
        assert (await served.put("/v1/units", [SEVEN])).status_code == 500
    assert await since(served, before) == []
    # Neither the change: never one without the other.
    assert (await served.get("/v1/units/H44.07")).json()["name"] == "Sở Công Thương"


async def test_two_edits_at_once_are_told_in_the_order_in_which_they_were_made(served: Running) -> None:
    before = await listed(served)
    names = [f"Sở {n}" for n in range(8)]
    await asyncio.gather(*(served.put("/v1/units", [{"code": "H44.07", "name": name}]) for name in names))
    told = await since(served, before)
    stood = ["Sở Công Thương", *(each[5]["name"] for each in told)]
    assert [each[4]["name"] for each in told] == stood[:-1], "each began where the one before ended"
    assert sorted(stood[1:]) == names
    assert (await served.get("/v1/units/H44.07")).json()["name"] == stood[-1]


async def test_a_catalogue_taken_out_and_put_back_tells_only_what_was_changed_between(served: Running) -> None:
    taken = await served.get("/v1/units", format="csv")
    await served.put("/v1/units", [SEVEN])
    before = await listed(served)
    headers = {"Authorization": f"Bearer {served.key}", "Content-Type": "text/csv"}
    answer = await served.client.put("/v1/units", content=taken.content, headers=headers)
    assert answer.json()["errors"] == []
    # What was in effect stands in the table, and is said from now on.
    parents = [("changed", "units", code, code, {"parent": None}, {"parent": "H44"}) for code in ("H44.13", "H44.130")]
    name = ({"name": SEVEN["name"], "parent": None}, {"name": "Sở Công Thương", "parent": "H44"})
    assert await since(served, before) == [("changed", "units", "H44.07", "H44.07", *name), *parents]
    before = await listed(served)
    await served.client.put("/v1/units", content=taken.content, headers=headers)
    assert await since(served, before) == []


async def test_keys_and_roots_are_told_without_what_a_key_is_known_by(served: Running) -> None:
    async with served.service.database.connection("write") as connection:
        role = await connection.fetchval("SELECT session_user")
        root_id = await roots.ensure(connection, "H45")
        pepper = served.service.pepper
        key = await keys.create(connection, pepper, root_id, "H45.01", ("read", "admin"), "IOC")
        of_root = await keys.create(connection, pepper, root_id, "H45", ("admin",))
        key_id = key.split("_")[1]
        assert await keys.revoke(connection, key_id)
        assert not await keys.revoke(connection, key_id), "it is revoked already"
    items = await listed(served, of_root)
    assert {(each["by"], each["actor"], each["request_id"]) for each in items} == {("command_line", role, None)}
    about = {"scopes": ["read", "admin"], "name": "IOC"}
    assert [tuple(each[name] for name in TELLING) for each in reversed(items)] == [
        ("created", "root", "H45", "H45", None, None),
        ("created", "key", key_id, "H45.01", None, about),
        ("created", "key", of_root.split("_")[1], "H45", None, {"scopes": ["admin"], "name": ""}),
        ("revoked", "key", key_id, "H45.01", about, None),
    ]
    assert key.split("_", 2)[2] not in json.dumps(items)
    assert {each["unit"] for each in await listed(served)}.isdisjoint({"H45", "H45.01"}), "another root's"


async def test_the_end_of_a_root_is_told_to_who_begins_it_again(served: Running) -> None:
    admin = await served.make_key("H45", "admin")
    await served.put("/v1/units", [{"code": "H45", "level": "province", "name": "Tỉnh"}], admin)
    async with served.service.database.transaction() as connection:
        [(root_id, _)] = await roots.found(connection, "H45")
        await removal.remove(connection, root_id)
    again = await served.make_key("H45", "admin")
    counts = {"units": 1, "procedures": 0, "keys": 1, "events": 0, "lives": 0}
    assert [(each["action"], each["kind"], each["before"]) for each in await listed(served, again)] == [
        ("created", "key", None), ("created", "root", None), ("removed", "root", counts)
    ]  # fmt: skip
    async with served.service.database.connection("read") as connection:
        kept = await connection.fetch("SELECT action, kind FROM audit WHERE root_id = $1 ORDER BY id", root_id)
        assert [tuple(row) for row in kept] == [("created", "root"), ("created", "key"), ("created", "units")]


async def test_an_admin_sees_its_own_subtree_and_only_admins_see_anything(served: Running) -> None:
    await served.put("/v1/units", [{"code": "H44.07.01", "name": "Phòng"}, {"code": "H44.071", "name": "Khác"}, SEVEN])
    await served.put("/v1/calendar", [{"date": "2026-03-04", "kind": "holiday"}])
    seven = await served.make_key("H44.07", "admin")
    found = await listed(served, seven)
    assert {each["unit"] for each in found} == {"H44.07", "H44.07.01"}
    assert found == await listed(served, unit="H44.07")
    assert of_problem(await served.get("/v1/audit", seven, unit="H44")) == (403, "forbidden_unit", "unit")
    assert of_problem(await served.get("/v1/audit", unit="H44.99")) == (404, "unknown_unit", "unit")
    for scope in ("read", "ingest"):
        key = await served.make_key("H44", scope)
        assert of_problem(await served.get("/v1/audit", key)) == (403, "forbidden_scope", None)
    told = await served.get("/v1/audit", key, headers={"Accept-Language": "vi"})
    assert told.json()["detail"] == "lời gọi này cần khóa API có quyền admin"
    assert (await served.get("/v1/audit", "")).status_code == 401


async def test_it_is_filtered_by_kind_actor_and_days(served: Running) -> None:
    other = await served.make_key("H44", "admin")
    await served.put("/v1/units", [SEVEN])
    await served.put("/v1/calendar", [{"date": "2026-03-04", "kind": "holiday"}], other)
    async with served.service.database.connection("write") as connection:
        for code, at in (("H44.07", "2026-02-28T23:59:59.999999+07:00"), ("2026-03-04", "2026-03-01T00:00:00+07:00")):
            moved = (datetime.fromisoformat(at) - EPOCH) // timedelta(microseconds=1)
            await connection.execute(
                "UPDATE audit SET at = $1 WHERE code = $2 AND action <> 'created' OR code = $2 AND kind = 'calendar'",
                moved, code,
            )  # fmt: skip
    february, march = {"from": "2026-02-28", "to": "2026-02-28"}, {"from": "2026-03-01", "to": "2026-03-01"}

    async def codes(**query: Any) -> list[str]:
        return [each["code"] for each in await listed(served, **query)]

    assert await codes(**february) == ["H44.07"]
    assert await codes(**march) == ["2026-03-04"]
    assert await codes(to="2026-03-01") == ["2026-03-04", "H44.07"]
    assert await codes(kind="calendar") == ["2026-03-04"]
    assert await codes(actor=other.split("_")[1]) == ["2026-03-04"]
    assert await codes(kind="units", actor=other.split("_")[1]) == []
    assert {each["kind"] for each in await listed(served, **{"from": "2026-03-02"})} == {
        "key",
        "root",
        "units",
        "procedures",
    }
    wrong: list[tuple[dict[str, Any], tuple]] = [
        ({"kind": "unit"}, (422, "invalid_parameter", "kind")),
        ({"actor": ""}, (422, "invalid_parameter", "actor")),
        ({"from": "2026-2-1"}, (422, "invalid_period", "from")),
        ({"who": "x"}, (422, "invalid_parameter", "who")),
    ]
    for query, found in wrong:
        assert of_problem(await served.get("/v1/audit", **query)) == found, query


async def test_pages_go_on_where_the_one_before_ended_while_new_entries_arrive(served: Running) -> None:
    for n in range(7):
        await served.put("/v1/units", [{"code": "H44.07", "name": f"Sở {n}"}])
    found: list[str] = []
    query: dict[str, Any] = {"limit": 3, "kind": "units"}
    while True:
        told = (await served.get("/v1/audit", **query)).json()
        found += [each["after"]["name"] for each in told["items"]]
        if told["next"] is None:
            break
        query["cursor"] = told["next"]
        await served.put("/v1/units", [{"code": "H44.13", "name": f"mới {len(found)}"}])
    names = ["UBND xã Tu Vũ", "Sở Tài chính", "Sở Công Thương", "UBND tỉnh Phú Thọ"]
    assert found == [*(f"Sở {n}" for n in reversed(range(7))), *names]
    assert of_problem(await served.get("/v1/audit", cursor=query["cursor"]))[1:] == ("invalid_parameter", "cursor")


async def test_the_table_has_before_and_after_as_json(served: Running) -> None:
    await served.put("/v1/units", [{"code": "H44.07", "name": "Sở Công Thương, mới"}])
    answer = await served.get("/v1/audit", headers={"Accept": "text/csv"}, limit=1)
    [head, row] = csv.reader(io.StringIO(answer.text))
    assert head == [
        "at",
        "by",
        "actor",
        "actor_name",
        "action",
        "kind",
        "code",
        "unit",
        "before",
        "after",
        "request_id",
    ]
    assert row[4:8] == ["changed", "units", "H44.07", "H44.07"]
    assert [json.loads(each) for each in row[8:10]] == [{"name": "Sở Công Thương"}, {"name": "Sở Công Thương, mới"}]
    assert 'rel="next"' in answer.headers["link"]


async def test_of_a_long_value_the_beginning_is_kept(served: Running) -> None:
    aliases = [f"{n:06}" for n in range(1_000)]
    assert (await served.put("/v1/units", [{"code": "H44.07", "aliases": aliases}])).json()["errors"] == []
    [entry] = await listed(served, limit=1)
    assert entry["before"] == {"aliases": []}
    whole = json.dumps(aliases, separators=(",", ":"))
    assert entry["after"] == {"aliases": whole[:4_000] + "…"}
