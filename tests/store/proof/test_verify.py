"""Verify: silent when the figures are what the events say, and precise when they are not."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest_asyncio

from app.domain.tallies.tally import FAMILIES
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Database
from app.store.grains import GRAINS
from app.store.proof.recount import _COUNTS, Difference
from app.store.proof.report import FactDifference, Report
from app.store.proof.verify import verify
from app.store.schema import TALLIES
from app.store.write.intake import Intake
from tests.store.histories import CLOCK, arrivals, province, push


@pytest_asyncio.fixture(loop_scope="function")
async def root_id(store: Database) -> int:
    """A root with some 800 events of every kind."""
    root_id = await province(store)
    await push(Intake(store, CatalogueCache(), lambda: CLOCK), root_id, arrivals(seed=3, dossiers=130))
    return root_id


async def execute(store: Database, statement: str, *values: Any) -> Any:
    async with store.connection("write") as connection:
        return await connection.fetchrow(statement, *values)


def test_the_recount_knows_every_counter_of_every_table():
    assert {family: tuple(counts) for family, counts in _COUNTS.items()} == {
        family.name: family.counters for family in FAMILIES
    }


async def test_a_root_without_events_is_clean(store: Database):
    report = await verify(store, await province(store), deep=True)
    assert report == Report(receipts=0, logged=0)
    assert report.clean


async def test_a_pushed_history_is_clean_in_every_table(store: Database, root_id: int):
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert report.differences == []
    assert report.fact_differences == []
    assert report.clean
    async with store.connection("read") as connection:
        cells = sum([await connection.fetchval(f"SELECT count(*) FROM {table.name}") for table in TALLIES.values()])
        moving = [
            await connection.fetchval(f"SELECT count(*) FROM {TALLIES[family, grain].name} WHERE received > 0")
            for family, grain in TALLIES
            if family != "document"
        ]
        subjects = await connection.fetchval("SELECT count(DISTINCT subject) FROM event")
        logged = await connection.fetchval("SELECT count(*) FROM event")
    assert report.cells_compared == cells
    assert min(moving) > 10
    assert (report.lives_refolded, report.logged, report.receipts) == (subjects, logged, logged)
    assert logged > 700


async def test_every_counter_of_every_table_is_compared(store: Database, root_id: int):
    for (family, _), table in TALLIES.items():
        name = table.name
        moved = ", ".join(
            f"{counter} = coalesce({counter}, 0) + {place}" for place, counter in enumerate(_COUNTS[family], start=1)
        )
        await execute(store, f"UPDATE {name} SET {moved} WHERE ctid = (SELECT min(ctid) FROM {name})")
        report = await verify(store, root_id)
        found = [each for each in report.differences if each.table == table.name]
        assert [each.counter for each in found] == list(_COUNTS[family])
        assert [each.tallied - each.recounted for each in found] == list(range(1, len(found) + 1))
        assert len({(each.unit, each.procedure, each.variety, each.bucket) for each in found}) == 1
    assert report.differing == sum(len(_COUNTS[family]) * len(grains) for family, grains in GRAINS.items())


async def test_one_wrong_cell_is_named_exactly(store: Database, root_id: int):
    cell = await execute(
        store,
        """
        UPDATE tally_dossier_day SET ended_late = coalesce(ended_late, 0) + 2
        WHERE ctid = (SELECT min(ctid) FROM tally_dossier_day WHERE ended > 0 AND channel = 0)
        RETURNING (SELECT code FROM unit WHERE id = unit_id), (SELECT code FROM procedure WHERE id = procedure_id),
                  to_char(bucket, 'YYYY-MM-DD') AS day, ended_late
        """,
    )
    report = await verify(store, root_id)
    assert not report.clean
    assert report.differences == [
        Difference(
            "tally_dossier_day", cell[0], cell[1], "online", date.fromisoformat(cell["day"]), "ended_late",
            cell["ended_late"], cell["ended_late"] - 2,
        )
    ]  # fmt: skip


async def test_a_missing_row_is_zeros_and_a_row_of_zeros_is_nothing(store: Database, root_id: int):
    before = await verify(store, root_id)
    gone = await execute(
        store,
        "DELETE FROM tally_petition_unit_day WHERE ctid = (SELECT min(ctid) FROM tally_petition_unit_day) RETURNING *",
    )
    await execute(
        store,
        """
        INSERT INTO tally_petition_unit_day (root_id, generation, unit_id, bucket, about)
        VALUES ($1, 1, $2, '2001-01-01', 0)
        """,
        root_id,
        gone["unit_id"],
    )
    report = await verify(store, root_id)
    assert report.cells_compared == before.cells_compared + 1
    assert {(each.counter, each.tallied, each.recounted) for each in report.differences} == {
        (counter, 0, gone[counter]) for counter in _COUNTS["petition"] if gone[counter]
    }


async def test_a_wrong_fact_is_named_by_its_subject(store: Database, root_id: int):
    row = await execute(
        store,
        """
        UPDATE life SET flags = flags # 512, faults = faults # 8
        WHERE subject = (SELECT min(subject) FROM life WHERE received_at IS NOT NULL) RETURNING subject, flags, faults
        """,
    )
    petition = await execute(
        store,
        """
        UPDATE petition SET disliked = NOT disliked WHERE subject = (SELECT max(subject) FROM petition)
        RETURNING subject, disliked, (SELECT code FROM unit WHERE id = unit_id) AS unit
        """,
    )
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert report.fact_differences == [
        FactDifference(row["subject"], "faults", str(row["faults"]), str(row["faults"] ^ 8)),
        FactDifference(row["subject"], "flags", str(row["flags"]), str(row["flags"] ^ 512)),
        FactDifference(
            petition["subject"], f"petition of {petition['unit']}: disliked",
            str(petition["disliked"]), str(not petition["disliked"]),
        ),
    ]  # fmt: skip
    # The tallies were of the right facts, so the wrong ones show there as well.
    assert {each.counter for each in report.differences} >= {"received_synced", "received_disliked"}


async def test_a_lost_row_of_the_log_is_noticed(store: Database, root_id: int):
    lost = await execute(
        store,
        """
        DELETE FROM event WHERE seq = (SELECT min(seq) FROM event WHERE type = 17)
        RETURNING subject, (SELECT name FROM source WHERE id = source_id) || ' ' || id AS name
        """,
    )
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert FactDifference(lost["subject"], "events", lost["name"], "") in report.fact_differences
    assert {each.subject for each in report.fact_differences} == {lost["subject"]}
    assert report.receipts == (report.logged or 0) + 1
    assert report.differences == []
    assert not report.clean


async def test_of_a_hole_in_the_log_the_cause_is_told_first_and_twenty_lines_a_kind(store: Database, root_id: int):
    async with store.connection("write") as connection:
        gone = await connection.fetch("DELETE FROM event WHERE time >= '2026-03-01 00:00+07' RETURNING time")
        await connection.execute("UPDATE tally_dossier_day SET received = received + 1 WHERE received IS NOT NULL")
        kept = await connection.fetchval("SELECT count(*) FROM event")
    times = [row[0] for row in gone]
    first, last = (
        datetime.fromtimestamp(at / 1e6, timezone(timedelta(hours=7))).strftime("%Y-%m-%d %H:%M")
        for at in (min(times), max(times))
    )
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert report.lacking and not report.clean
    assert len(gone) > 100 and report.facts_differing > 20 and report.differing > 20
    cause, counts, *lines = str(report).splitlines()
    assert cause == (
        f"the log lacks {len(gone):,} of the events that were taken in (lives have events of {first} to {last} that it"
        " has not); what else differs may follow from that"
    )
    assert counts == (
        f"{report.cells_compared:,} cells compared, {report.differing:,} counters differ; {report.lives_refolded:,}"
        f" lives folded anew, {report.facts_differing:,} facts differ; {kept:,} events logged, {kept + len(gone):,}"
        " receipts"
    )
    assert len(lines) == 2 * 21
    facts, cells = lines[:21], lines[21:]
    assert [each.split()[0] for each in facts[:20]] == [each.subject for each in report.fact_differences[:20]]
    assert facts[20] == f"  … and {report.facts_differing - 20:,} more"
    assert {each.split()[0] for each in cells[:20]} == {"tally_dossier_day"}
    assert cells[20] == f"  … and {report.differing - 20:,} more"


async def test_events_without_a_receipt_are_told_first(store: Database, root_id: int):
    await execute(store, "DELETE FROM receipt WHERE ctid = (SELECT min(ctid) FROM receipt)")
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert not report.lacking and report.amiss == 1
    told = str(report).splitlines()
    assert len(told) == 2
    assert told[0] == "the log has 1 events more than there are receipts; what else differs may follow from that"


async def test_lives_that_are_missing_on_either_side_are_noticed(store: Database, root_id: int):
    first, last = await execute(store, "SELECT min(subject), max(subject) FROM life WHERE unit_id IS NOT NULL")
    await execute(store, "DELETE FROM life WHERE subject = $1", first)
    await execute(store, "UPDATE life SET subject = 'Ω' || subject WHERE subject = $1", last)
    report = await verify(store, root_id, deep=True, now=CLOCK)
    named = {(each.subject, each.fact) for each in report.fact_differences}
    assert {(first, "life"), (last, "life"), ("Ω" + last, "events")} <= named


async def test_a_life_that_waits_to_be_folded_again_is_no_difference(store: Database, root_id: int):
    await execute(
        store,
        """
        WITH edited AS (UPDATE procedure SET fee = NOT fee WHERE code = '1.000001' RETURNING id, root_id),
        raised AS (UPDATE root SET revision = revision + 1 WHERE id = $1 RETURNING revision)
        INSERT INTO refold (root_id, revision, procedures, calendar, total)
        SELECT root_id, revision, ARRAY[id], false, 1 FROM edited, raised
        """,
        root_id,
    )
    report = await verify(store, root_id, deep=True, now=CLOCK)
    waiting = await execute(
        store, "SELECT count(*) FROM life WHERE procedure_id = (SELECT id FROM procedure WHERE code = '1.000001')"
    )
    assert report.clean
    assert report.refolding == waiting[0] > 0
    await execute(store, "DELETE FROM refold")
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert {each.fact for each in report.fact_differences} == {"flags"}


async def test_an_instant_ahead_of_the_clock_that_is_not_kept_is_noticed(store: Database, root_id: int):
    ahead = await execute(
        store,
        """
        UPDATE life SET ahead_until = NULL WHERE subject = (SELECT min(subject) FROM life WHERE ahead_until IS NOT NULL)
        RETURNING subject
        """,
    )
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert [(each.subject, each.fact) for each in report.fact_differences] == [(ahead["subject"], "ahead_until")]
