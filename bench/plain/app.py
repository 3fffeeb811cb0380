"""The plain peer: the same task as a competent team does it in a week with the same packages, an honest competitor.

FastAPI, msgspec, SQLAlchemy over asyncpg; one table of events with (source, id) as its key; one INSERT … ON CONFLICT DO
NOTHING a request, committed before the answer; figures counted by SQL whenever somebody asks. Written from the contract
of the service's HTTP interface, without a look at how the service does it.

What it does not do: keys and rights; a reason for each event of a batch (one that is unsound refuses the request); a
conflict told from a duplicate; retractions; catalogues of procedures (fees and due times are what the events say, a
dossier without a due time is never late, every procedure issues a document) and of days (no working days); more than
one pause a dossier; flags that are taken back; petitions, publications, documents and points; merged units; ETags,
streams, lists behind a number, and any way to prove that a figure is right.

`uvicorn --factory bench.plain.app:create_app`, with the database's address in PLAIN_DSN.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Any, Final

import asyncpg
import msgspec
from fastapi import FastAPI, Query, Request, Response
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bench.plain import figures
from bench.plain.events import Unsound, rows
from bench.plain.schema import INSERT, INSERT_ONE, metadata, units

_WRITERS: Final = 16
_READERS: Final = 4
_READING: Final = {
    # A year of a province is aggregated by subject in memory; compiling takes longer than most of these queries.
    "work_mem": "64MB",
    "jit": "off",
    # Its pages are in memory more often than not, and those on a disk without a moving head.
    "random_page_cost": "1.1",
    # A plan for a commune is no plan for a province.
    "plan_cache_mode": "force_custom_plan",
}


class _Unit(msgspec.Struct):
    code: str
    level: str


_UNITS: Final = msgspec.json.Decoder(list[_Unit])
_Since = Annotated[date, Query(alias="from")]


def create_app() -> FastAPI:
    """The application, on the database named in PLAIN_DSN; its tables are made when it starts."""
    writing, reading = _engine(_WRITERS, {}), _engine(_READERS, _READING)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with writing.connect() as connection:
            await connection.run_sync(metadata.create_all)
        # Connected before the first request, which would wait for it.
        for each in await asyncio.gather(*(writing.connect() for _ in range(_WRITERS))):
            await each.close()
        yield
        await writing.dispose()
        await reading.dispose()

    app = FastAPI(title="plain", lifespan=lifespan)
    _push(app, writing)
    _figures(app, reading)
    return app


def _engine(size: int, settings: dict[str, str]) -> AsyncEngine:
    """Every statement is a transaction of its own: there is nothing to roll back when a connection is given back."""
    return create_async_engine(
        make_url(os.environ["PLAIN_DSN"]).set(drivername="postgresql+asyncpg"),
        pool_size=size,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
        connect_args={"server_settings": settings},
    )


def _push(app: FastAPI, engine: AsyncEngine) -> None:
    @app.post("/events")
    async def push(request: Request) -> Response:
        try:
            made = rows(await request.body(), request.headers.get("content-type", ""))
        except Unsound as error:
            return _json({"detail": str(error)}, 422)
        accepted = 0
        if made:
            async with engine.connect() as connection:
                # The driver's own: single events come through faster without SQLAlchemy's cursor around it.
                driver = (await connection.get_raw_connection()).driver_connection
                assert isinstance(driver, asyncpg.Connection)
                if len(made) == 1:
                    said = await driver.execute(INSERT_ONE, *made[0])
                else:
                    said = await driver.execute(INSERT, *zip(*made, strict=True))
                accepted = int(said.rpartition(" ")[2])
        return _json({"accepted": accepted, "duplicates": len(made) - accepted})

    @app.put("/units")
    async def put_units(request: Request) -> Response:
        told = [msgspec.to_builtins(unit) for unit in _UNITS.decode(await request.body())]
        statement = insert(units)
        async with engine.connect() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["code"], set_={"level": statement.excluded.level}), told
            )
        return _json({"units": len(told)})

    @app.get("/health")
    async def health() -> Response:
        return _json({"ok": True})


def _figures(app: FastAPI, engine: AsyncEngine) -> None:
    @app.get("/scorecard")
    async def scorecard(unit: str, since: _Since, until: date) -> Response:
        async with engine.connect() as connection:
            return _json(await figures.scorecard(connection, unit, since, until))

    @app.get("/ranking")
    async def ranking(unit: str, since: _Since, until: date, level: str = "commune") -> Response:
        async with engine.connect() as connection:
            return _json(await figures.ranking(connection, unit, level, since, until))


def _json(body: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
