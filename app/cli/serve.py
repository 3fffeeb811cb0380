"""`chiso serve` and `chiso openapi`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, cast

import typer
import uvloop
from fastapi import FastAPI

from app import VERSION
from app.api.http.service import Service
from app.cli.running import console, database, fail, note, progress
from app.demo import load, province
from app.demo.living import past
from app.demo.year import events, procedures
from app.domain.calendar.civil import Instant
from app.logs import set_up_logging
from app.main import create_app, create_service
from app.messages import Message, spoken
from app.server.http import claim, serve
from app.settings import Settings, of_environment
from app.start import prove, weakness
from app.store import check, keys
from app.store.catalogues import roots


def serve_command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    demo: Annotated[
        bool, typer.Option("--demo", help="Load the demo province first; reading open on loopback.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live/--no-live", help="Whether the demo province lives on while it is served.")
    ] = True,
) -> None:
    """Serve the HTTP interface, with the embedded database when no CHISO_DATABASE__DSN is set."""
    settings = of_environment()
    claimed = _claim(host, port)
    if demo:
        settings.auth.open_reading = True
    with database(settings, own=True) as dsn:
        amiss = uvloop.run(prove(settings, dsn))
        service = create_service(settings, dsn)
        if amiss is not None:
            (fail if demo else note)(
                Message("{amiss}; not ready until then", "{amiss}; chưa sẵn sàng cho đến khi đó", amiss=amiss)
            )
        if (weak := weakness(settings)) is not None:
            note(weak)
        if demo:
            arrival = load.Arrival()
            key = uvloop.run(_prepare_demo(create_service(settings, dsn, arrival), arrival))
            _welcome(host, port, key)
        else:
            serving = Message(
                "serving on http://{host}:{port}", "đang phục vụ tại http://{host}:{port}", host=host, port=port
            )
            console.print(serving.said(spoken(os.environ)), highlight=False)
        set_up_logging(settings.log.level, check.plainly)
        app = create_app(service)
        if demo and live:
            _live_on(app, service)
        serve(app, claimed)


def _claim(host: str, port: int) -> socket.socket:
    try:
        return claim(host, port)
    except OSError as error:
        fail(
            Message(
                "cannot listen on port {port} of {host} ({why}): choose others by --host and --port",
                "không mở được cổng {port} của {host} ({why}): hãy chọn địa chỉ khác bằng --host và --port",
                port=port,
                host=host,
                why=str(error.strerror),
            )
        )


def _live_on(app: FastAPI, service: Service) -> None:
    """Let the demo province live as long as the application is there."""
    whole = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[Any]:
        async with whole(app) as state:
            task = asyncio.create_task(load.live_on(service))
            try:
                yield state
            finally:
                task.cancel()
                await asyncio.wait([task])

    app.router.lifespan_context = living


async def _prepare_demo(service: Service, arrival: load.Arrival) -> str:
    """Load a small demo province once, what has happened in it since, and make a key for this run."""
    try:
        await load.load_catalogues(service)
        async with service.database.connection("read") as connection:
            loaded = await roots.has_lives(connection, province.ROOT)
        now = Instant(time.time_ns() // 1000)
        if not loaded:
            total = events.estimate(None, _DEMO_SCALE)
            with progress("loading the demo province", total) as done:
                await load.load_events(service, None, _DEMO_SCALE, 1, now, done)
        with progress("living up to now", sum(1 for _ in past.moments(now))) as done:
            await load.load_past(service, arrival, now, done)
        async with service.database.connection("write") as connection:
            for old in await keys.listing(connection):
                if old.name == _DEMO_KEY and old.revoked_at is None:
                    await keys.revoke(connection, old.id)
            root_id = await roots.ensure(connection, province.ROOT)
            previous = service.peppers[1:]
            return await keys.create(
                connection, service.pepper, root_id, province.ROOT, ("ingest", "read", "admin"), _DEMO_KEY, previous
            )
    finally:
        await service.database.close()


_DEMO_SCALE = 0.005
_DEMO_KEY = "demo"
_WELCOMED = "H44.07"


def _welcome(host: str, port: int, key: str) -> None:
    address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '') else host}:{port}"  # noqa: S104
    known = next(row["code"] for row in procedures.procedures() if _WELCOMED in cast(list[str], row.get("units", [])))
    event = {
        "specversion": "1.0",
        "id": "my-first-event",
        "source": "/h44/thu",
        "type": "dossier.received",
        "subject": f"{_WELCOMED}-260105-900001",
        "time": "2026-01-05T08:12:00+07:00",
        "unit": _WELCOMED,
        "data": {"procedure": known, "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"},
    }
    print(
        f"""
chiso766 {VERSION}: the demo province Phú Thọ (H44) is served on {address}

Read a scorecard (reading is open on this machine):
  curl '{address}/v1/scorecard?unit=H44&period=2026'
  curl '{address}/v1/indicators'

All calls, with examples to try: {address}/docs

Push an event (writing needs this key, valid until the next start):
  curl -X POST '{address}/v1/events' -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/cloudevents+json' \\
    -d '{json.dumps(event)}'
  curl '{address}/v1/scorecard?unit={_WELCOMED}&period=2026'

Look at it (stop with Ctrl-C):
  {address}/
  {address}/units/{_WELCOMED}
  {address}/wall/{province.ROOT}
""",
        flush=True,
    )


def openapi_command() -> None:
    """Print the OpenAPI description."""
    service = create_service(Settings(), "postgresql://", secret=b"")
    json.dump(create_app(service).openapi(), sys.stdout, ensure_ascii=False, indent=2)
    print()
