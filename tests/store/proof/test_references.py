"""A log and lives that name what is not there: told by name, and everything else goes on."""

from __future__ import annotations

from typing import Any

from app.domain.lives.events import DossierTransferred
from app.store.connections.database import Database
from app.store.proof.rebuild import rebuild
from app.store.proof.references import Broken
from app.store.proof.verify import verify
from app.store.write.intake import Intake
from tests.store.histories import CLOCK, arrivals, province, push


async def rows(store: Database, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with store.connection("write") as connection:
        return [tuple(row) for row in await connection.fetch(statement, *values)]


async def test_broken_references_are_named_and_the_rest_is_proved_and_rebuilt(store: Database, intake: Intake) -> None:
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=21, dossiers=60))
    (lost_unit,) = await rows(
        store,
        "SELECT unit.id, code FROM unit JOIN event ON unit_id = unit.id GROUP BY 1, 2 ORDER BY count(*), 1 LIMIT 1",
    )
    logged = await rows(store, "SELECT count(*), min(subject) FROM event WHERE unit_id = $1", lost_unit[0])
    [(subject,)] = await rows(
        store,
        "SELECT min(subject) FROM life WHERE receiving_unit_id <> $1 AND procedure_id IS NOT NULL",
        lost_unit[0],
    )
    (source,) = await rows(
        store, "SELECT source_id, count(*) FROM event WHERE subject = $1 GROUP BY 1 LIMIT 1", subject
    )
    await rows(store, "UPDATE event SET source_id = 777 WHERE subject = $1 AND source_id = $2", subject, source[0])
    await rows(store, "UPDATE life SET procedure_id = 888 WHERE subject = $1", subject)
    await rows(store, "DELETE FROM unit WHERE id = $1", lost_unit[0])
    await rows(store, "UPDATE root SET revision = revision + 1")

    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert not report.clean
    assert report.broken[:2] == [
        Broken("event", "source_id", 777, source[1], subject),
        Broken("event", "unit_id", lost_unit[0], *logged[0]),
    ]
    assert Broken("life", "procedure_id", 888, 1, subject) in report.broken
    assert f"{subject} event: source_id 777 is not there ({source[1]} rows name it)" in str(report)

    [(before,)] = await rows(store, "SELECT count(*) FROM life WHERE unit_id <> $1", lost_unit[0])
    rebuilt = await rebuild(store, intake, root_id)
    assert list(rebuilt.broken) == report.broken[:2]
    # Also those that were handed over to the unit, whom the log names by its code.
    handed = "type = $2 AND position($3 IN encode(what, 'escape')) > 0"
    [(handed_over,)] = await rows(
        store,
        f"SELECT count(*) FROM event WHERE unit_id <> $1 AND {handed}",
        lost_unit[0],
        DossierTransferred.code,
        lost_unit[1],
    )
    assert rebuilt.left_out == {f"#{lost_unit[0]}": logged[0][0], lost_unit[1]: handed_over}
    assert f"unit #{lost_unit[0]} is not there: {logged[0][0]} events are left out" in str(rebuilt)
    after = await verify(store, root_id, deep=True, now=CLOCK)
    assert (after.differing, after.broken) == (0, report.broken[:2])
    [(kept,)] = await rows(store, "SELECT count(*) FROM life WHERE unit_id IS NOT NULL")
    assert kept >= before > 0
    assert await rows(store, "SELECT DISTINCT code FROM procedure JOIN life ON procedure.id = procedure_id") != []
