"""Writers beside each other: nothing lost, nothing counted twice, and nobody is told of anybody else's locks."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from app.store.proof.verify import verify
from tests.concurrency.writer import differences, write
from tests.oracle.catalogue import upsert
from tests.oracle.histories import NOW, SEED_HOLIDAYS, SEED_WORKDAYS, history
from tests.oracle.recount import Recount
from tests.running import Running
from tests.seeds import dice
from tests.store.histories import CLOCK

WRITERS = 8
SECOND_EDIT = [
    {"code": "1.000001", "fee": True, "max_working_days": 7},
    {"code": "1.000002", "max_working_days": 20},
    {"code": "9.999992", "max_working_days": 5},
    {"code": "2.000010", "fee": False, "max_working_days": None},
]


async def receipts(running: Running) -> int:
    async with running.service.database.connection("read") as connection:
        return int(await connection.fetchval("SELECT count(*) FROM receipt"))


async def the_root(running: Running) -> int:
    async with running.service.database.connection("read") as connection:
        return int(await connection.fetchval("SELECT id FROM root WHERE code = 'H44'"))


async def test_eight_processes_write_the_same_history_while_edits_fold_it_again(
    running: Running, database: str, tmp_path: Path
) -> None:
    made = history(31, 240)
    running.clock.at = NOW
    await running.catalogue(made.units, made.procedures)
    assert (await running.put("/v1/external-figures", made.external)).json()["errors"] == []
    root_id = await the_root(running)
    distinct = {(event["source"], event["id"]) for event in made.events}

    rng = dice(31)
    shares: list[list[list[dict]]] = []
    for _ in range(WRITERS):
        # Two thirds of all events, some of them twice: every event is sent by about five writers.
        events = [event for event in made.events if rng.random() < 0.66]
        events += rng.sample(made.events, len(made.events) // 10)
        rng.shuffle(events)
        batches = []
        while events:
            size = rng.choice((1, 20, 100, 300))
            batches.append(events[:size])
            del events[:size]
        shares.append(batches)
    missing = distinct - {(e["source"], e["id"]) for share in shares for batch in share for e in batch}
    shares[0].append([event for event in made.events if (event["source"], event["id"]) in missing])

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.concurrency.writer"])
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(WRITERS, context) as pool:
        tasks = [loop.run_in_executor(pool, write, database, str(tmp_path), root_id, batches) for batches in shares]
        edits_in_the_midst = []
        for share, edit in ((0.2, made.edit), (0.6, SECOND_EDIT)):
            while (before := await receipts(running)) < share * len(distinct):
                assert not all(task.done() for task in tasks), [task.exception() for task in tasks]
                await asyncio.sleep(0.01)
            answer = (await running.put("/v1/procedures", edit)).json()
            assert answer["errors"] == []
            edits_in_the_midst.append((before < len(distinct), answer["refolding"] > 0))
        told = await asyncio.gather(*tasks)
    assert edits_in_the_midst == [(True, True), (True, True)]

    sent = sum(len(batch) for share in shares for batch in share)
    assert [codes for _, _, codes in told] == [[]] * WRITERS
    assert sum(accepted for accepted, _, _ in told) == len(distinct) == await receipts(running)
    assert sum(duplicates for _, duplicates, _ in told) == sent - len(distinct)

    await running.service.refolder.finish(root_id)
    report = await verify(running.service.database, root_id, deep=True, now=CLOCK)
    assert report.clean, report
    assert report.refolding == 0
    recount = Recount(
        made.events, made.units, upsert(made.edited(), SECOND_EDIT), SEED_HOLIDAYS, external=made.external,
        seed_workdays=SEED_WORKDAYS,
    )  # fmt: skip
    units = ["H44", "H44.13", "H44.14", "H44.130", "H44.131"]
    assert await differences(running, recount, units, ["2026", "2025", "2026-Q3", "2026-11"]) == []


async def test_of_two_simultaneous_batches_with_one_id_exactly_one_is_accepted(running: Running) -> None:
    running.clock.at = NOW
    await running.catalogue()
    for number in range(10):
        event = running.event("dossier.received", f"H44.07-260105-{number:04}", procedure="1.004555", channel="online")
        told = await asyncio.gather(running.push([event]), running.push([event]))
        assert sorted((each["accepted"], each["duplicates"], each["rejected"]) for each in told) == [
            (0, 1, 0),
            (1, 0, 0),
        ]


async def test_of_two_simultaneous_contents_of_one_id_the_other_is_a_conflict(running: Running) -> None:
    running.clock.at = NOW
    await running.catalogue()
    for number in range(10):
        event = running.event("dossier.received", f"H44.07-{number}", procedure="1.004555", channel="online")
        other = event | {"subject": f"H44.07-{number}-other"}
        told = await asyncio.gather(running.push([event]), running.push([other]))
        assert sorted((each["accepted"], [error["code"] for error in each["errors"]]) for each in told) == [
            (0, ["conflict"]),
            (1, []),
        ]


async def test_many_simultaneous_batches_of_the_same_events_in_any_order_count_them_once(running: Running) -> None:
    running.clock.at = NOW
    await running.catalogue()
    events = [
        running.event("dossier.received", f"H44.07-{n % 12}", procedure="1.004555", channel="online", fee=n % 2 == 0)
        for n in range(60)
    ]
    rng = dice(5)
    told = await asyncio.gather(*(running.push(rng.sample(events, len(events))) for _ in range(12)))
    assert sum(each["accepted"] for each in told) == 60
    assert sum(each["duplicates"] for each in told) == 11 * 60
    root_id = await the_root(running)
    report = await verify(running.service.database, root_id, deep=True, now=CLOCK)
    assert report.clean, report
    answer = await running.get("/v1/scorecard", unit="H44", period="2026")
    assert answer.json()["balance"]["received"] == 12
