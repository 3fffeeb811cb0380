"""From the last release to this version: nothing is lost, figures stay, and everything goes on."""

from __future__ import annotations

import json

from app.domain.lives import life
from app.store import migrate
from app.store.proof.verify import verify
from tests.conftest import create_extension
from tests.store.described import described
from tests.store.histories import CLOCK, arrivals, push
from tests.store.released import FILE, LAST_RELEASE, answers, load, rows_of, serving

TOLD = json.loads(FILE.read_text())


async def test_a_filled_database_of_the_last_release(engine: str, database: str, empty_database: str) -> None:
    create_extension(empty_database, engine)
    migrate.upgrade(empty_database, to=LAST_RELEASE)
    load(empty_database, TOLD["rows"])
    assert rows_of(empty_database) == TOLD["rows"], "the file is of another schema than the release's"

    migrate.upgrade(empty_database)
    assert described(empty_database) == described(database)
    async with serving(empty_database) as running:
        assert await answers(running) == TOLD["answers"]
        database_, intake, refolder = running.service.database, running.service.intake, running.service.refolder
        report = await verify(database_, 1, deep=True, now=CLOCK)
        assert report.clean, f"the fold says otherwise than the release's: raise RULES in {life.__file__}\n{report}"
        assert 0 < report.refolding <= report.lives_refolded

        # Everything goes on, with the numbers that come after those that are there.
        await refolder.finish(1)
        await push(intake, 1, arrivals(seed=767, dossiers=15))
        report = await verify(database_, 1, deep=True, now=CLOCK)
        assert report.clean, str(report)
        assert report.refolding == 0
