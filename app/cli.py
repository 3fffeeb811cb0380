"""The `chiso` command: serve, demo, simulate, migrate, keys, ingest, rebuild, verify, openapi."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar, cast

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from app import loading, simulating
from app.api.service import Service
from app.bench.command import bench
from app.collecting import collect_less
from app.demo import procedures, province, simulate
from app.domain import codes
from app.main import VERSION, create_app, create_service, set_up_logging
from app.serving import PortInUse, claim, serve
from app.settings import Settings
from app.store import embedded, keys, migrate, rebuild, verify
from app.store.catalogues import ensure_root
from app.store.database import DatabaseUnavailable
from app.workers import Workers

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Exact indicators of Decision 766/QĐ-TTg from events."
)
keys_app = typer.Typer(no_args_is_help=True, help="Keys of the vendors, offices and dashboards that use the service.")
app.add_typer(keys_app, name="keys")
app.add_typer(bench, name="bench")

_err = Console(stderr=True)
_T = TypeVar("_T")


class Timescale(StrEnum):
    """Whether the event log becomes a hypertable."""

    auto = "auto"
    require = "require"
    off = "off"


class KeyScope(StrEnum):
    """What a key may do."""

    ingest = "ingest"
    read = "read"
    admin = "admin"


_TOLD = (loading.Refused, simulating.Refused, simulating.NothingToDo)


def main() -> None:
    """Run the command; failures a person can do something about are told in a line, without a traceback."""
    try:
        app()
    except (embedded.EmbeddedError, PortInUse, migrate.TimescaleMissing, *_TOLD) as error:
        _fail(str(error))
    except DatabaseUnavailable as error:
        _fail(f"the database cannot be reached: {error}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _fail(message: str) -> None:
    _err.print(f"chiso: {message}", style="red", highlight=False, soft_wrap=True)
    raise SystemExit(1)


@contextlib.contextmanager
def _database(settings: Settings, own: bool = False) -> Iterator[str]:
    """The address of the database: the setting, else the embedded one, started (and then migrated) if nobody runs it.

    Args:
        own: refuse when another process runs the embedded database, instead of using it beside that process.
    """
    if settings.database.dsn is not None:
        yield settings.database.dsn.get_secret_value()
        return
    start = embedded.start if own else embedded.attach_or_start
    with start(settings.data_dir) as server:
        if server.owned:
            migrate.upgrade(server.dsn)
        yield server.dsn


def _run(work: Callable[[Service], Awaitable[_T]]) -> _T:
    """Run `work` on a service over the configured database."""
    settings = Settings()
    set_up_logging("WARNING")

    async def whole(dsn: str) -> _T:
        service = create_service(settings, dsn)
        collect_less()
        try:
            return await work(service)
        finally:
            await service.database.close()

    with _database(settings) as dsn:
        return uvloop.run(whole(dsn))


@contextlib.contextmanager
def _stages(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for work in stages; call the result with the stage, how much of it is done, and of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_err) as bar:
        task = bar.add_task(what, total=None)
        yield lambda stage, done, of: bar.update(task, description=f"{what}: {stage}", completed=done, total=of or None)


@contextlib.contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; call the result with how many more are done."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_err) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.update(task, advance=more)


@app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    demo: Annotated[
        bool, typer.Option("--demo", help="Load the demo province first; reading open on loopback.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Processes that answer; CHISO_WORKERS without it, else 1.", min=1, max=64)
    ] = None,
) -> None:
    """Serve the HTTP interface, with the embedded database when no CHISO_DATABASE__DSN is set."""
    settings = Settings()
    set_up_logging(settings.log.level)
    count = workers or settings.workers
    claimed = claim(host, port)
    if demo:
        settings.auth.open_reading = True
    with _database(settings, own=True) as dsn:
        service = create_service(settings, dsn)
        if demo:
            key = uvloop.run(_prepare_demo(create_service(settings, dsn)))
            _welcome(host, port, key)
        else:
            _err.print(f"serving on http://{host}:{port}", highlight=False)
        if count == 1:
            serve(create_app(service), claimed)
        else:
            Workers(count, claimed, dsn, settings.auth.open_reading).run()


async def _prepare_demo(service: Service) -> str:
    """Load a small demo province once, and make a key for this run."""
    try:
        await loading.demo_catalogue(service)
        if not await loading.has_lives(service, province.ROOT):
            now = time.time_ns() // 1000
            total = simulate.estimate(None, _DEMO_SCALE)
            with _progress("loading the demo province", total) as done:
                await loading.demo_events(service, None, _DEMO_SCALE, 1, now, done)
        async with service.database.connection("write") as connection:
            for old in await keys.listing(connection):
                if old.name == _DEMO_KEY and old.revoked_at is None:
                    await keys.revoke(connection, old.id)
            root_id = await ensure_root(connection, province.ROOT)
            return await keys.create(
                connection, service.pepper, root_id, province.ROOT, ("ingest", "read", "admin"), _DEMO_KEY
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

Stop with Ctrl-C.
""",
        flush=True,
    )


@app.command("demo")
def demo_command(
    scale: Annotated[float, typer.Option(help="Share of the published dossiers, 1 is all.", min=0.0001, max=1)] = 0.01,
    units: Annotated[str, typer.Option(help="Codes, comma-separated; all units without it.")] = "",
    seed: Annotated[int, typer.Option(help="Another seed makes other lives of the same counts.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much would be loaded.")] = False,
) -> None:
    """Load the demo province Phú Thọ through intake; running it again changes nothing."""
    chosen = [each.strip() for each in units.split(",") if each.strip()] or None
    unknown = sorted(set(chosen or ()) - {unit["code"] for unit in province.units()})
    if unknown:
        _fail(f"no such unit in the demo province: {', '.join(unknown)}")
    total = simulate.estimate(chosen, scale)
    if dry_run:
        print(f"about {total:,} events of {len(chosen) if chosen else 'all'} units at scale {scale}")
        return

    async def work(service: Service) -> loading.Loaded:
        await loading.demo_catalogue(service)
        with _progress("loading", total) as done:
            return await loading.demo_events(service, chosen, scale, seed, time.time_ns() // 1000, done)

    print(_run(work))


@app.command("simulate")
def simulate_command(
    unit: Annotated[str, typer.Option(help="The unit that lives, with all under it.")] = province.ROOT,
    rate: Annotated[float, typer.Option(help="Events a second, on average.", min=0.01, max=5_000)] = 50,
    url: Annotated[str, typer.Option(help="Where the service is.")] = "http://127.0.0.1:8000",
    key: Annotated[str, typer.Option(help="Of the scopes read and ingest.", envvar="CHISO_KEY")] = "",
    seconds: Annotated[float | None, typer.Option(help="End after so long; without it, at Ctrl-C.", min=0.1)] = None,
    seed: Annotated[int, typer.Option(help="Another seed draws other lives.", min=0)] = 1,
    daily: Annotated[bool, typer.Option("--daily", help="The rate is a working day's mean; nights are quiet.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print twenty events and send none.")] = False,
) -> None:
    """Keep a province living: events that happen now, sent over HTTP as a careful vendor does."""
    pace = simulating.Pace(rate, daily, seconds)
    simulating.Simulation(
        url, key, unit, seed, pace, lambda line: _err.print(line, highlight=False, soft_wrap=True), print
    ).run(dry_run)


@app.command("migrate")
def migrate_command(
    timescale: Annotated[Timescale, typer.Option(help="Event log as a hypertable.")] = Timescale.auto,
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements instead of running them.")] = False,
) -> None:
    """Bring the database to this version's schema."""
    if sql:
        print(migrate.sql(timescale.value))
        return
    settings = Settings()
    with _database(settings) as dsn:
        migrate.upgrade(dsn, timescale.value)
    print(f"the database is at revision {migrate.head()}")


@keys_app.command("create")
def keys_create(
    scope: Annotated[list[KeyScope], typer.Option(help="What it may do; repeat for several.")],
    unit: Annotated[str, typer.Option(help="The unit it reaches, with all under it.")],
    name: Annotated[str, typer.Option(help="Whose it is, shown in lists and beside what it enters.")] = "",
) -> None:
    """Make a key and print it, this once only."""
    if not codes.is_unit_code(unit):
        _fail(f"{unit!r} is no unit code; one looks like H44 or H44.07")

    async def work(service: Service) -> str:
        async with service.database.connection("write") as connection, connection.transaction():
            root_id = await ensure_root(connection, codes.root_of(unit))
            scopes = tuple(dict.fromkeys(each.value for each in scope))
            return await keys.create(connection, service.pepper, root_id, unit, scopes, name)

    print(_run(work))
    _err.print("Keep it: it is not stored and cannot be shown again.", highlight=False)


@keys_app.command("list")
def keys_list() -> None:
    """List all keys, without their texts."""

    async def work(service: Service) -> list[keys.ListedKey]:
        async with service.database.connection("read") as connection:
            return await keys.listing(connection)

    for key in _run(work):
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(key.created_at / 1e6))
        state = "revoked" if key.revoked_at is not None else "in force"
        print(f"{key.id}  {key.unit:<16} {','.join(key.scopes):<18} {created}  {state:<8}  {key.name}")


@keys_app.command("revoke")
def keys_revoke(key_id: Annotated[str, typer.Argument(help="The id as `chiso keys list` shows it.")]) -> None:
    """Put a key out of force at once."""

    async def work(service: Service) -> bool:
        async with service.database.connection("write") as connection:
            return await keys.revoke(connection, key_id)

    if not _run(work):
        _fail(f"no key {key_id} is in force; see chiso keys list")
    print(f"key {key_id} is revoked")


@app.command("ingest")
def ingest_command(
    file: Annotated[Path, typer.Argument(help="Events, one JSON object a line.", exists=True, dir_okay=False)],
    unit: Annotated[
        str, typer.Option(help="Only events of this unit and under it; the first event's root without it.")
    ] = "",
) -> None:
    """Take in a file of events; interrupted, run it again: what is in already counts as a duplicate."""

    async def work(service: Service) -> loading.Loaded:
        with _progress(file.name, loading.count_lines(file)) as done:
            return await loading.file(service, file, unit, done)

    loaded = _run(work)
    print(loaded)
    for error in loaded.errors:
        _err.print(f"line {error.index + 1}: {error.code} {error.field or ''}: {error.detail}", highlight=False)
    if loaded.rejected:
        raise SystemExit(1)


@app.command("rebuild")
def rebuild_command(root: Annotated[str, typer.Option(help="The root; all without it.")] = "") -> None:
    """Replay the event log into the next generation of facts and tallies, and swap; reads and writes go on."""

    async def work(service: Service) -> None:
        for root_id, code in await loading.roots(service, root):
            with _stages(f"rebuilding {code}") as told:
                report = await rebuild.rebuild(service.database, service.intake, root_id, told)
            print(f"{code}: {report}")

    _run(work)


@app.command("verify")
def verify_command(
    deep: Annotated[bool, typer.Option("--deep", help="First fold the log anew and compare the facts.")] = False,
    root: Annotated[str, typer.Option(help="The root; all without it.")] = "",
) -> None:
    """Recount every tally from the facts, dossier by dossier; exit 1 and name the cells that differ."""

    async def work(service: Service) -> bool:
        clean = True
        for root_id, code in await loading.roots(service, root):
            with _stages(f"verifying {code}") as told:
                report = await verify.verify(service.database, root_id, deep, told)
            print(f"{code}: {report}")
            clean = clean and report.clean
        return clean

    if not _run(work):
        raise SystemExit(1)


@app.command("openapi")
def openapi_command() -> None:
    """Print the OpenAPI description."""
    service = create_service(Settings(), "postgresql://")
    json.dump(create_app(service).openapi(), sys.stdout, ensure_ascii=False, indent=2)
    print()


if __name__ == "__main__":
    main()
