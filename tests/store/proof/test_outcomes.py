"""How verifications ended is kept by root and kind; a deep one stands for a plain one, never the other way round."""

from __future__ import annotations

import json
import time

import psycopg

from app.store.connections.database import Database
from app.store.proof.outcomes import Proved, keep, proved
from app.store.proof.report import Report


async def test_a_deep_verification_is_a_plain_one_and_a_plain_one_says_nothing_of_facts(postgres_database: str) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as rows:
        rows.execute("INSERT INTO root (code, rules) VALUES ('H44', 1), ('H45', 1)")
        ids: dict[str, int] = dict(rows.execute("SELECT code, id FROM root").fetchall())
    database = Database(postgres_database, 1, 1, 5)
    began = time.time()
    try:
        async with database.connection("write") as connection:

            async def after(deep: bool, report: Report) -> dict[bool, int | None]:
                await keep(connection, ids["H44"], "H44", deep, report)
                found = await proved(connection)
                assert all(type(each) is Proved and began - 1 <= each.since <= time.time() + 1 for each in found)
                assert {each.root for each in found} == {"H44"}, "of H45 there is nothing to prove"
                return {each.deep: each.differences for each in found}

            assert await proved(connection) == []
            assert await after(False, Report(differing=3)) == {False: 3}
            # Two counters, one fact, a feed, and five receipts more than events.
            found = Report(differing=2, facts_differing=1, feeds=[(1, 1)], receipts=10, logged=5)
            assert not found.clean
            assert await after(True, found) == {False: 2, True: 9}
            assert await after(False, Report()) == {False: 0, True: 9}
            assert Report(receipts=5, logged=5).clean
            assert await after(True, Report(receipts=5, logged=5)) == {False: 0, True: 0}
            told = await connection.fetch("SELECT code, root_id, unit, after::text FROM audit ORDER BY id")
            assert {row[1:3] for row in told} == {(ids["H44"], "H44")}
            assert [row[0] for row in told] == ["verify", "verify --deep", "verify", "verify --deep"]
            assert json.loads(told[0][3]) == {"cells_compared": 0, "counters_differ": 3}
            assert json.loads(told[1][3]) == {
                "cells_compared": 0, "counters_differ": 2, "lives_folded": 0, "facts_differ": 1,
                "references_broken": 0, "feeds_differ": 1, "events_logged": 5, "receipts": 10, "older_than_the_log": 0,
            }  # fmt: skip
    finally:
        await database.close()
